"""What an employee says about their own entries, and what the others then still see."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from tests.conftest import Database
from tests.integration.ledger_api_rig import NOW, Client, Desk, ago, code_of, serving, small_company
from tests.integration.ledger_read_company import Company
from tests.integration.ledger_write_rig import APPLIED, apply, at, other

WALL, HISTORY, LED = "/v1/wall", "/v1/people/ann/history", "/v1/deeds/waiting?of=team"
REASON = {"reason": "That was Bob, not me."}


@pytest_asyncio.fixture
async def desk(database: Database, tmp_path: Path) -> AsyncIterator[Desk]:
    async with serving(await database("ledger"), tmp_path) as made:
        yield made


@pytest_asyncio.fixture
async def company(desk: Desk) -> Company:
    return await small_company(desk)


@pytest.fixture
def client(desk: Desk) -> Client:
    return desk.client


async def titles(client: Client, asker: tuple[str, str], path: str) -> list[str]:
    answer = await client(*asker).get(path)
    assert answer.status_code == 200, answer.text
    (listed,) = (value for value in answer.json().values() if isinstance(value, list))
    return [one["title"] for one in listed]


async def public_thanks(company: Company, title: str = "Swept up") -> UUID:
    await company.prefers("ann", "public")
    return await company.thanks("ann", "bob", ago(2), title=title, visibility="public")


async def test_a_hidden_entry_vanishes_for_others_and_stays_for_the_person(
    company: Company, client: Client
) -> None:
    entry = await public_thanks(company)
    deed = await company.entry("deed", "ann", ago(8), title="Did it", size="small", visibility="team")
    await company.fold()
    views = [(("bob", "self"), WALL), (("lea", "team"), HISTORY), (("lea", "team"), LED)]
    assert [await titles(client, *view) for view in views] == [
        ["Swept up"],
        ["Swept up", "Did it"],
        ["Did it"],
    ]
    for hidden in (entry, deed):
        answer = await client("ann", "self").put(f"/v1/people/ann/entries/{hidden}/hidden")
        assert answer.status_code == 204
    assert [await titles(client, *view) for view in views] == [[], [], []]
    assert (await client("lea", "team").get(f"/v1/people/ann/entries/{entry}")).status_code == 404
    gaps = (await client("lea", "team").get("/v1/teams/firmware/gaps")).json()
    assert gaps["unanswered"] == []
    own = (await client("ann", "self").get(HISTORY)).json()["entries"]
    assert [(e["title"], e["kept_from_others"]) for e in own] == [("Swept up", True), ("Did it", True)]
    for hidden in (entry, deed):
        await client("ann", "self").delete(f"/v1/people/ann/entries/{hidden}/hidden")
    assert [await titles(client, *view) for view in views] == [
        ["Swept up"],
        ["Swept up", "Did it"],
        ["Did it"],
    ]


async def test_a_withdrawn_entry_is_gone_for_others_and_without_words_for_the_person(
    company: Company, client: Client, desk: Desk
) -> None:
    entry = await public_thanks(company)
    await company.fold()
    path = f"/v1/people/ann/entries/{entry}/withdrawal"
    for _ in range(2):
        answer = await client("ann", "self").post(path)
        assert (answer.status_code, answer.json()["withdrawn"]) == (200, True)
    assert await titles(client, ("bob", "self"), WALL) == []
    assert await titles(client, ("lea", "team"), HISTORY) == []
    (own,) = (await client("ann", "self").get(HISTORY)).json()["entries"]
    assert (own["withdrawn"], own["title"], own["words"]) == (True, None, None)
    standing = (await client("ann", "self").get("/v1/people/ann/standing")).json()
    assert standing["received"] == 1, "what was counted stays counted"


async def test_the_wall_hangs_only_what_its_recipient_wants_public_today(
    company: Company, client: Client
) -> None:
    await public_thanks(company)
    await company.thanks("bob", "ann", ago(1), title="Bob prefers not", visibility="public")
    await company.thanks("ann", "bob", ago(1), title="In the team", visibility="team")
    assert await titles(client, ("yan", "self"), WALL) == ["Swept up"]
    await company.prefers("ann", "team")
    assert await titles(client, ("yan", "self"), WALL) == []
    await company.prefers("ann", "public")
    note = await company.thanks("ann", "zoe", ago(3), title="Taken back", visibility="public")
    await company.withdraw("ann", note, ago(1))
    assert await titles(client, ("yan", "self"), WALL) == ["Swept up"]


async def test_the_wall_is_read_in_pages_newest_first(company: Company, client: Client) -> None:
    await company.prefers("ann", "public")
    made = [
        str(await company.thanks("ann", "bob", ago(days), visibility="public")) for days in (90, 30, 3, 2, 1)
    ]
    seen: list[str] = []
    cursor: dict[str, Any] = {}
    while True:
        page = (await client("zoe", "self").get(WALL, params={"limit": 2, **cursor})).json()
        seen += [one["id"] for one in page["recognitions"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert seen == made[::-1]


async def test_a_dispute_has_an_owner_and_an_end(company: Company, client: Client) -> None:
    entry = await public_thanks(company)
    path = f"/v1/people/ann/entries/{entry}/dispute"
    opened = await client("ann", "self").post(path, json=REASON)
    assert opened.status_code == 201
    found = opened.json()
    assert (found["owner"], found["state"], found["due_on"]) == ("lea", "open", "2026-12-23")
    assert await titles(client, ("bob", "self"), WALL) == [], "off the wall until it is decided"
    (own,) = (await client("ann", "self").get(HISTORY)).json()["entries"]
    assert own["disputed"]
    waiting = (await client("lea", "team").get("/v1/disputes")).json()["disputes"]
    assert [(one["entry"], one["reason"]) for one in waiting] == [(str(entry), REASON["reason"])]
    assert (await client("hr-desk", "hr").get("/v1/disputes")).json()["disputes"] == []
    ended = await client("lea", "team").post(
        f"{path}/decision", json={"accepted": False, "answer": "It was you."}
    )
    assert (ended.status_code, ended.json()["state"]) == (200, "declined")
    assert await titles(client, ("bob", "self"), WALL) == ["Swept up"]
    again = await client("lea", "team").post(f"{path}/decision", json={"accepted": True, "answer": "Or not."})
    assert code_of(again) == (409, "DISPUTE_DECIDED")
    assert code_of(await client("ann", "self").post(path, json=REASON)) == (409, "DISPUTE_EXISTS")
    assert (await client("ann", "self").get(path)).json()["answer"] == "It was you."


async def test_an_accepted_dispute_withdraws_the_entry(company: Company, client: Client) -> None:
    entry = await public_thanks(company)
    path = f"/v1/people/ann/entries/{entry}/dispute"
    await client("ann", "self").post(path, json=REASON)
    ended = await client("lea", "team").post(
        f"{path}/decision", json={"accepted": True, "answer": "You are right."}
    )
    assert ended.json()["state"] == "accepted"
    assert await titles(client, ("lea", "team"), HISTORY) == []
    (own,) = (await client("ann", "self").get(HISTORY)).json()["entries"]
    assert (own["withdrawn"], own["disputed"]) == (True, False)


async def test_hr_owns_the_dispute_of_somebody_without_a_lead_and_every_overdue_one(
    company: Company, client: Client, desk: Desk
) -> None:
    of_lea = await company.thanks("lea", "ann", ago(2))
    of_ann = await company.thanks("ann", "bob", ago(2))
    for who, entry in (("lea", of_lea), ("ann", of_ann)):
        await client(who, "self").post(f"/v1/people/{who}/entries/{entry}/dispute", json=REASON)
    listed = (await client("hr-desk", "hr").get("/v1/disputes")).json()["disputes"]
    assert [(one["employee"], one["owner"]) for one in listed] == [("lea", None)]
    await desk.owner.execute("UPDATE dispute SET due_on = $1", NOW.date() - timedelta(days=1))
    listed = (await client("hr-desk", "hr").get("/v1/disputes")).json()["disputes"]
    assert {one["employee"] for one in listed} == {"lea", "ann"}
    path = f"/v1/people/ann/entries/{of_ann}/dispute/decision"
    ended = await client("hr-desk", "hr").post(path, json={"accepted": True, "answer": "So be it."})
    assert ended.json()["state"] == "accepted"


async def test_nobody_decides_their_own_dispute(company: Company, client: Client, desk: Desk) -> None:
    entry = await company.thanks("lea", "ann", ago(2))
    path = f"/v1/people/lea/entries/{entry}/dispute"
    await client("lea", "self").post(path, json=REASON)
    answer = await client("lea", "self", "team", "hr").post(
        f"{path}/decision", json={"accepted": True, "answer": "Mine."}
    )
    assert code_of(answer) == (404, "NOT_FOUND")


async def test_entries_under_a_former_id_are_one_s_own_to_hide_and_dispute(
    company: Company, client: Client
) -> None:
    entry = await company.thanks("bob-before", "ann", ago(500))
    path = f"/v1/people/bob/entries/{entry}"
    assert (await client("bob", "self").get(path)).json()["entry"]["id"] == str(entry)
    assert (await client("bob", "self").post(f"{path}/dispute", json=REASON)).json()["owner"] == "lea"
    assert (await client("lea", "team").get(f"{path}/dispute")).status_code == 200
    assert (await client("bob", "self").put(f"{path}/hidden")).status_code == 204
    assert (await client("lea", "team").get(path)).status_code == 404


async def test_the_same_key_changes_nothing_a_second_time_and_another_request_is_refused(
    company: Company, client: Client
) -> None:
    entry = await public_thanks(company)
    path = f"/v1/people/ann/entries/{entry}/dispute"
    keyed = {"Idempotency-Key": "a-key"}
    first = await client("ann", "self").post(path, json=REASON, headers=keyed)
    again = await client("ann", "self").post(path, json=REASON, headers=keyed)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    other = await client("ann", "self").post(path, json={"reason": "Something else."}, headers=keyed)
    assert code_of(other) == (422, "IDEMPOTENCY_KEY_REUSED")
    elsewhere = await client("ann", "self").post(f"/v1/people/ann/entries/{entry}/withdrawal", headers=keyed)
    assert code_of(elsewhere) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_erasure_empties_a_dispute_of_words(company: Company, client: Client, desk: Desk) -> None:
    entry = await public_thanks(company)
    await client("ann", "self").post(f"/v1/people/ann/entries/{entry}/dispute", json=REASON)
    async with desk.writer.acquire() as connection:
        erasure = other("erasure", at(50), "erasure-1", employee="ann", scope="received")
        assert await apply(connection, [erasure]) == [APPLIED]  # type: ignore[arg-type]
    assert await desk.owner.fetchval("SELECT reason FROM dispute WHERE employee = 'ann'") == ""


async def test_deeds_that_wait_are_listed_oldest_first_without_the_titles_of_private_ones(
    company: Company, client: Client
) -> None:
    await company.entry(
        "deed", "ann", ago(9), title="Older", size="small", visibility="team", cause=("s", "1")
    )
    await company.entry("deed", "bob", ago(8), title="Private", size="notable", visibility="private")
    await company.entry("deed", "ann", ago(1), title="Fresh", size="small", visibility="team")
    await company.entry("deed", "yan", ago(1), title="Elsewhere", size="small", visibility="team")
    await company.entry(
        "deed", "ann", ago(5), title="Answered", size="small", visibility="team", cause=("s", "2")
    )
    await company.thanks("ann", "bob", ago(4), answers=("s", "2"))
    await company.fold()
    led = (await client("lea", "team").get(LED)).json()["deeds"]
    assert [(d["title"], d["name"]) for d in led] == [("Older", "Ann"), (None, "Bob"), ("Fresh", "Ann")]
    assert await titles(client, ("bob", "self"), "/v1/deeds/waiting") == ["Private"]
    first = (await client("lea", "team").get(f"{LED}&limit=2")).json()
    rest = (await client("lea", "team").get(f"{LED}&limit=2&cursor={first['next']}")).json()
    assert [d["title"] for d in rest["deeds"]] == ["Fresh"]
    assert rest["next"] is None
