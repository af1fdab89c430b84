"""Erasure, export and the portable record over HTTP: who may have what."""

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from joserfc.jwk import OKPKey
from openbadgeslib.ob3.verifier import OB3Verifier

from services.kit import outbox
from services.kit.sql import Pool
from services.ledger.links import Signer, sign_record
from services.ledger.record.credential import Issuer
from services.ledger.record.keys import IssuerKeys
from services.ledger.record.web import MEDIA_TYPE, Recorder
from tests.conftest import Database
from tests.integration.ledger_api_rig import KEY, NOW, Client, Desk, serving
from tests.integration.ledger_read_company import Company

BASE = "http://ledger"
PUBLIC, TEAM, PRIVATE, GIVEN = "said in public", "said in the team", "said in private", "said by Ann"


@pytest_asyncio.fixture
async def desk(database: Database, tmp_path: Path) -> AsyncIterator[Desk]:
    """The API with the roles it has in production, and somebody who issues records."""
    address = f"{BASE}/records"
    recorder = Recorder(Issuer("Larkfield", address), IssuerKeys(["s" * 40], f"{address}/keys"), Signer(KEY))
    async with serving(await database("ledger"), tmp_path, recorder=recorder) as made:
        yield made


@pytest.fixture
def pool(desk: Desk) -> Pool:
    """Connections of the owner, who sees everything."""
    return desk.owner


@pytest.fixture
def client(desk: Desk) -> Client:
    """`client("ann", "self")` asks with a token of that subject and scopes; `client()` without one."""
    return desk.client


@pytest_asyncio.fixture
async def company(pool: Pool) -> AsyncIterator[Company]:
    """Ann has left; Bob thanked her in three circles, and she thanked him."""
    async with pool.acquire() as connection:
        made = Company(connection)  # type: ignore[arg-type]
        left = [(date(2026, 11, 1), "left")]
        await made.person("ann", "Ann Fischer", formerly=["ann-before"], status=left)
        await made.person("bob", "Bob")
        for number, (visibility, words) in enumerate(
            [("public", PUBLIC), ("team", TEAM), ("private", PRIVATE)]
        ):
            at = NOW - timedelta(days=100 + number)
            await made.thanks("ann", "bob", at, visibility=visibility, words=words, title="Pumps")
        await made.thanks(
            "bob", "ann", NOW - timedelta(days=90), visibility="private", words=GIVEN, title=GIVEN
        )
        yield made


async def erase(pool: Pool, employee: str) -> None:
    await pool.execute(
        "INSERT INTO erasure (employee, requested_at, scope) VALUES ($1, $2, 1)", employee, NOW
    )


def link(carry: Any = "team", employee: str = "ann", at: datetime = NOW) -> str:
    return sign_record(BASE, employee, carry, KEY, at, 365)


# --- erasure --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subject", "scopes", "status"),
    [
        (None, (), 401),
        ("ann", ("self",), 403),
        ("lea", ("team",), 403),
        ("ops", ("ops",), 403),
        ("hr-1", ("hr",), 202),
    ],
)
async def test_only_hr_erases(
    client: Client, pool: Pool, subject: str | None, scopes: tuple[str, ...], status: int
) -> None:
    answer = await client(subject, *scopes).post("/v1/people/ann/erasure", json={})
    assert answer.status_code == status, answer.text
    assert await pool.fetchval("SELECT count(*) FROM outbox") == (status == 202)


async def test_an_erasure_leaves_by_the_outbox_and_its_receipt_is_found_where_the_answer_says(
    company: Company, client: Client, pool: Pool
) -> None:
    hr = client("hr-1", "hr")
    answer = await hr.post("/v1/people/ann/erasure", json={"scope": "given", "request": "case-1"})
    assert (answer.status_code, answer.json()["scope"]) == (202, "given")
    [record] = outbox.unpack(await pool.fetchval("SELECT records FROM outbox"))
    assert (record.topic, record.key) == ("recognition.erasures.v1", b"ann")
    assert dict(record.headers)["ce_id"] == answer.json()["event"].encode()
    assert (await hr.get(answer.headers["location"])).status_code == 404
    await erase(pool, "ann")
    receipt = (await hr.get(answer.headers["location"])).json()
    assert (receipt["complete"], receipt["last_day"]) == (False, None)
    assert receipt["waiting_for"] == ["recognition", "ledger", "notifier"]
    assert (await client("ann", "self").get(answer.headers["location"])).status_code == 403


async def test_an_erasure_never_asks_for_less_than_one_before(client: Client, pool: Pool) -> None:
    await pool.execute("INSERT INTO erasure (employee, requested_at, scope) VALUES ('ann', $1, 2)", NOW)
    answer = await client("hr-1", "hr").post("/v1/people/ann/erasure", json={"scope": "received"})
    assert answer.json()["scope"] == "given"


