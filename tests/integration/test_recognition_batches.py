"""What one batch after another leaves in the database and sends out, on a real Postgres."""

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from services.recognition import working_set
from tests.conftest import Database
from tests.integration.recognition_rig import (
    NOON,
    SOURCE,
    Rig,
    achievement,
    consumer_record,
    note,
    person,
    record,
    settings_for,
    types_of,
    withdrawal,
)


@pytest_asyncio.fixture
async def url(database: Database) -> str:
    return await database("recognition")


@pytest_asyncio.fixture
async def rig(url: str) -> AsyncIterator[Rig]:
    connection = await asyncpg.connect(url)
    yield Rig(connection, settings_for(url))
    await connection.close()


async def test_an_achievement_and_a_note_become_entries_that_name_their_cause(rig: Rig) -> None:
    told = await rig.apply(
        person("ada"), person("bo"),
        achievement("a-1", "ada", size="major", skills=["rust"], helped_by=["bo"]),
        note("n-1", "bo", "ada", about={"source": SOURCE, "id": "a-1"}),
    )  # fmt: skip
    assert told.outcomes == ["applied"] * 4
    assert types_of(told) == [
        "deed", "recognition/achievement", "growth/first-skill", "recognition/help", "recognition/thanks",
    ]  # fmt: skip
    deed, *_, thanks = told.outgoing
    assert (deed.key, dict(deed.headers)["ce_causationid"]) == (b"ada", b"a-1")
    assert dict(thanks.headers)["ce_source"] == b"urn:waystone:recognition"
    assert told.entries[-1]["answers"] == {"source": SOURCE, "id": "a-1"}


async def test_what_came_before_is_a_duplicate_or_a_conflict_within_a_batch_and_across(rig: Rig) -> None:
    again = json.loads(achievement("a-1", "ada").value or b"")
    reordered = record("achievement", id_="a-1", **dict(reversed(again.items())))
    other = achievement("a-1", "ada", title="Another")
    first = await rig.apply(person("ada"), achievement("a-1", "ada"), reordered, other)
    assert first.outcomes == ["applied", "applied", "duplicate", "ID_CONFLICT"]
    second = await rig.apply(other, reordered)
    assert second.outcomes == ["ID_CONFLICT", "duplicate"]
    assert (len(first.entries), len(second.entries)) == (1, 0)


async def test_a_refused_record_leaves_no_inbox_row(rig: Rig) -> None:
    told = await rig.apply(person("ada"), note("n-1", "ada", "ada"))
    assert told.outcomes == ["applied", "RULE_SELF_RECOGNITION"]
    assert await rig.count("inbox", "id = 'n-1'") == 0


_LEFT = [{"since": "2025-06-01", "status": "active"}, {"since": "2025-07-01", "status": "left"}]
_BAD = {
    "RULE_SELF_RECOGNITION": lambda n: note(f"bad-{n}", "ada", "bo", "ada"),
    "RULE_PERSON_LEFT": lambda n: note(f"bad-{n}", "ada", "left"),
    "RULE_PERSON_ERASED": lambda n: achievement(f"bad-{n}", "erased"),
    "ID_CONFLICT": lambda n: achievement("p-ada", "ada"),
}


@pytest.mark.parametrize(
    "places", [(0,), (2,), (4,), (0, 1, 2, 3, 4)], ids=["first", "middle", "last", "all"]
)
@pytest.mark.parametrize("code", _BAD)
async def test_a_bad_event_is_refused_wherever_it_stands_and_the_others_are_kept(
    rig: Rig, code: str, places: tuple[int, ...]
) -> None:
    await rig.apply(
        person("ada"), person("bo"), person("left", statuses=_LEFT),
        record("erasure", id_="x", employee="erased"),
    )  # fmt: skip
    batch = [_BAD[code](n) if n in places else achievement(f"a-{n}", "ada") for n in range(5)]
    told = await rig.apply(*batch)
    assert told.outcomes == [code if n in places else "applied" for n in range(5)]
    assert types_of(told) == ["deed"] * (5 - len(places))
    assert types_of(await rig.apply(achievement("a-next", "ada"))) == ["deed"]


