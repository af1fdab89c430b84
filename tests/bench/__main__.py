"""`make bench`: the ledger's write path, and the whole way from Kafka, beside plain COPY of the same rows.

`plain COPY` puts the same final rows into the same tables; `COPY history` leaves out the projections.
Five interleaved rounds; medians of same-round ratios. BENCH_EVENTS and BENCH_ROUNDS make it shorter or longer.
Results: `.local/bench/ledger-<time>.json`.
"""

import asyncio
import os
import statistics
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path

import asyncpg
import uvloop
from aiokafka import AIOKafkaProducer
from rich.console import Console
from rich.progress import Progress

from deploy.local.errors import StackError
from deploy.local.stack import Stack
from services.kit import sql
from services.ledger import store
from services.ledger.domain import Noted
from services.ledger.handlers import LedgerHandler
from tests.bench import ways
from tests.bench.events import TOPIC, Published, as_records, entries
from tests.bench.report import keep

EVENTS = int(os.environ.get("BENCH_EVENTS", "300000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
PEOPLE, PARTITIONS, LANES = 10_000, 8, 2
IN_FLIGHT_MAX = 20_000
BASELINE = "plain COPY"
WAYS = (BASELINE, "COPY history", "write path", "from Kafka")
_console = Console(stderr=True)


async def main() -> None:
    """Set up, measure, print and keep the figures. Raises StackError."""
    async with Stack("bench", announce=lambda line: _console.print(line, highlight=False)) as stack:
        _ = stack.embedded_postgres  # its CPU time is measured: refused before the work, not amid it
        await stack.create_topics()
        with Progress(console=_console) as progress:
            published = await _prepare(stack, progress)
            task = progress.add_task("rounds", total=ROUNDS * len(WAYS))
            rounds = [
                await _round(stack, number, published, lambda: progress.advance(task))
                for number in range(ROUNDS)
            ]
    _report(rounds)


async def _prepare(stack: Stack, progress: Progress) -> list[Published]:
    connection = await asyncpg.connect(stack.database_url("ledger"))
    folder = Path(__file__).parents[2] / "services" / "ledger"
    await sql.migrate(connection, sql.migrations_of("ledger", folder))
    today = datetime.now(UTC).date()
    months = {date((today.year * 12 + today.month - 1 - back) // 12, (today.month - 1 - back) % 12 + 1, 1)
              for back in range(-1, 8)}  # fmt: skip
    await store.make_months(connection, months)
    await connection.close()
    published = list(entries(EVENTS, people=PEOPLE, partitions=PARTITIONS))
    producer = AIOKafkaProducer(
        bootstrap_servers=stack.bootstrap_servers, linger_ms=20, max_batch_size=512 * 1024, acks="all"
    )
    await producer.start()
    task = progress.add_task("filling the topic", total=EVENTS)
    for start in range(0, EVENTS, IN_FLIGHT_MAX):
        part = published[start : start + IN_FLIGHT_MAX]
        sent = [await producer.send(TOPIC, p.value, key=p.key, partition=p.partition, headers=p.headers)
                for p in part]  # fmt: skip
        await asyncio.gather(*sent)  # a record that did not arrive would be waited for in every round
        progress.advance(task, len(part))
    await producer.stop()
    return published


async def _round(
    stack: Stack, number: int, published: list[Published], done: Callable[[], None]
) -> dict[str, ways.Measured]:
    handler, now = LedgerHandler(b"bench"), datetime.now(UTC)
    found: dict[str, ways.Measured] = {}
    order = WAYS[number % len(WAYS) :] + WAYS[: number % len(WAYS)]
    for way in order:
        async with ways.fresh_database(stack, f"bench_{number}_{WAYS.index(way)}") as name:
            url = stack.database_url(name)
            if way in (BASELINE, "COPY history"):
                decoded = [handler.decode(record, now) for record in as_records(published)]
                notes = [one for one in decoded if isinstance(one, Noted)]
                assert len(notes) == EVENTS
                found[way] = await ways.plain_copy(stack, url, notes, LANES, projections=way == BASELINE)
            elif way == "write path":
                found[way] = await ways.write_path(stack, url, published, LANES)
            else:
                found[way] = await ways.from_kafka(stack, name, EVENTS, LANES)
        done()
    return found


def _report(rounds: list[dict[str, ways.Measured]]) -> None:
    print(f"{EVENTS:,} events, {PEOPLE:,} people, {LANES} lanes, {len(rounds)} rounds; medians")
    print(f"{'':<12} {'events/s':>10} {'of COPY':>8} {'client µs':>10} {'server µs':>10}")
    summary = {}
    for way in WAYS:
        share = statistics.median(r[way].events_per_second / r[BASELINE].events_per_second for r in rounds)
        rate, client, server = (
            statistics.median(getattr(r[way], name) for r in rounds)
            for name in ("events_per_second", "client_us", "server_us")
        )
        summary[way] = {
            "events_per_second": rate,
            "of_plain_copy": share,
            "client_us": client,
            "server_us": server,
        }
        print(f"{way:<12} {rate:>10,.0f} {share:>8.2f} {client:>10.1f} {server:>10.1f}")
    document = {
        "events": EVENTS, "people": PEOPLE, "partitions": PARTITIONS, "lanes": LANES, "medians": summary,
        "rounds": [{way: asdict(measured) for way, measured in one.items()} for one in rounds],
    }  # fmt: skip
    keep("ledger", document)


if __name__ == "__main__":
    try:
        uvloop.run(main())
    except StackError as reason:
        sys.exit(str(reason))