async def test_a_former_id_is_erased_under_the_present_one(company: Company, client: Client) -> None:
    answer = await client("hr-1", "hr").post("/v1/people/ann-before/erasure", json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "FORMER_ID")


@pytest.mark.parametrize("body", [{"scope": "all"}, {"request": "Ann Fischer asked"}, {"why": "x"}])
async def test_a_request_that_says_something_else_is_refused(client: Client, body: dict[str, str]) -> None:
    answer = await client("hr-1", "hr").post("/v1/people/ann/erasure", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "REQUEST_BAD")


# --- export ---------------------------------------------------------------------------------------------------


async def test_a_person_gets_all_words_they_received_and_gave(company: Company, client: Client) -> None:
    answer = await client("ann", "self").get("/v1/people/ann/export")
    assert answer.status_code == 200
    found = answer.json()
    assert {entry["words"] for entry in found["history"]} == {PUBLIC, TEAM, PRIVATE}
    assert [(one["recipient"], one["words"]) for one in found["given"]] == [("bob", GIVEN)]
    assert (found["ids"], found["complete"]) == (["ann", "ann-before"], True)
    assert found["directory"][0]["name"] == "Ann Fischer"


async def test_hr_gets_the_same_without_a_word_and_not_from_whom_private_notes_came(
    company: Company, client: Client
) -> None:
    answer = await client("hr-1", "hr").get("/v1/people/ann/export")
    assert answer.status_code == 200
    assert not any(words in answer.text for words in (PUBLIC, TEAM, PRIVATE, GIVEN, "Pumps"))
    found = answer.json()
    assert [entry["giver"] for entry in found["history"]] == ["bob", "bob", None]
    assert [one["recipient"] for one in found["given"]] == [None]
    assert found["words_included"] is False


@pytest.mark.parametrize(
    ("subject", "scope"), [("bob", "self"), ("bob", "team"), ("ann", "team"), ("ann", "ops")]
)
async def test_nobody_else_exports(company: Company, client: Client, subject: str, scope: str) -> None:
    assert (await client(subject, scope).get("/v1/people/ann/export")).status_code == 404


# --- the record -----------------------------------------------------------------------------------------------


async def test_a_leavers_record_opens_without_login_and_a_stranger_verifies_it(
    company: Company, client: Client
) -> None:
    stranger = client()
    page = await stranger.get(link(), headers={"accept": "text/html"})
    assert page.status_code == 200
    assert "Ann Fischer" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    credential = await stranger.get(link().replace("/ann?", "/ann/credential?"))
    assert credential.headers["content-type"] == MEDIA_TYPE
    [key] = (await stranger.get("/records/keys")).json()["keys"]
    assert (await stranger.get(key["kid"])).json() == key
    pem = OKPKey.import_key({name: key[name] for name in ("kty", "crv", "x")}).as_pem(private=False)
    read = OB3Verifier(pem).verify(credential.text)
    assert read.issuer.id == (await stranger.get("/records/issuer")).json()["id"]
    assert {evidence.narrative for evidence in read.evidence} == {PUBLIC, TEAM}


@pytest.mark.parametrize(
    ("carry", "carried"),
    [("public", {PUBLIC}), ("team", {PUBLIC, TEAM}), ("private", {PUBLIC, TEAM, PRIVATE})],
)
async def test_a_record_carries_what_the_person_chose(
    company: Company, client: Client, carry: str, carried: set[str]
) -> None:
    page = (await client().get(link(carry))).text
    assert {words for words in (PUBLIC, TEAM, PRIVATE, GIVEN) if words in page} == carried
    assert page.count("from <strong>Bob</strong>") == len(carried - {PRIVATE})


async def test_a_record_shuts_with_the_link_and_with_an_erasure(
    company: Company, client: Client, pool: Pool
) -> None:
    stranger = client()
    bad = [link(at=NOW - timedelta(days=366)), link() + "0", link("team").replace("team", "private"),
           link(employee="bob").replace("/bob?", "/ann?"), f"{BASE}/records/ann"]  # fmt: skip
    assert [(await stranger.get(url)).status_code for url in bad] == [404] * len(bad)
    assert (await stranger.get(link())).status_code == 200
    await erase(pool, "ann")
    for url in (link(), link().replace("/ann?", "/ann/credential?")):
        answer = await stranger.get(url)
        assert (answer.status_code, answer.json()["code"]) == (404, "LINK_BAD")


async def test_the_persons_page_offers_the_record(company: Company, client: Client) -> None:
    asking = client()
    query = Signer(KEY).link_query("ann", NOW)
    page = await asking.get(f"/people/ann/open?{query}", follow_redirects=True)
    [offered] = [
        part.split('"')[0] for part in page.text.split('href="') if part.startswith("/records/ann?carry=team")
    ]
    assert (await asking.get(offered.replace("&amp;", "&"))).status_code == 200
