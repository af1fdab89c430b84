"""`python -m tests.bench.gaps`: a scrape, the live figures and a day's figures at 100,000 people.

BENCH_PEOPLE and BENCH_ENTRIES change the size. A million entries, in units of ten people: the most cells there can be.
"""

import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import asyncpg
import uvloop
from prometheus_client import CollectorRegistry, generate_latest
from rich.console import Console

from deploy.local.stack import Stack
from services.kit import sql
from services.ledger import daily, gap_metrics, store, unnoticed
from services.ledger.snapshot import Snapshots

PEOPLE = int(os.environ.get("BENCH_PEOPLE", "100000"))
ENTRIES = int(os.environ.get("BENCH_ENTRIES", "1000000"))
SCRAPES = 20
_SQL = sql.Queries(Path(__file__).parent / "gaps.sql")
_console = Console()


async def main() -> None:
    """Fill a database, measure, print."""
    async with Stack("bench", announce=lambda line: _console.print(line, highlight=False)) as stack:
        pool = await asyncpg.create_pool(
            stack.database_url("ledger"),
            min_size=0,
            max_size=4,
            command_timeout=600,
            server_settings={"jit": "off"},
        )
        today = datetime.now(UTC).date()
        await _timed("filling", lambda: _fill(pool, stack, today))
        await _timed("a first day's figures", lambda: daily.publish_day(pool, today))
        await _timed("the next day's figures", lambda: daily.publish_day(pool, today + timedelta(days=1)))
        snapshots = Snapshots(pool)
        for _ in range(3):
            await _timed("live figures", snapshots.refresh)
        await _timed("a look for unnoticed deeds", lambda: unnoticed.look(pool, datetime.now(UTC)))
        await _scrape(snapshots)
        await pool.close()


async def _fill(pool: sql.Pool, stack: Stack, today: date) -> None:
    async with pool.acquire() as connection:
        folder = Path(daily.__file__).parent
        await sql.migrate(connection, sql.migrations_of("ledger", folder))  # type: ignore[arg-type]
        first = today.replace(day=1)
        months = [first := (first - timedelta(days=1)).replace(day=1) for _ in range(6)]
        await store.make_months(connection, [*months, today.replace(day=1)])
        midnight = datetime.combine(today, datetime.min.time(), UTC)
        await connection.execute(_SQL["people"], PEOPLE)
        await connection.execute(_SQL["entries"], PEOPLE, ENTRIES, midnight)
        await connection.execute(_SQL["deeds"], PEOPLE, midnight)
        await connection.execute(_SQL["standing"])
        await connection.execute(_SQL["days"])
        await connection.execute("ANALYZE")


async def _scrape(snapshots: Snapshots) -> None:
    """As the port does it: in a thread, while the loop should go on turning."""
    registry = CollectorRegistry()
    gap_metrics.register(snapshots, registry)
    took, body = [], b""
    beat = asyncio.create_task(_longest_pause_ms())
    for _ in range(SCRAPES):
        await asyncio.sleep(0.02)
        began = time.perf_counter()
        body = await asyncio.to_thread(generate_latest, registry)
        took.append(1_000 * (time.perf_counter() - began))
    beat.cancel()
    lines = sum(not line.startswith(b"#") for line in body.splitlines())
    _console.print(
        f"scrape: median {statistics.median(took):.1f} ms, longest {max(took):.1f} ms;"
        f" {len(body) / 1024:.0f} KB, {lines} samples"
    )


async def _longest_pause_ms() -> None:
    longest, last = 0.0, time.perf_counter()
    try:
        while True:
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now
    finally:
        _console.print(f"scrape: the event loop's longest pause was {1_000 * longest:.1f} ms")


async def _timed(what: str, run: Callable[[], Awaitable[object]]) -> None:
    began = time.perf_counter()
    await run()
    _console.print(f"{what}: {time.perf_counter() - began:.2f} s")


if __name__ == "__main__":
    uvloop.run(main())
