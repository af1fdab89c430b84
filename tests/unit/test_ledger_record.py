"""The record a person takes along, read by somebody who has never heard of us: a third-party library."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from joserfc.jwk import OKPKey
from openbadgeslib.ob3.verifier import OB3VerificationError, OB3Verifier

from services.ledger.links import RECORD_DAYS_MAX, Carry, Signer, sign_record
from services.ledger.pages import timeline
from services.ledger.record.credential import Issuer, credential, signed
from services.ledger.record.keys import IssuerKeys
from services.ledger.view import Entry

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
SECRET, FORMER = "s" * 40, "f" * 40
ISSUER = Issuer("Larkfield Instruments", "https://waystone.example/records")
ID = UUID("01a124d7-cd48-82f1-9dc7-f4f958d34824")
LINKS = Signer("only-for-tests-only-for-tests-only")


def keys(*secrets: str) -> IssuerKeys:
    return IssuerKeys(secrets or (SECRET,), f"{ISSUER.address}/keys")


def pem_of(jwk: dict[str, Any]) -> bytes:
    return OKPKey.import_key({name: jwk[name] for name in ("kty", "crv", "x")}).as_pem(private=False)


def moments() -> list[timeline.Moment]:
    entries = [
        Entry(id=ID, kind="recognition", occurred_at=NOW, sort="thanks", by="person", giver="e-2",
              giver_name="Ines Marchetti", title="Flood alarms", words="You stayed. 🌊 «grazie»", impact="I slept.",
              visibility="team", skills=("incident-response",)),
        Entry(id=UUID(int=ID.int - 1), kind="recognition", occurred_at=NOW - timedelta(days=40), sort="milestone",
              by="rule", title="First release", visibility="public"),
    ]  # fmt: skip
    return [moment for month in timeline.build(entries, UTC).months for moment in month.moments]


def token(secret: str = SECRET, carried: list[timeline.Moment] | None = None) -> str:
    payload = credential(ISSUER, "Ada Osei", moments() if carried is None else carried, id_=ID, now=NOW)
    return signed(payload, keys(secret))


def test_a_stranger_verifies_the_record_with_the_published_key() -> None:
    [public] = keys().public()
    read = OB3Verifier(pem_of(public)).verify(token())
    assert read.issuer.name == "Larkfield Instruments"
    assert [identity.identity_hash for identity in read.identifiers] == ["Ada Osei"]
    assert read.achievement.tags == ["incident response"]
    thanks, milestone = read.evidence
    assert (thanks.name, thanks.narrative) == ("Flood alarms", "You stayed. 🌊 «grazie»\n\nI slept.")
    assert thanks.description == "Thanks from Ines Marchetti, 23 November 2026"
    assert (milestone.name, milestone.genre) == ("First release", "Milestone")


def test_no_employee_id_is_on_it() -> None:
    payload = token().split(".")[1]
    text = base64.urlsafe_b64decode(payload + "==").decode()
    assert "e-2" not in text
    assert "Ines" in text


def test_an_empty_record_verifies_too() -> None:
    [public] = keys().public()
    assert OB3Verifier(pem_of(public)).verify(token(carried=[])).evidence == []


def test_another_issuers_key_and_an_altered_record_do_not_verify() -> None:
    [public] = keys().public()
    with pytest.raises(OB3VerificationError):
        OB3Verifier(pem_of(public)).verify(token(FORMER))
    header, payload, signature = token().split(".")
    body = json.loads(base64.urlsafe_b64decode(payload + "=="))
    body["evidence"][0]["narrative"] = "You ran the company."
    forged = base64.urlsafe_b64encode(json.dumps(body).encode()).rstrip(b"=").decode()
    with pytest.raises(OB3VerificationError):
        OB3Verifier(pem_of(public)).verify(f"{header}.{forged}.{signature}")


def test_a_record_signed_before_the_key_changed_is_still_checked() -> None:
    old = token(FORMER)
    header = json.loads(base64.urlsafe_b64decode(old.split(".")[0] + "=="))
    rotated = keys(SECRET, FORMER)
    named = rotated.find(header["kid"].rpartition("/")[2])
    assert named is not None
    assert named["kid"] == header["kid"]
    assert OB3Verifier(pem_of(named)).verify(old).achievement.name.startswith("Record of recognition")
    assert keys().find(header["kid"].rpartition("/")[2]) is None


def test_public_keys_hold_nothing_private() -> None:
    assert all("d" not in jwk for jwk in keys(SECRET, FORMER).public())
    with pytest.raises(ValueError, match="at least 32"):
        keys("short")


@pytest.mark.parametrize("carry", ["public", "team", "private"])
def test_a_link_opens_one_record_as_it_was_chosen_until_it_ends(carry: Carry) -> None:
    url = sign_record("https://waystone.example/", "e-1", carry, LINKS.key, NOW, 365)
    assert url.startswith(f"https://waystone.example/records/e-1?carry={carry}&expires=")
    expires, signature = (part.partition("=")[2] for part in url.partition("?")[2].split("&")[1:])
    at, late = NOW + timedelta(days=364), NOW + timedelta(days=366)
    assert LINKS.record_is_good("e-1", carry, int(expires), signature, at)
    assert not LINKS.record_is_good("e-1", carry, int(expires), signature, late)
    assert not LINKS.record_is_good("e-2", carry, int(expires), signature, at)
    assert not LINKS.record_is_good("e-1", carry, int(expires) + 1, signature, at)
    others: list[Carry] = ["public", "team", "private"]
    wider = [one for one in others if one != carry]
    assert not any(LINKS.record_is_good("e-1", one, int(expires), signature, at) for one in wider)
    assert not LINKS.link_is_good("e-1", int(expires), signature, at)


def test_a_link_lives_ten_years_at_most() -> None:
    with pytest.raises(ValueError, match="days"):
        LINKS.record_query("e-1", "team", NOW, RECORD_DAYS_MAX + 1)