async def test_parked_parts_are_released_by_the_batch_that_brings_the_person(rig: Rig) -> None:
    first = await rig.apply(person("ada"), person("bo"), note("n-1", "ada", "cy", "bo"))
    assert (first.outcomes[-1], [e["employee"] for e in first.entries]) == ("parked", ["bo"])
    behind = await rig.apply(achievement("a-1", "cy", skills=["sql"]), achievement("a-2", "cy"))
    assert (behind.outcomes, behind.entries) == (["parked", "parked"], [])
    assert await rig.connection.fetchval("SELECT waiting FROM person WHERE employee = 'cy'") == 3
    brought = await rig.apply(person("cy"), achievement("a-3", "cy"))
    assert [e["cause"]["id"] for e in brought.entries] == ["n-1", "a-1", "a-1", "a-2", "a-3"]
    assert await rig.count("parked") == 0
    assert await rig.connection.fetchval("SELECT waiting FROM person WHERE employee = 'cy'") == 0


async def test_entries_released_later_are_those_the_event_would_have_given_at_once(rig: Rig) -> None:
    await rig.apply(note("n-1", "ada", "bo"), achievement("a-1", "bo", size="major"))
    later = await rig.apply(person("bo"), person("ada"))
    async with rig.connection.transaction():
        await rig.connection.execute("TRUNCATE inbox, emitted")
    at_once = await rig.apply(note("n-1", "ada", "bo"), achievement("a-1", "bo", size="major"))
    assert sorted(map(str, at_once.entries)) == sorted(map(str, later.entries))


