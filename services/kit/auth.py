"""Who asks: bearer tokens (JWT) checked against an issuer's public keys. The issuer for development is `issuer.py`.

A token names a subject and scopes. What they allow is each route's business; here only the token is judged.
"""

import asyncio
import json
import ssl
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.security import HTTPBearer
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from pydantic import BaseModel, Field

from services.kit import logs
from services.kit.web import Problem

SCOPES = ("self", "team", "ops", "hr", "emit")
# Public-key algorithms only: with these pinned, neither `none` nor a shared secret can pass for a signature.
# EdDSA is the older name of Ed25519 (RFC 9864).
ALGORITHMS = ("Ed25519", "EdDSA", "RS256", "ES256")
TOKEN_CHARS_MAX = 8_192
SUBJECT_CHARS_MAX = 256
CLOCK_LEEWAY_SECONDS = 30
_KEYS_BYTES_MAX = 262_144
_URL_TIMEOUT_SECONDS = 5
_URL_FRESH_SECONDS = 300
# A token may name a key newer than ours; asking again is bounded, or a forger could make us ask all the time.
_URL_PAUSE_SECONDS = 30
_CHALLENGE = {"WWW-Authenticate": "Bearer"}
_log = logs.get("auth")


class AuthSettings(BaseModel):
    """Settings of a service that checks tokens; to be mixed into its settings."""

    jwt_issuer: str = "https://waystone.invalid/local"
    """Who must have issued a token (`iss`)."""
    jwt_audience: str = "waystone"
    """For whom a token must be (`aud`)."""
    jwt_jwks: Annotated[str, Field(max_length=2000)] = ""
    """The issuer's public keys: path of a JWKS file, or its https address. Without it no token is accepted."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. subject: an employee id or a system's name; scopes: what the issuer lets them try."""

    subject: str
    scopes: frozenset[str]


class KeySource:
    """The issuer's public keys, from a file (read again when it changes) or an https address (kept five minutes)."""

    def __init__(self, location: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """location: path or https URL; empty gives no keys. Raises ValueError for another kind of URL."""
        if "://" in location and urlsplit(location).scheme != "https":
            raise ValueError("JWT_JWKS: an address of keys must be https")
        self._location, self._now = location, now
        self._keys: KeySet | None = None
        self._file_state: tuple[int, int] | None = None
        self._fetched_at: datetime | None = None
        self._lock = asyncio.Lock()

    async def keys(self, *, unknown_key: bool = False) -> KeySet | None:
        """The keys as they are now; None while there are none. unknown_key: the ones we have did not fit."""
        if not self._location:
            return None
        async with self._lock:
            if "://" in self._location:
                await self._refresh_from_address(unknown_key)
            else:
                await asyncio.to_thread(self._refresh_from_file)
            return self._keys

    def _refresh_from_file(self) -> None:
        path = Path(self._location)
        try:
            state = path.stat()
            if self._file_state == (state.st_mtime_ns, state.st_size):
                return
            self._keys = _read_keys(path.read_bytes()[: _KEYS_BYTES_MAX + 1])
            self._file_state = (state.st_mtime_ns, state.st_size)
        except (OSError, ValueError) as error:
            # The keys we had stay good; without any, every token is refused.
            _log.warning("keys cannot be read", error=logs.error_name(error))

    async def _refresh_from_address(self, unknown_key: bool) -> None:
        now = self._now()
        age_max = _URL_PAUSE_SECONDS if unknown_key or self._keys is None else _URL_FRESH_SECONDS
        if self._fetched_at is not None and (now - self._fetched_at).total_seconds() < age_max:
            return
        self._fetched_at = now
        try:
            self._keys = _read_keys(await asyncio.to_thread(_fetch, self._location))
        except (OSError, ValueError) as error:
            _log.warning("keys cannot be fetched", error=logs.error_name(error))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Keys come from the address that was configured, and from no other."""

    def redirect_request(self, *_: Any) -> None:
        """Follow none."""


def _fetch(address: str) -> bytes:
    # Made anew each time: certificates we trust may have been renewed since.
    secure = urllib.request.HTTPSHandler(context=ssl.create_default_context())
    with urllib.request.build_opener(secure, _NoRedirect).open(
        address, timeout=_URL_TIMEOUT_SECONDS
    ) as response:
        data: bytes = response.read(_KEYS_BYTES_MAX + 1)
        return data


def _read_keys(data: bytes) -> KeySet:
    """Public keys of a JWKS document; a shared secret among them is left out. Raises ValueError."""
    if len(data) > _KEYS_BYTES_MAX:
        raise ValueError("too many keys")
    try:
        found = json.loads(data)["keys"]
        return KeySet.import_key_set({"keys": [key for key in found if key["kty"] != "oct"]})
    except (KeyError, TypeError, RecursionError, JoseError) as error:
        raise ValueError("not a key set") from error


class Authenticator:
    """Turns `Authorization: Bearer …` into a Principal; a FastAPI dependency."""

    def __init__(
        self, settings: AuthSettings, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._settings, self._now = settings, now
        self._source = KeySource(settings.jwt_jwks, now)

    async def __call__(self, request: Request) -> Principal:
        """The principal of a request. Raises Problem 401 `TOKEN_MISSING` or `TOKEN_BAD`."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token:
            raise Problem(401, "TOKEN_MISSING", "This needs a bearer token.", _CHALLENGE)
        principal = await self.check(token.strip())
        if principal is None:
            raise Problem(
                401, "TOKEN_BAD", "The token is forged, expired, or not meant for this.", _CHALLENGE
            )
        return principal

    async def check(self, token: str) -> Principal | None:
        """Judge one token; None for any that is not good, whatever the reason."""
        if len(token) > TOKEN_CHARS_MAX:
            return None
        keys = await self._source.keys()
        try:
            try:
                return self._read(token, keys)
            except InvalidKeyIdError:
                return self._read(token, await self._source.keys(unknown_key=True))
        except (JoseError, ValueError, TypeError, RecursionError):
            return None

    def _read(self, token: str, keys: KeySet | None) -> Principal | None:
        if keys is None:
            return None
        claims: dict[str, Any] = jwt.decode(token, keys, algorithms=list(ALGORITHMS)).claims
        registry = jwt.JWTClaimsRegistry(
            now=int(self._now().timestamp()),
            leeway=CLOCK_LEEWAY_SECONDS,
            iss={"essential": True, "value": self._settings.jwt_issuer},
            aud={"essential": True, "value": self._settings.jwt_audience},
            sub={"essential": True},
            exp={"essential": True},
        )
        registry.validate(claims)
        subject, scope = claims["sub"], claims.get("scope", "")
        if not (isinstance(subject, str) and 0 < len(subject) <= SUBJECT_CHARS_MAX and subject.isprintable()):
            return None
        scopes = scope.split() if isinstance(scope, str) else []
        return Principal(subject, frozenset(scopes) & frozenset(SCOPES))


BEARER = HTTPBearer(
    auto_error=False, bearerFormat="JWT", description="A token of the configured issuer, for this audience."
)
"""Declares the scheme in the OpenAPI document; the check itself is the Authenticator's."""
