"""`waystone token` and `waystone link`: what they print opens what it should."""

import json
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from services.cli.__main__ import run
from services.ledger.links import Signer

KEY = "k" * 32


def claims_of(token: str, folder: Path) -> dict[str, object]:
    """Checked against the public keys in the issuer's folder."""
    keys = KeySet.import_key_set(json.loads((folder / "jwks.json").read_text()))
    return dict(jwt.decode(token, keys, algorithms=["EdDSA", "Ed25519"]).claims)


def test_a_token_holds_subject_scopes_and_its_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "e-1",
        "--scope",
        "self",
        "--scope",
        "team",
        "--minutes",
        "5",
        "--issuer-folder",
        str(tmp_path),
    ]
    assert run(["token", *arguments]) == 0
    claims = claims_of(capsys.readouterr().out.strip(), tmp_path)
    assert (claims["sub"], claims["scope"]) == ("e-1", "self team")
    assert int(str(claims["exp"])) - int(str(claims["iat"])) == 300


def test_a_token_is_for_oneself_unless_told_otherwise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["token", "e-1", "--json", "--issuer-folder", str(tmp_path)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert claims_of(told["token"], tmp_path)["scope"] == "self"
    assert told["jwt_jwks"] == str(tmp_path / "jwks.json")


def test_issuer_and_audience_are_those_the_services_are_set_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JWT_ISSUER", "https://issuer.example")
    monkeypatch.setenv("JWT_AUDIENCE", "elsewhere")
    assert run(["token", "e-1", "--issuer-folder", str(tmp_path)]) == 0
    claims = claims_of(capsys.readouterr().out.strip(), tmp_path)
    assert (claims["iss"], claims["aud"]) == ("https://issuer.example", "elsewhere")


@pytest.mark.parametrize("arguments", [["e-1", "--scope", "everything"], ["e-1", "--minutes", "0"], [""]])
def test_an_impossible_token_is_one_line_and_exit_code_2(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["token", *arguments, "--issuer-folder", str(tmp_path)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("waystone: ")


def test_a_link_opens_the_page_of_that_person_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PAGE_LINK_KEY", KEY)
    monkeypatch.setenv("LEDGER_URL", "http://127.0.0.1:8080/")
    assert run(["link", "e-1", "--minutes", "3"]) == 0
    parts = urlsplit(capsys.readouterr().out.strip())
    assert parts.path == "/people/e-1/open"
    query = parse_qs(parts.query)
    expires, signature, now = int(query["expires"][0]), query["signature"][0], datetime.now(UTC)
    assert 170 <= expires - now.timestamp() <= 181
    assert Signer(KEY).link_is_good("e-1", expires, signature, now)
    assert not Signer(KEY).link_is_good("e-2", expires, signature, now)


@pytest.mark.parametrize(
    ("key", "url", "employee"),
    [(None, "http://x", "e-1"), (KEY, None, "e-1"), ("short", "http://x", "e-1"), (KEY, "ftp://x", "e-1"),
     (KEY, "http://x", "../e-1")],
)  # fmt: skip
def test_a_link_that_cannot_be_made_is_one_line_without_the_key(
    key: str | None,
    url: str | None,
    employee: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in (("PAGE_LINK_KEY", key), ("LEDGER_URL", url)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    assert run(["link", employee]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("waystone: ")
    assert "short" not in line
