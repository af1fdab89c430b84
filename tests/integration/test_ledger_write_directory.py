"""The newest record of a person wins whatever the order; what is erased stays erased."""

import itertools
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import asyncpg
import pytest_asyncio
from aiokafka import ConsumerRecord

from services.kit.sql import Connection
from services.ledger import reading
from services.ledger.domain import CELEBRATE
from tests.conftest import Database
from tests.integration.ledger_write_rig import (
    APPLIED,
    DUPLICATE,
    IGNORED,
    apply,
    at,
    other,
    thanks,
    tombstone,
)

_IDENTIFY = """SELECT set_config('waystone.subject', $1, true), set_config('waystone.scopes', $2, true),
                      set_config('waystone.day', $3, true)"""


@pytest_asyncio.fixture
async def connection(database: Database) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(await database("ledger"))
    yield connection
    await connection.close()


def person(day: int, id_: str, name: str, employee: str = "e-1") -> ConsumerRecord:
    return other("person", at(day), id_, employee=employee, name=name, email="a@example.invalid",
                 teams=[{"since": "2024-01-01", "team": "firmware"}, {"since": "2025-06-01", "team": "field"}],
                 managers=[{"since": "2024-01-01", "manager": "e-9"}, {"since": "2026-01-01"}],
                 statuses=[{"since": "2024-01-01", "status": "active"}], formerly=["old-1"])  # fmt: skip


def wish(day: int, id_: str, celebrate: str, employee: str = "e-1") -> ConsumerRecord:
    return other("preferences", at(day), id_, employee=employee, celebrate=celebrate)


def erasure(employee: str, scope: str = "received") -> ConsumerRecord:
    return other("erasure", at(40), f"erase-{employee}-{scope}", employee=employee, scope=scope)


async def test_a_person_is_kept_with_dated_teams_and_managers(connection: Connection) -> None:
    await apply(connection, [person(1, "p1", "Ada")])
    row: Any = await connection.fetchrow("SELECT * FROM person")
    assert (row["name"], row["team"], row["manager"], row["status"]) == (
        "Ada", ["firmware", "field"], ["e-9", ""], ["active"],
    )  # fmt: skip
    assert [str(day) for day in row["team_since"]] == ["2024-01-01", "2025-06-01"]
    assert row["formerly"] == ["old-1"]


async def test_periods_given_newest_first_mean_the_same(connection: Connection) -> None:
    newest_first = other("person", at(1), "p1", employee="e-1", name="Ada",
                         teams=[{"since": "2025-06-01", "team": "field"}, {"since": "2024-01-01", "team": "firmware"}],
                         managers=[{"since": "2026-01-01"}, {"since": "2024-01-01", "manager": "e-9"}],
                         statuses=[{"since": "2026-02-01", "status": "left"},
                                   {"since": "2024-01-01", "status": "active"}])  # fmt: skip
    await apply(connection, [newest_first])
    for day, leads in ((date(2025, 7, 1), True), (date(2026, 7, 1), False)):
        async with connection.transaction():
            await connection.execute(_IDENTIFY, "e-9", "team", day.isoformat())
            assert await reading.leads(connection, "e-1") is leads
    person = await reading.person(connection, "e-1", date(2025, 7, 1))
    assert person is not None
    assert (person.team, person.start) == ("field", date(2024, 1, 1))
    assert await connection.fetchval("SELECT status FROM person") == ["active", "left"]


async def test_the_newest_person_wins_in_any_order(connection: Connection) -> None:
    versions = [("p1", 1, "first"), ("p2", 2, "second"), ("p3", 2, "third")]
    for number, order in enumerate(itertools.permutations(versions)):
        employee = f"e-{number}"
        records = [person(day, id_, name, employee) for id_, day, name in order]
        await apply(connection, records[:2])
        await apply(connection, records[2:])
    assert {row["name"] for row in await connection.fetch("SELECT name FROM person")} == {"third"}


async def test_a_persons_record_again_is_a_duplicate_an_older_one_ignored_and_another_body_refused(
    connection: Connection,
) -> None:
    assert await apply(connection, [person(2, "p2", "Ada"), person(2, "p2", "Ada")]) == [APPLIED, DUPLICATE]
    again = [person(2, "p2", "Ada"), person(1, "p1", "Old"), person(2, "p2", "Eve")]
    assert await apply(connection, again) == [DUPLICATE, IGNORED, "ID_CONFLICT"]
    assert await connection.fetchval("SELECT name FROM person") == "Ada"


async def test_the_newest_wish_wins_and_on_a_tie_the_more_private(connection: Connection) -> None:
    versions = [("w1", 1, "not-at-all"), ("w2", 2, "public"), ("w2", 2, "private")]
    for number, order in enumerate(itertools.permutations(versions)):
        wishes = [wish(day, id_, celebrate, f"e-{number}") for id_, day, celebrate in order]
        for record in wishes:
            await apply(connection, [record])
        assert sorted(await apply(connection, wishes)) == [DUPLICATE, IGNORED, IGNORED]
    kept = await connection.fetch("SELECT DISTINCT celebrate FROM preference")
    assert [row["celebrate"] for row in kept] == [CELEBRATE["private"]]


