"""Projections are rebuilt from history while writers go on, and are then what history says."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from services.kit.errors import Stop
from services.kit.sql import Connection
from services.ledger.rebuild import Rebuilt, rebuild
from tests.conftest import Database
from tests.integration.ledger_scale_rig import History, while_writing
from tests.integration.ledger_write_rig import apply, saying_something, stored

_WITHDRAWALS = """SELECT count(*)
    FROM (SELECT employee, withdraws FROM entry WHERE kind = 3) AS said (employee, entry_id)
    FULL JOIN withdrawal AS kept USING (employee, entry_id) WHERE said.employee IS NULL OR kept.employee IS NULL"""
CORRUPTIONS = {
    "standing emptied": "DELETE FROM standing",
    "standing of one lost": "DELETE FROM standing WHERE employee = 'e-003'",
    "standing edited": "UPDATE standing SET received_count = received_count + 1, last_given_at = NULL "
    "WHERE employee < 'e-010'",
    "somebody invented": "INSERT INTO standing (employee, received_count) VALUES ('e-9999', 7)",
    "marked erased": "UPDATE standing SET erased_scope = 2 WHERE employee = 'e-001'",
    "days edited": "UPDATE recognition_day SET effort_count = effort_count + 2, given_count = 0",
    "days lost": "DELETE FROM recognition_day WHERE employee > 'e-015'",
    "days invented": "INSERT INTO recognition_day VALUES ('e-001', '2026-09-30', 9, 9, 9, 9, 9, 9) "
    "ON CONFLICT (employee, day) DO UPDATE SET effort_count = 9",
    "deeds lost": "DELETE FROM deed WHERE employee < 'e-020'",
    "deeds edited": "UPDATE deed SET answered_at = now(), deed_id = NULL, occurred_at = NULL",
    "deeds invented": "INSERT INTO deed VALUES ('e-001', 'urn:x', 'x', NULL, NULL, now())",
    "withdrawals lost": "DELETE FROM withdrawal",
    "withdrawals invented": "INSERT INTO withdrawal SELECT employee, id FROM entry WHERE kind <> 3 "
    "ON CONFLICT DO NOTHING",
    "withdrawals forgotten": "UPDATE standing SET withdrawal_count = 0",
    "everything lost": "TRUNCATE standing, recognition_day, deed, withdrawal",
}


@pytest_asyncio.fixture
async def url(database: Database) -> str:
    return await database("ledger")


@pytest_asyncio.fixture
async def connection(url: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(url)
    yield connection
    await connection.close()


async def is_as_history_says(connection: Connection) -> None:
    """Once nobody writes any more."""
    kept, folded = await stored(connection, "e-"), await stored(connection, "e-", folds=True)
    assert saying_something(kept) == saying_something(folded)
    assert await connection.fetchval(_WITHDRAWALS) == 0


async def test_a_sound_database_is_left_as_it_is(connection: Connection) -> None:
    history = History(1)
    for _ in range(5):
        await apply(connection, history.take(100))
    await rebuild(connection)  # takes away what withdrawals left empty
    before = await stored(connection, "e-")
    again = await rebuild(connection)
    assert again == Rebuilt(people=30)
    assert await stored(connection, "e-") == before


@pytest.mark.parametrize("name", CORRUPTIONS)
async def test_what_was_corrupted_is_as_before(connection: Connection, name: str) -> None:
    history = History(2)
    for _ in range(5):
        await apply(connection, history.take(100))
    before = saying_something(await stored(connection, "e-"))
    await connection.execute(CORRUPTIONS[name])
    found = await rebuild(connection, people_per_step=7)
    assert sum(found.changed.values()) > 0
    assert saying_something(await stored(connection, "e-")) == before
    await is_as_history_says(connection)


async def test_writers_go_on_meanwhile_and_nothing_of_theirs_is_lost(
    url: str, connection: Connection
) -> None:
    histories = [History(seed) for seed in (11, 12)]
    async with while_writing(url, histories) as writing:
        for corruption in ("standing edited", "days lost", "withdrawals lost"):
            await writing.goes_on()
            await connection.execute(CORRUPTIONS[corruption])
            before = writing.batches
            await rebuild(connection, people_per_step=8)
            assert writing.batches > before
    await is_as_history_says(connection)


async def test_only_one_rebuild_runs_at_a_time(url: str, connection: Connection) -> None:
    await apply(connection, History(3).take(200))
    other = await asyncpg.connect(url)
    try:
        blocker = other.transaction()
        await blocker.start()
        await other.fetch("SELECT FROM standing WHERE employee = 'e-001' FOR UPDATE")
        first = asyncio.create_task(rebuild(connection))
        third = await asyncpg.connect(url)
        async with asyncio.timeout(30):
            while not await third.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"):
                await asyncio.sleep(0.01)
        with pytest.raises(Stop, match="REBUILD_RUNNING"):
            await rebuild(third)
        await blocker.rollback()
        assert (await first).people > 20
        await rebuild(third)
        await third.close()
    finally:
        await other.close()
