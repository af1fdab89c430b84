"""An issuer of tokens for development and demos: an Ed25519 key pair in a folder, its JWKS file, signed tokens.

In production an identity provider issues the tokens and this is not used.
"""

import json
import os
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import OKPKey

from services.kit.auth import SCOPES, AuthSettings

LIFETIME_SECONDS_MAX = 86_400
_PRIVATE = "issuer-key.json"
_PUBLIC = "jwks.json"
_DEFAULTS = AuthSettings()


def jwks_file(folder: Path) -> Path:
    """Path of the public keys to give to the services (`JWT_JWKS`); creates the key pair if there is none."""
    _load_or_create(folder)
    return folder / _PUBLIC


def issue(
    folder: Path,
    subject: str,
    scopes: Sequence[str],
    lifetime_seconds: int = 3_600,
    *,
    issuer: str = _DEFAULTS.jwt_issuer,
    audience: str = _DEFAULTS.jwt_audience,
    now: datetime | None = None,
) -> str:
    """A signed token for `subject`.

    folder: where the key pair lies, created if absent. scopes: some of `SCOPES`. lifetime_seconds: 1–86,400.
    now: UTC, for tests. Raises ValueError for an unknown scope, an empty subject or a lifetime out of range.
    """
    if unknown := sorted(set(scopes) - set(SCOPES)):
        raise ValueError(f"unknown scope {unknown[0]!r}: choose from {', '.join(SCOPES)}")
    if not 1 <= lifetime_seconds <= LIFETIME_SECONDS_MAX:
        raise ValueError(f"a token lives 1 to {LIFETIME_SECONDS_MAX} seconds")
    if not subject:
        raise ValueError("a token needs a subject")
    key = _load_or_create(folder)
    issued_at = int((now or datetime.now(UTC)).timestamp())
    claims = {
        "iss": issuer,
        "aud": audience,
        "sub": subject,
        "scope": " ".join(scopes),
        "iat": issued_at,
        "exp": issued_at + lifetime_seconds,
    }
    return jwt.encode({"alg": "Ed25519", "kid": key.kid}, claims, key, algorithms=["Ed25519"])


def _load_or_create(folder: Path) -> OKPKey:
    private = folder / _PRIVATE
    if not private.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = OKPKey.generate_key("Ed25519", {"use": "sig"}, auto_kid=True)
        _create_once(private, json.dumps(made.as_dict(private=True)), 0o600)
    key = OKPKey.import_key(json.loads(private.read_text(encoding="utf-8")))
    public = folder / _PUBLIC
    if not public.exists():
        _create_once(public, json.dumps({"keys": [key.as_dict(private=False)]}), 0o644)
    return key


def _create_once(path: Path, text: str, mode: int) -> None:
    """Write a new file whole; if another process was first, its file stays."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(text)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
