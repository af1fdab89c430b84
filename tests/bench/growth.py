"""`make bench-growth`: what an event, a page and a scrape cost when history is ten, and a hundred times as long.

A database for each length of history, made set-wise; then rounds in turn over all of them. BENCH_SIZES, BENCH_EVENTS,
BENCH_ROUNDS and BENCH_PEOPLE make it shorter or longer. Results: `.local/bench/growth-<time>.json`.
"""

import asyncio
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import asyncpg
import uvloop
from prometheus_client import CollectorRegistry, generate_latest
from rich.console import Console
from rich.progress import Progress

from deploy.local.databases import login_url
from deploy.local.stack import Stack
from services.kit import sql
from services.kit.sql import Queries
from services.ledger import gap_metrics, identity, reading
from services.ledger.snapshot import Snapshots
from tests.bench import ways
from tests.bench.events import Published, entries
from tests.bench.report import keep

SIZES = [int(float(size)) for size in os.environ.get("BENCH_SIZES", "1e5,1e6,1e7").split(",")]
EVENTS = int(os.environ.get("BENCH_EVENTS", "60000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
PEOPLE = int(os.environ.get("BENCH_PEOPLE", "100000"))
PARTITIONS, LANES = 8, 2
READERS, PAGE_ROWS = 500, 50
_CHUNK_ROWS = 250_000
_MAKERS = 2
_SQL = Queries(Path(__file__).parent / "sql" / "growth.sql")
_console = Console(stderr=True)


@dataclass(slots=True)
class Found:
    """What was measured at one length of history, one value a round unless said otherwise.

    wal_bytes: of an event. page_ms: every page that was read. scrape_ms: of the metrics' text; body_bytes: its length.
    refresh_ms: reading the figures behind it, in the background.
    """

    client_us: list[float] = field(default_factory=list)
    server_us: list[float] = field(default_factory=list)
    events_per_second: list[float] = field(default_factory=list)
    wal_bytes: list[float] = field(default_factory=list)
    page_ms: list[float] = field(default_factory=list)
    refresh_ms: list[float] = field(default_factory=list)
    scrape_ms: list[float] = field(default_factory=list)
    body_bytes: int = 0
    database_bytes: int = 0


async def main() -> None:
    """Make, measure, print and keep the figures."""
    async with Stack("growth", announce=lambda line: _console.print(line, highlight=False)) as stack:
        with Progress(console=_console) as progress:
            task = progress.add_task("making history", total=sum(SIZES))
            for size in SIZES:
                await _make(stack, size, lambda rows: progress.advance(task, rows))
            found = {size: Found() for size in SIZES}
            task = progress.add_task("rounds", total=ROUNDS * len(SIZES))
            for number in range(ROUNDS):
                published = list(entries(EVENTS, people=PEOPLE, partitions=PARTITIONS, seed=100 + number))
                for place in range(len(SIZES)):
                    size = SIZES[(place + number) % len(SIZES)]
                    await _round(stack, size, published, found[size])
                    progress.advance(task)
    _report(found)


def _name(size: int) -> str:
    return f"growth_{size}"


async def _make(stack: Stack, size: int, done: Callable[[int], None]) -> None:
    await stack.create_database(_name(size))
    url = stack.database_url(_name(size))
    owner = await asyncpg.connect(url)
    await sql.migrate(owner, sql.migrations_of("ledger", Path(__file__).parents[2] / "services" / "ledger"))
    await owner.execute("RESET statement_timeout; SET work_mem = '256MB'; SET jit = off")
    await owner.execute(_SQL["people"], PEOPLE)
    await owner.execute(_SQL["months"])
    starts = iter(range(0, size, _CHUNK_ROWS))

    async def make() -> None:
        connection = await asyncpg.connect(url, command_timeout=1_200)
        for start in starts:
            end = min(start + _CHUNK_ROWS, size)
            await connection.execute(_SQL["history"], start, end, size, PEOPLE)
            done(end - start)
        await connection.close()

    await asyncio.gather(*(make() for _ in range(_MAKERS)))
    await owner.execute("VACUUM ANALYZE")
    for name in ("standing", "days", "deeds"):
        await owner.execute(_SQL[name], timeout=1_200)
    await owner.execute("VACUUM ANALYZE", timeout=1_200)
    await owner.close()


async def _round(stack: Stack, size: int, published: list[Published], found: Found) -> None:
    url = stack.database_url(_name(size))
    admin = await asyncpg.connect(stack.embedded_postgres.admin_url)
    await admin.execute("CHECKPOINT")
    before = await admin.fetchval(_SQL["wal_position"])
    measured = await ways.write_path(stack, url, published, LANES)
    found.wal_bytes.append(float(await admin.fetchval(_SQL["wal_position"]) - before) / len(published))
    found.client_us.append(measured.client_us)
    found.server_us.append(measured.server_us)
    found.events_per_second.append(measured.events_per_second)
    pool = await asyncpg.create_pool(url, min_size=1, max_size=1, server_settings={"jit": "off"})
    async with pool.acquire() as connection:
        await _read_pages(connection, url, found)
        found.database_bytes = int(await connection.fetchval(_SQL["whole_size"]))
    await _scrape(pool, found)
    await pool.close()
    await admin.close()
    superuser = await asyncpg.connect(
        stack.embedded_postgres.admin_url.removesuffix("/postgres") + "/" + _name(size)
    )
    await superuser.execute(_SQL["start_again"])
    await superuser.close()


async def _read_pages(connection: asyncpg.Connection, url: str, found: Found) -> None:
    """The newest page of many people, each once, read as themselves under row security."""
    page = reading.Page(limit=PAGE_ROWS + 1)
    pool = await identity.make_pool(login_url(url, "ledger", "reader"), 1)
    reader = identity.Reader(pool)
    async with reader.as_employee("nobody") as warm:  # a connection plans once
        await reading.own_history(warm, "nobody", page)
    for row in await connection.fetch(_SQL["readers"], READERS):
        began = time.perf_counter()
        async with reader.as_employee(row["employee"]) as lent:
            await reading.own_history(lent, row["employee"], page)
        found.page_ms.append((time.perf_counter() - began) * 1e3)
    await pool.close()


async def _scrape(pool: asyncpg.Pool, found: Found) -> None:
    snapshots, registry = Snapshots(pool), CollectorRegistry()
    gap_metrics.register(snapshots, registry)
    began = time.perf_counter()
    await snapshots.refresh()
    read = time.perf_counter()
    body = generate_latest(registry)
    found.refresh_ms.append((read - began) * 1e3)
    found.scrape_ms.append((time.perf_counter() - read) * 1e3)
    found.body_bytes = len(body)


def _report(found: dict[int, Found]) -> None:
    print(f"{EVENTS:,} events a round, {PEOPLE:,} people, {LANES} lanes, {ROUNDS} rounds; medians")
    head = ("entries", "CPU µs", "of first", "client", "server", "events/s", "WAL B", "page p50", "p99 ms",
            "refresh", "scrape ms", "KB", "GB")  # fmt: skip
    print(" ".join(f"{name:>9}" for name in head))
    cpu = {
        size: [c + s for c, s in zip(one.client_us, one.server_us, strict=True)]
        for size, one in found.items()
    }
    summary = {}
    for size, one in found.items():
        ratio = statistics.median(a / b for a, b in zip(cpu[size], cpu[SIZES[0]], strict=True))
        pages = statistics.quantiles(one.page_ms, n=100)
        cells = {
            "cpu_us": statistics.median(cpu[size]),
            "of_first": ratio,
            "client_us": statistics.median(one.client_us),
            "server_us": statistics.median(one.server_us),
            "events_per_second": statistics.median(one.events_per_second),
            "wal_bytes": statistics.median(one.wal_bytes),
            "page_p50_ms": pages[49],
            "page_p99_ms": pages[98],
            "refresh_ms": statistics.median(one.refresh_ms),
            "scrape_ms": statistics.median(one.scrape_ms),
            "body_kb": one.body_bytes / 1e3,
            "database_gb": one.database_bytes / 1e9,
        }
        summary[size] = cells
        print(f"{size:>9,} " + " ".join(f"{value:>9,.2f}" for value in cells.values()))
    keep(
        "growth",
        {
            "events": EVENTS, "people": PEOPLE, "lanes": LANES, "rounds": ROUNDS,
            "medians": summary, "found": {size: asdict(one) for size, one in found.items()},
        },
    )  # fmt: skip


if __name__ == "__main__":
    uvloop.run(main())
