"""Months are made on demand by whoever comes first; the others find them."""

import asyncio
from datetime import date

import asyncpg

from tests.conftest import Database

MONTH = date(2031, 4, 1)
_WAITS = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND wait_event_type = 'Lock'"


async def test_two_batches_that_need_the_same_new_month_make_it_once(database: Database) -> None:
    url = await database("ledger")
    first, second, watcher = [await asyncpg.connect(url) for _ in range(3)]
    try:
        making = first.transaction()
        await making.start()
        await first.execute("SELECT make_month($1)", MONTH)
        waiting = asyncio.create_task(second.execute("SELECT make_month($1)", MONTH))
        async with asyncio.timeout(30):
            while not await watcher.fetchval(_WAITS, second.get_server_pid()):
                await asyncio.sleep(0.01)
        await making.commit()
        await waiting
        count = await watcher.fetchval("SELECT count(*) FROM pg_class WHERE relname = 'entry_2031_04'")
        assert count == 1
    finally:
        for connection in (first, second, watcher):
            await connection.close()
