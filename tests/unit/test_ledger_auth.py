"""A token is good only if the configured issuer signed it, for us, for now."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from services.kit import auth, issuer
from services.kit.auth import Authenticator, AuthSettings, Principal

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


def authenticator(jwks: Path | str, **settings: Any) -> Authenticator:
    return Authenticator(AuthSettings(jwt_jwks=str(jwks), **settings), lambda: NOW)


def claims(**changes: Any) -> dict[str, Any]:
    usual = {
        "iss": AuthSettings().jwt_issuer,
        "aud": "waystone",
        "sub": "e-1042",
        "scope": "self",
        "exp": int(NOW.timestamp()) + 600,
    }
    return {name: value for name, value in (usual | changes).items() if value is not None}


def unsigned(header: dict[str, Any], body: dict[str, Any]) -> str:
    parts = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, body)
    )
    return ".".join(parts) + "."


async def test_a_token_of_the_local_issuer_is_good_for_its_subject_and_scopes(tmp_path: Path) -> None:
    token = issuer.issue(tmp_path, "e-1042", ["self", "team"], now=NOW)
    found = await authenticator(issuer.jwks_file(tmp_path)).check(token)
    assert found == Principal("e-1042", frozenset({"self", "team"}))


@pytest.mark.parametrize("seconds", [0, 86_401])
def test_the_local_issuer_gives_no_token_for_longer_than_a_day(tmp_path: Path, seconds: int) -> None:
    with pytest.raises(ValueError, match="lives"):
        issuer.issue(tmp_path, "e-1042", ["self"], seconds)


def test_the_local_issuer_knows_its_scopes_and_wants_a_subject(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown scope"):
        issuer.issue(tmp_path, "e-1042", ["everything"])
    with pytest.raises(ValueError, match="subject"):
        issuer.issue(tmp_path, "", ["self"])


def test_the_private_key_is_for_its_owner_alone_and_never_in_the_public_file(tmp_path: Path) -> None:
    public = issuer.jwks_file(tmp_path / "new")
    assert (tmp_path / "new" / "issuer-key.json").stat().st_mode & 0o077 == 0
    assert all("d" not in key for key in json.loads(public.read_text())["keys"])


@pytest.mark.parametrize(
    "change",
    [
        {"exp": int(NOW.timestamp()) - 60},
        {"exp": None},
        {"exp": "tomorrow"},
        {"aud": "payroll"},
        {"aud": None},
        {"iss": "https://evil.invalid"},
        {"iss": None},
        {"sub": None},
        {"sub": 7},
        {"nbf": int(NOW.timestamp()) + 600},
    ],
    ids=str,
)
async def test_a_well_signed_token_that_is_stale_or_not_meant_for_us_is_refused(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    jwks = issuer.jwks_file(tmp_path)
    key = OKPKey.import_key(json.loads((tmp_path / "issuer-key.json").read_text()))

    def signed(body: dict[str, Any]) -> str:
        return jwt.encode({"alg": "Ed25519", "kid": key.kid}, body, key, algorithms=["Ed25519"])

    assert await authenticator(jwks).check(signed(claims())) is not None
    assert await authenticator(jwks).check(signed(claims(**change))) is None


async def test_without_a_signature_nothing_is_believed(tmp_path: Path) -> None:
    jwks = issuer.jwks_file(tmp_path)
    kid = json.loads(jwks.read_text())["keys"][0]["kid"]
    for header in ({"alg": "none"}, {"alg": "none", "kid": kid}, {"alg": "Ed25519", "kid": kid}, {}):
        assert await authenticator(jwks).check(unsigned(header, claims())) is None


async def test_the_public_key_is_no_shared_secret(tmp_path: Path) -> None:
    jwks = issuer.jwks_file(tmp_path)
    public = json.loads(jwks.read_text())["keys"][0]
    secret = OctKey.import_key(base64.urlsafe_b64decode(public["x"] + "=="))
    forged = jwt.encode({"alg": "HS256", "kid": public["kid"]}, claims(), secret, algorithms=["HS256"])
    assert await authenticator(jwks).check(forged) is None


async def test_a_shared_secret_among_the_keys_is_left_out(tmp_path: Path) -> None:
    secret = OctKey.import_key(b"0" * 32, {"kid": "s"})
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [secret.as_dict(private=True)]}))
    token = jwt.encode({"alg": "HS256", "kid": "s"}, claims(), secret, algorithms=["HS256"])
    assert await authenticator(path).check(token) is None


async def test_another_key_s_signature_is_refused(tmp_path: Path) -> None:
    token = issuer.issue(tmp_path / "other", "e-1042", ["self"], now=NOW)
    assert await authenticator(issuer.jwks_file(tmp_path / "ours")).check(token) is None


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize(
    ("algorithm", "make"),
    [
        ("RS256", lambda: RSAKey.generate_key(2048, auto_kid=True)),
        ("ES256", lambda: ECKey.generate_key("P-256", auto_kid=True)),
        ("Ed25519", lambda: OKPKey.generate_key("Ed25519", auto_kid=True)),
        ("EdDSA", lambda: OKPKey.generate_key("Ed25519", auto_kid=True)),
    ],
)
async def test_an_identity_provider_may_sign_by_any_of_the_pinned_algorithms(
    tmp_path: Path, algorithm: str, make: Callable[[], RSAKey | ECKey | OKPKey]
) -> None:
    key = make()
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    token = jwt.encode({"alg": algorithm, "kid": key.kid}, claims(), key, algorithms=[algorithm])
    assert await authenticator(path).check(token) == Principal("e-1042", frozenset({"self"}))


async def test_new_keys_in_the_file_are_used_without_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    gate = authenticator(path)
    first = issuer.issue(tmp_path / "one", "e-1", ["self"], now=NOW)
    second = issuer.issue(tmp_path / "two", "e-2", ["self"], now=NOW)
    assert await gate.check(first) is None
    path.write_text(issuer.jwks_file(tmp_path / "one").read_text())
    assert await gate.check(first) is not None
    path.write_text(issuer.jwks_file(tmp_path / "two").read_text() + "\n")
    assert await gate.check(first) is None
    assert await gate.check(second) is not None


async def test_keys_that_cannot_be_read_leave_the_ones_we_had(tmp_path: Path) -> None:
    jwks = issuer.jwks_file(tmp_path)
    gate = authenticator(jwks)
    token = issuer.issue(tmp_path, "e-1", ["self"], now=NOW)
    assert await gate.check(token) is not None
    for broken in ("", "[" * 100_000, '{"keys": 3}', '{"keys": [{"kty": "RSA"}]}'):
        jwks.write_text(broken)
        assert await gate.check(token) is not None


async def test_keys_at_an_address_are_asked_for_again_but_not_for_every_forged_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = NOW
    served = issuer.jwks_file(tmp_path / "one").read_bytes()
    asked: list[str] = []

    def fetch(address: str) -> bytes:
        asked.append(address)
        return served

    monkeypatch.setattr(auth, "_fetch", fetch)
    gate = Authenticator(AuthSettings(jwt_jwks="https://login.invalid/jwks"), lambda: now)
    assert await gate.check(issuer.issue(tmp_path / "one", "e-1", ["self"], now=now)) is not None
    newer = issuer.issue(tmp_path / "two", "e-2", ["self"], now=now)
    for _ in range(20):
        assert await gate.check(newer) is None
    assert len(asked) == 1
    served = issuer.jwks_file(tmp_path / "two").read_bytes()
    now += timedelta(seconds=31)
    assert await gate.check(newer) is not None
    assert len(asked) == 2


def test_keys_come_by_https_or_not_at_all() -> None:
    with pytest.raises(ValueError, match="https"):
        authenticator("http://login.invalid/jwks")


async def test_without_keys_every_token_is_refused(tmp_path: Path) -> None:
    token = issuer.issue(tmp_path, "e-1", ["self"], now=NOW)
    assert await authenticator("").check(token) is None


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "é.é.é", "x" * 9_000, "[" * 4_000, "\x00"])
async def test_garbage_is_refused_quietly(tmp_path: Path, token: str) -> None:
    assert await authenticator(issuer.jwks_file(tmp_path)).check(token) is None
