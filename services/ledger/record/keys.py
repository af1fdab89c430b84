"""The issuer's Ed25519 keys: made from a secret, so that a deployment keeps one line of text and no key file.

Private key = HMAC-SHA-256(secret, purpose), as RFC 8032 takes any 32 bytes; the secret must be random. A former
secret's public key stays published, so that records signed with it can still be checked.
"""

import hmac
import warnings
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.jwk import OKPKey

SECRET_CHARS_MIN = 32
FORMER_MAX = 20
_PURPOSE = b"waystone record signing key 1"
# RFC 9864 calls it Ed25519; verifiers of Open Badges know it by its older name.
ALGORITHM = "EdDSA"


class IssuerKeys:
    """Signs with the first secret's key; publishes every one's."""

    def __init__(self, secrets: Sequence[str], address: str) -> None:
        """secrets: the present one, then former ones. address: where the keys are published, without a slash."""
        if not 1 <= len(secrets) <= FORMER_MAX + 1 or any(len(s) < SECRET_CHARS_MIN for s in secrets):
            raise ValueError(f"RECORD_KEY and former ones need at least {SECRET_CHARS_MIN} characters each")
        self._keys = [_key_of(secret) for secret in secrets]
        self._address = address

    def public(self) -> list[dict[str, Any]]:
        """Every public key as a JWK; the first is the one that signs."""
        return [
            {**key.as_dict(private=False), "kid": self._address_of(key), "use": "sig", "alg": ALGORITHM}
            for key in self._keys
        ]

    def find(self, thumbprint: str) -> dict[str, Any] | None:
        """The public key with this RFC 7638 thumbprint."""
        found = (jwk for jwk in self.public() if jwk["kid"].rpartition("/")[2] == thumbprint)
        return next(found, None)

    def sign(self, payload: bytes) -> str:
        """Compact JWS over `payload`; its `kid` is the address of the public key."""
        key = self._keys[0]
        header = {"alg": ALGORITHM, "typ": "vc+jwt", "kid": self._address_of(key)}
        with warnings.catch_warnings():
            # Of the name of the algorithm, which RFC 9864 replaces.
            warnings.simplefilter("ignore")
            return jws.serialize_compact(header, payload, key, algorithms=[ALGORITHM])

    def _address_of(self, key: OKPKey) -> str:
        return f"{self._address}/{key.thumbprint()}"


def _key_of(secret: str) -> OKPKey:
    seed = hmac.new(secret.encode(), _PURPOSE, sha256).digest()
    return OKPKey.import_key(Ed25519PrivateKey.from_private_bytes(seed))
