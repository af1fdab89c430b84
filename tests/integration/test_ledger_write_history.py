"""History keeps every entry once, never changed; months come as they are needed; lanes do not hurt each other."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import pytest
import pytest_asyncio

from services.kit.sql import Connection
from services.ledger.domain import fold
from services.ledger.handlers import LedgerHandler
from tests.conftest import Database
from tests.integration.ledger_write_rig import (
    APPLIED,
    DUPLICATE,
    apply,
    at,
    entry,
    entry_of,
    items_of,
    stored,
    thanks,
    withdrawal,
)

_WAITS = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND wait_event_type = 'Lock'"


@pytest_asyncio.fixture
async def lanes(database: Database) -> AsyncIterator[list[Connection]]:
    """Two lanes' connections and one to look on."""
    url = await database("ledger")
    connections = [await asyncpg.connect(url) for _ in range(3)]
    yield connections
    for connection in connections:
        await connection.close()


@pytest.fixture
def connection(lanes: list[Connection]) -> Connection:
    return lanes[0]


async def until_waiting(watcher: Connection, other: Connection) -> None:
    async with asyncio.timeout(30):
        while not await watcher.fetchval(_WAITS, other.get_server_pid()):
            await asyncio.sleep(0.01)


async def test_an_entry_is_kept_whole(connection: Connection) -> None:
    record = thanks("e-1", at(3), "note", "e-2", words="You stopped the release.", impact="Nobody was woken.",
                    skills=["release-management"], goal="calm-nights", value="trust", basis="effort", size="small",
                    answers={"source": "urn:tracker", "id": "work"}, visibility="team",
                    giver_is_manager=True)  # fmt: skip
    await apply(connection, [record])
    row = await connection.fetchrow("SELECT * FROM entry JOIN words ON entry_id = id")
    assert row is not None
    kept = entry_of(record)
    assert {name: row[name] for name in kept._fields if name not in ("id", "skills")} == {
        name: value for name, value in kept._asdict().items() if name not in ("id", "skills")
    }
    assert (str(row["id"]), row["skills"]) == (kept.id, ["release-management"])
    assert (row["title"], row["words"], row["impact"]) == (
        "Thanks",
        "You stopped the release.",
        "Nobody was woken.",
    )
    assert len(row["salt"]) == 16


async def test_the_lines_of_a_career_picture_are_kept(connection: Connection) -> None:
    lines = [{"skill": "frontend", "outcome": "Senior engineer", "told": "The last metre."}]
    await apply(connection, [entry("career-picture", at(3), "p", employee="e-1", title="Map", lines=lines,
                                   reluctance="dont-know-how", follow_up="2026-11-05")])  # fmt: skip
    told = await connection.fetchval("SELECT lines::jsonb -> 0 ->> 'told' FROM words")
    assert told == "The last metre."
    assert str(await connection.fetchval("SELECT follow_up FROM entry")) == "2026-11-05"


async def test_the_same_entry_twice_in_a_batch_counts_once(connection: Connection) -> None:
    record = thanks("e-1", at(3), "note", "e-2")
    assert await apply(connection, [record, record]) == [APPLIED, DUPLICATE]
    assert (await stored(connection, "e-")) == fold([entry_of(record)])
    assert await connection.fetchval("SELECT count(*) FROM words") == 1


async def test_one_id_with_two_bodies_is_refused_in_one_batch_and_in_the_next(connection: Connection) -> None:
    first, other = thanks("e-1", at(3), "note", "e-2"), thanks("e-1", at(3), "note", "e-3")
    assert await apply(connection, [first, other]) == [APPLIED, "ID_CONFLICT"]
    assert await apply(connection, [other, first]) == ["ID_CONFLICT", DUPLICATE]
    assert (await stored(connection, "e-")) == fold([entry_of(first)])


async def test_new_entries_among_known_ones_are_stored_and_the_careful_path_is_left_again(
    connection: Connection,
) -> None:
    handler = LedgerHandler(b"key")
    records = [thanks("e-1", at(1 + n), f"n{n}", "e-2") for n in range(24)]
    await apply(connection, records[:2], handler)
    assert await apply(connection, records[1:3], handler) == [DUPLICATE, APPLIED]
    for record in records[3:]:
        assert await apply(connection, [record], handler) == [APPLIED]
    assert (await stored(connection, "e-")) == fold(entry_of(record) for record in records)