PEOPLE, PREFERENCES = "recognition.people.v1", "recognition.preferences.v1"


async def test_a_tombstone_takes_a_persons_record_away_and_an_older_one_does_not_bring_it_back(
    connection: Connection,
) -> None:
    orders = list(itertools.permutations(range(3)))
    for number, order in enumerate(orders):
        who = f"e-{number}"
        records = [person(1, "p1", "old", who), person(2, "p2", "newer", who), tombstone(PEOPLE, who, at(3))]
        for index in order:
            await apply(connection, [records[index]])
    assert await connection.fetchval("SELECT count(*) FROM person") == 0
    gone = tombstone(PEOPLE, "e-0", at(3))
    assert await apply(connection, [gone, person(1, "p1", "old", "e-0")]) == [DUPLICATE, IGNORED]
    assert await apply(connection, [person(4, "p4", "back", "e-0"), gone]) == [APPLIED, IGNORED]
    assert await connection.fetchval("SELECT name FROM person") == "back"


async def test_of_wishes_that_were_taken_away_the_default_holds_again(connection: Connection) -> None:
    orders = list(itertools.permutations(range(3)))
    for number, order in enumerate(orders):
        who = f"e-{number}"
        records = [wish(1, "w1", "public", who), wish(2, "w2", "not-at-all", who),
                   tombstone(PREFERENCES, who, at(3))]  # fmt: skip
        for index in order:
            await apply(connection, [records[index]])
    assert await connection.fetchval("SELECT count(*) FROM preference") == 0
    gone = tombstone(PREFERENCES, "e-0", at(3))
    assert await apply(connection, [gone, wish(2, "w2", "public", "e-0")]) == [DUPLICATE, IGNORED]
    assert await apply(connection, [wish(4, "w4", "private", "e-0"), gone]) == [APPLIED, IGNORED]
    assert await connection.fetchval("SELECT celebrate FROM preference") == CELEBRATE["private"]


async def test_a_tombstone_of_somebody_erased_is_ignored_and_one_without_a_readable_key_refused(
    connection: Connection,
) -> None:
    await apply(connection, [erasure("e-1")])
    assert await apply(connection, [tombstone(PEOPLE, "e-1", at(41)), tombstone(PREFERENCES, "e-1", at(41)),
                                    tombstone(PEOPLE, "no id", at(41))]) == [
        IGNORED, IGNORED, "RECORD_BAD",
    ]  # fmt: skip


async def test_an_erased_person_leaves_no_words_and_no_record_whatever_the_order(
    connection: Connection,
) -> None:
    orders = list(itertools.permutations(range(4)))
    for number, order in enumerate(orders):
        who = f"e-{number}"
        records = [person(1, "p1", "Ada", who), wish(1, "w1", "team", who), thanks(who, at(3), "n", "giver"),
                   erasure(who)]  # fmt: skip
        for index in order:
            await apply(connection, [records[index]])
        await apply(connection, [thanks("other", at(3), who, who)])
    assert await connection.fetchval("SELECT count(*) FROM person") == 0
    assert await connection.fetchval("SELECT count(*) FROM preference") == 0
    words = await connection.fetch("SELECT DISTINCT employee FROM words")
    assert [row["employee"] for row in words] == ["other"]
    received = await connection.fetch("SELECT received_count FROM standing WHERE starts_with(employee, 'e-')")
    assert [row["received_count"] for row in received] == [1] * len(orders)


async def test_words_given_go_too_where_that_was_asked(connection: Connection) -> None:
    for number, order in enumerate(itertools.permutations(range(3))):
        giver = f"e-{number}"
        records = [thanks("to", at(3), f"from-{giver}", giver), thanks("to", at(3), f"kept-{giver}", "kept"),
                   erasure(giver, "given")]  # fmt: skip
        for index in order:
            await apply(connection, [records[index]])
    left = await connection.fetch("SELECT e.giver FROM words AS w JOIN entry AS e ON e.id = w.entry_id")
    assert [row["giver"] for row in left] == ["kept"] * 6


async def test_an_erasure_may_reach_further_later_but_never_less_far(connection: Connection) -> None:
    await apply(connection, [thanks("e-1", at(3), "to", "e-2"), thanks("e-2", at(3), "from", "e-1")])
    assert await apply(connection, [erasure("e-1")]) == [APPLIED]
    assert await apply(connection, [erasure("e-1", "given")]) == [APPLIED]
    assert await apply(connection, [erasure("e-1"), erasure("e-1", "given")]) == [DUPLICATE, DUPLICATE]
    assert await connection.fetchval("SELECT (scope, words_erased) = (2, 2) FROM erasure")


async def test_everything_in_one_batch_ends_the_same(connection: Connection) -> None:
    records = [
        erasure("e-1"),
        thanks("e-1", at(3), "n", "e-2"),
        person(1, "p1", "Ada"),
        wish(1, "w1", "team"),
    ]
    assert await apply(connection, records) == [APPLIED, APPLIED, IGNORED, IGNORED]
    assert await connection.fetchval("SELECT count(*) FROM words") == 0