async def test_what_is_parked_outlives_a_clock_that_is_set_back(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rig.apply(achievement("a-1", "ada"))
    directory = person("ada", at=NOON - timedelta(days=2))

    class SetBack(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return NOON - timedelta(days=1)

    monkeypatch.setattr(working_set, "datetime", SetBack)
    assert types_of(await rig.apply(directory)) == ["deed"]


async def test_a_parked_note_refused_after_all_leaves_as_it_came_and_may_come_again(rig: Rig) -> None:
    sent = note("n-1", "ada", "bo")
    await rig.apply(person("ada"), sent)
    told = await rig.apply(person("bo", statuses=_LEFT))
    (dead,) = told.dead
    headers = dict(dead.headers)
    assert (dead.key, dead.value, headers["dlq_code"]) == (sent.key, sent.value, b"RULE_PERSON_LEFT")
    assert (headers["dlq_topic"], headers["dlq_offset"]) == (sent.topic.encode(), str(sent.offset).encode())
    assert headers["dlq_detail"] == b"somebody concerned had left before that day"
    assert (await rig.apply(sent)).outcomes == ["RULE_PERSON_LEFT"]


async def test_a_parked_note_leaves_once_whichever_batches_bring_its_recipients(rig: Rig) -> None:
    sent = note("n-1", "ada", "bo", "cy")
    await rig.apply(person("ada"), sent)
    assert len((await rig.apply(person("bo", statuses=_LEFT))).dead) == 1
    assert await rig.count("parked") == 0
    assert (await rig.apply(person("cy", statuses=_LEFT))).dead == []
    assert await rig.count("person", "waiting > 0") == 0


async def test_a_withdrawal_of_what_was_refused_in_part_outlasts_its_redrive(rig: Rig) -> None:
    sent = note("n-1", "ada", "bo", "cy")
    await rig.apply(person("ada"), person("bo"), sent)
    await rig.apply(person("cy", statuses=_LEFT))
    assert (await rig.apply(withdrawal("w-1", "n-1"))).outcomes == ["applied"]
    await rig.apply(person("cy", id_="p-cy-2", at=NOON + timedelta(hours=1)))
    again = await rig.apply(sent)
    assert types_of(again) == ["recognition/thanks"] * 2 + ["recognition-withdrawn"] * 2
    assert await rig.count("emitted", "NOT withdrawn") == 0
    assert await rig.count("awaiting") == 0


async def test_an_event_sent_again_while_another_part_of_it_still_waits_keeps_the_count_right(
    rig: Rig,
) -> None:
    sent = note("n-1", "ada", "bo", "cy")
    await rig.apply(person("ada"), sent)
    await rig.apply(person("bo", statuses=_LEFT))
    await rig.apply(person("bo", id_="p-bo-2", at=NOON + timedelta(hours=1)))
    again = await rig.apply(sent)
    assert (again.outcomes, [e["employee"] for e in again.entries]) == (["parked"], ["bo"])
    brought = await rig.apply(person("cy"), achievement("a-1", "cy"))
    assert (brought.outcomes, types_of(brought)) == (["applied"] * 2, ["recognition/thanks", "deed"])


async def test_no_more_waits_for_one_person_than_the_bound_across_batches(url: str) -> None:
    connection = await asyncpg.connect(url)
    rig = Rig(connection, settings_for(url, parked_per_person_max=2, parked_max=3))
    await rig.apply(achievement("a-1", "ada"))
    told = await rig.apply(achievement("a-2", "ada"), achievement("a-3", "ada"))
    assert told.outcomes == ["parked", "RULE_PARKED_TOO_MANY"]
    told = await rig.apply(achievement("a-4", "bo"), achievement("a-5", "cy"), withdrawal("w", "unseen"))
    assert told.outcomes == ["parked", "RULE_PARKED_TOO_MANY", "RULE_PARKED_TOO_MANY"]
    assert (await rig.apply(person("ada"))).entries != []
    assert (await rig.apply(achievement("a-5", "cy"))).outcomes == ["parked"]
    await connection.close()


async def test_a_withdrawal_takes_back_across_batches_once(rig: Rig) -> None:
    given = await rig.apply(person("ada"), achievement("a-1", "ada", size="major", skills=["rust"]))
    taken = await rig.apply(withdrawal("w-1", "a-1"), withdrawal("w-2", "a-1"))
    assert taken.outcomes == ["applied", "ignored"]
    assert [e["withdraws"] for e in taken.entries] == sorted(e["entry"] for e in given.entries)
    assert (await rig.apply(withdrawal("w-3", "a-1"), withdrawal("w-1", "a-1"))).outcomes == [
        "ignored", "duplicate",
    ]  # fmt: skip
    assert await rig.count("emitted", "NOT withdrawn") == 0


async def test_a_withdrawal_before_its_original_waits_for_it(rig: Rig) -> None:
    assert (await rig.apply(person("ada"), withdrawal("w-1", "a-1"))).outcomes[1] == "parked"
    told = await rig.apply(achievement("a-1", "ada"))
    assert (told.outcomes, types_of(told)) == (["applied"], ["deed", "recognition-withdrawn"])
    assert await rig.count("awaiting") == 0
    assert (await rig.apply(achievement("a-1", "ada"))).outcomes == ["duplicate"]


async def test_a_withdrawal_drops_parked_parts(rig: Rig) -> None:
    await rig.apply(person("ada"), note("n-1", "ada", "bo", "cy"))
    assert (await rig.apply(withdrawal("w-1", "n-1"))).outcomes == ["applied"]
    assert (await rig.apply(person("bo"), person("cy"))).entries == []
    assert await rig.count("person", "waiting > 0") == 0


async def test_an_erasure_leaves_no_word_and_no_date_of_the_person(rig: Rig) -> None:
    canary = "Zugspitzplatt"
    await rig.apply(person("ada"), achievement("a-0", "ada", skills=["rust"]))
    await rig.apply(
        note("n-1", "ada", "bo", deed=canary), achievement("a-1", "cy", title=canary, helped_by=["ada"])
    )
    await rig.apply(record("preferences", id_="w", employee="ada", celebrate="private"))
    assert await rig.count("parked", f"position('{canary}' IN encode(record, 'escape')) > 0") == 2
    told = await rig.apply(
        record("erasure", id_="e-1", employee="ada"), record("erasure", id_="e-2", employee="cy")
    )
    assert (told.outcomes, told.entries) == (["applied"] * 2, [])
    assert await rig.count("parked") == 0
    assert await rig.count("skill") == 0
    assert await rig.count("person", "waiting > 0") == 0
    row = await rig.connection.fetchrow("SELECT * FROM person WHERE employee = 'ada'")
    assert row is not None
    assert {name: row[name] for name in ("periods", "record_time", "wishes_time", "celebrate", "erased")} == {
        "periods": None, "record_time": None, "wishes_time": None, "celebrate": "team", "erased": True,
    }  # fmt: skip
    told = await rig.apply(achievement("a-2", "ada"), note("n-2", "ada", "bo"), person("ada", id_="p-2"))
    assert told.outcomes == ["RULE_PERSON_ERASED"] * 3


@pytest.mark.parametrize("apart", [False, True], ids=["in-one-batch", "in-several"])
async def test_who_was_erased_is_not_named_by_a_deed_that_waited(rig: Rig, apart: bool) -> None:
    records = [
        person("bo"),
        achievement("a-1", "ada", helped_by=["bo", "cy"], accepted_by="di"),
        record("erasure", id_="x-1", employee="cy"),
        record("erasure", id_="x-2", employee="di"),
        person("ada"),
    ]
    tolds = [await rig.apply(r) for r in records] if apart else [await rig.apply(*records)]
    [deed] = [entry for told in tolds for entry in told.entries if entry["type"] == "deed"]
    assert deed["helped_by"] == ["bo"]
    assert "accepted_by" not in deed


async def test_skills_seen_in_the_batch_that_erases_a_person_go_too(rig: Rig) -> None:
    erased = record("erasure", id_="e", employee="ada")
    await rig.apply(person("ada"), achievement("a-1", "ada", skills=["rust"]), erased)
    assert await rig.count("skill") == 0


async def test_a_skill_used_before_is_no_first_for_what_is_released_later(rig: Rig) -> None:
    await rig.apply(person("ada"), achievement("a-1", "ada", skills=["rust"]))
    gone = consumer_record("recognition.people.v1", b"ada", None, [], NOON + timedelta(days=1))
    await rig.apply(gone, achievement("a-2", "ada", skills=["rust"]))
    told = await rig.apply(person("ada", id_="p-2", at=NOON + timedelta(days=2)))
    assert types_of(told) == ["deed"]


async def test_a_tombstone_takes_a_directory_record_away(rig: Rig) -> None:
    await rig.apply(person("ada"))
    gone = consumer_record("recognition.people.v1", b"ada", None, [], NOON + timedelta(days=1))
    assert (await rig.apply(gone, achievement("a-1", "ada"))).outcomes == ["applied", "parked"]
    assert (await rig.apply(gone)).outcomes == ["ignored"]


async def test_firsts_count_since_the_first_migration_when_no_backfill_is_declared(url: str) -> None:
    connection = await asyncpg.connect(url)
    rig = Rig(connection, settings_for(url, history_since=None))
    today = await connection.fetchval("SELECT day FROM beginning")
    new = [{"since": today.isoformat(), "status": "active"}]
    told = await rig.apply(
        person("ada"), person("bo", statuses=new),
        achievement("a-1", "ada", skills=["rust"]), achievement("a-2", "bo", skills=["rust"]),
    )  # fmt: skip
    assert types_of(told) == ["deed", "deed", "growth/first-skill"]
    assert await rig.count("skill") == 2
    await connection.close()