@pytest.mark.parametrize("statement", ["UPDATE {} SET epoch = 1", "DELETE FROM {}", "TRUNCATE {}"])
@pytest.mark.parametrize("table", ["entry", "entry_2026_09", "batch"])
async def test_history_cannot_be_changed(connection: Connection, statement: str, table: str) -> None:
    await apply(connection, [thanks("e-1", at(3), "note", "e-2")])
    column = "epoch" if table == "batch" else "kind"
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        await connection.execute(statement.replace("epoch", column).format(table))


async def test_an_id_of_another_time_is_refused_by_the_database(connection: Connection) -> None:
    await apply(connection, [thanks("e-1", at(3), "note", "e-2")])
    columns = ", ".join([*entry_of(thanks("e-1", at(3), "x", "e-2"))._fields[1:], "words_digest"])
    with pytest.raises(asyncpg.CheckViolationError, match="id_holds_the_time"):
        await connection.execute(
            f"INSERT INTO entry (occurred_at, {columns}) SELECT occurred_at + interval '1 ms', {columns} FROM entry"
        )


async def test_a_backfill_makes_the_months_it_needs(connection: Connection) -> None:
    records = [
        thanks("e-1", datetime(year, 2, 28, 23, 59, tzinfo=UTC), "n", "e-2") for year in (2000, 2013, 2026)
    ]
    assert await apply(connection, records) == [APPLIED] * 3
    for year in (2000, 2013, 2026):
        assert await connection.fetchval(f"SELECT count(*) FROM entry_{year}_02") == 1


async def test_two_lanes_that_need_the_same_months_at_once_both_store(lanes: list[Connection]) -> None:
    years = range(2001, 2007)
    batches = [
        [thanks(f"e-{lane}", datetime(year, 5, 6, tzinfo=UTC), "n", "e-9") for year in years]
        for lane in (1, 2)
    ]
    outcomes = await asyncio.gather(*(apply(c, batch) for c, batch in zip(lanes[:2], batches, strict=True)))
    assert outcomes == [[APPLIED] * 6] * 2
    assert (await stored(lanes[0], "e-")) == fold(entry_of(record) for batch in batches for record in batch)


async def test_a_new_month_does_not_wait_for_another_lanes_open_transaction(lanes: list[Connection]) -> None:
    first, second, _ = lanes
    await apply(first, [thanks("e-1", at(3), "n", "e-2")])
    async with first.transaction(), asyncio.timeout(30):
        handler = LedgerHandler(b"key")
        await handler.apply(first, items_of([thanks("e-1", at(4), "n", "e-2")], handler))
        await second.execute("SELECT make_month('2031-07-01')")
    assert await apply(second, [thanks("e-1", datetime(2026, 7, 1, tzinfo=UTC), "n", "e-2")]) == [APPLIED]


async def test_two_lanes_with_the_same_entries_store_each_once(lanes: list[Connection]) -> None:
    records = [thanks(f"e-{n % 40}", at(1 + n % 60), f"n{n}", f"e-{n % 7}") for n in range(400)]
    one, two = await asyncio.gather(apply(lanes[0], records), apply(lanes[1], records[::-1]))
    assert sorted(one + two) == sorted([APPLIED] * 400 + [DUPLICATE] * 400)
    assert (await stored(lanes[2], "e-")) == fold(entry_of(record) for record in records)


async def test_a_withdrawal_and_its_entry_in_two_lanes_at_once_leave_nothing_counted(
    lanes: list[Connection],
) -> None:
    first, second, watcher = lanes
    taken = thanks("e-1", at(3), "note", "e-2")
    handler = LedgerHandler(b"key")
    transaction = first.transaction()
    await transaction.start()
    await handler.apply(first, items_of([withdrawal(taken, at(4), "sorry")], handler))
    waiting = asyncio.create_task(apply(second, [taken]))
    await until_waiting(watcher, second)
    await transaction.commit()
    assert await waiting == [APPLIED]
    company = await stored(watcher, "e-")
    assert company.standing["e-1"].received_count == 0
    assert company.standing["e-2"].given_count == 0
