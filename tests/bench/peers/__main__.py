"""`make bench-peers`: the same events into Postgres by the ledger, by Kafka Connect, and by Quix Streams, in turn.

The ledger reads CloudEvents, validates them, and writes history, words, standing, days and deeds; the peers read the
same entries laid out flat, and upsert them into one table. Same partitions, lanes and batch. Then everything is
replayed in full: the ledger finds that it has it all, an upsert writes it again. BENCH_EVENTS, BENCH_ROUNDS.
Results: `.local/bench/peers-<time>.json`.
"""

import asyncio
import json
import os
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import asyncpg
import uvloop
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from rich.console import Console
from rich.progress import Progress

from deploy.local.guarded import GuardedProcess
from deploy.local.stack import Stack
from services.kit import sql
from services.kit.sql import Queries
from tests.bench import ways
from tests.bench.events import TOPIC, Published, entries
from tests.bench.peers import processes
from tests.bench.peers.processes import FLAT_TOPIC
from tests.bench.report import keep

EVENTS = int(os.environ.get("BENCH_EVENTS", "300000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
PEOPLE, PARTITIONS, LANES, BATCH = 10_000, 8, 2, 5_000
WAYS = ("ledger", "Debezium JDBC sink", "Quix Streams")
WAIT_SECONDS_MAX = 900
_LOOK_SECONDS = 0.25
_LEDGER = Path(__file__).parents[3] / "services" / "ledger"
_FLAT = Queries(Path(__file__).with_name("flat.sql"))
_GROWTH = Queries(Path(__file__).parents[1] / "sql" / "growth.sql")
_console = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Run:
    """One way in one round. replay_wal_bytes: an event, when everything comes again."""

    events_per_second: float
    client_us: float
    server_us: float
    replay_wal_bytes: float


async def main() -> None:
    """Set up, measure, print and keep the figures."""

    def say(line: str) -> None:
        _console.print(line, highlight=False)

    jars = await processes.prepare(say)
    async with Stack("bench-peers", announce=say) as stack:
        await stack.create_topics()
        with Progress(console=_console) as progress:
            await _prepare(stack, progress)
            task = progress.add_task("rounds", total=ROUNDS * len(WAYS))
            rounds: list[dict[str, Run]] = []
            for number in range(ROUNDS):
                found: dict[str, Run] = {}
                for way in WAYS[number % len(WAYS) :] + WAYS[: number % len(WAYS)]:
                    found[way] = await _run(stack, jars, way, number)
                    progress.advance(task)
                rounds.append(found)
    _report(rounds)


async def _prepare(stack: Stack, progress: Progress) -> None:
    connection = await asyncpg.connect(stack.database_url("ledger"))
    await sql.migrate(connection, sql.migrations_of("ledger", _LEDGER))
    await connection.execute(_GROWTH["months"])
    await connection.close()
    await stack.create_database("flat")
    connection = await asyncpg.connect(stack.database_url("flat"))
    await connection.execute(_FLAT["create"])
    await connection.close()
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    await admin.start()
    await admin.create_topics([NewTopic(FLAT_TOPIC, PARTITIONS, 1)])
    await admin.close()
    producer = AIOKafkaProducer(
        bootstrap_servers=stack.bootstrap_servers, linger_ms=20, max_batch_size=512 * 1024, acks="all"
    )
    await producer.start()
    task = progress.add_task("filling the topics", total=EVENTS)
    for place, one in enumerate(entries(EVENTS, people=PEOPLE, partitions=PARTITIONS)):
        await producer.send(TOPIC, one.value, key=one.key, partition=one.partition, headers=one.headers)
        await producer.send(FLAT_TOPIC, _flat(one), key=one.key, partition=one.partition)
        if place % 5_000 == 0:
            progress.update(task, completed=place)
    await producer.stop()
    progress.update(task, completed=EVENTS)


def _flat(one: Published) -> bytes:
    headers = {name: value.decode() for name, value in one.headers}
    body = json.loads(one.value)
    answers = body.get("answers", {})
    row = {
        "occurred_at_ms": int(headers["ce_id"].replace("-", "")[:12], 16),
        "kind": headers["ce_type"].split(".")[2],
        "id": headers["ce_id"],
        "employee": body["employee"],
        "cause_source": body["cause"]["source"],
        "cause_id": body["cause"]["id"],
        "basis": body.get("basis"),
        "size": body.get("size"),
        "visibility": body.get("visibility"),
        "giver": body.get("giver"),
        "answers_source": answers.get("source"),
        "answers_id": answers.get("id"),
        "skills": ",".join(body.get("skills", ())),
        "title": body["title"],
        "words": body.get("words") or body.get("description"),
    }
    return json.dumps(row).encode()


async def _run(stack: Stack, jars: Path, way: str, number: int) -> Run:
    template, label = ("ledger" if way == "ledger" else "flat"), f"peers-{number}-{WAYS.index(way)}"
    async with ways.fresh_database(stack, label, template) as name:
        url = stack.database_url(name)
        if way == "ledger":
            measured = await ways.from_kafka(stack, name, EVENTS, LANES)
            await _start_again(stack, name)
            wal = await _replay_ledger(stack, name)
        else:

            def start(group: str) -> list[GuardedProcess]:
                if way == "Quix Streams":
                    return processes.quix(stack, url, group, lanes=LANES, batch=BATCH)
                return processes.connect(stack, jars, url, group, lanes=LANES, batch=BATCH)

            measured = await _into_flat(stack, url, start(label))
            group = f"{label}-again"
            prefix = "" if way == "Quix Streams" else "connect-"
            wal = await _replay_flat(stack, start(group), prefix + group)
    return Run(measured.events_per_second, measured.client_us, measured.server_us, wal)


async def _into_flat(stack: Stack, url: str, running: Sequence[GuardedProcess]) -> ways.Measured:
    """From the first rows to the last one: what it takes a process to start is not counted."""
    connection = await asyncpg.connect(url)

    async def rows() -> int:
        return int(await connection.fetchval(_FLAT["count"]))

    async with _ending(running):
        await _until(running, rows, 1)
        meter = ways.Meter(stack.embedded_postgres.pid or 0, *(process.pid for process in running))
        before = await rows()
        await _until(running, rows, EVENTS)
        measured = meter.stop(EVENTS - before)
    await connection.close()
    return measured


async def _replay_flat(stack: Stack, running: Sequence[GuardedProcess], group: str) -> float:
    async def committed() -> int:
        admin = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
        await admin.start()
        try:
            found = await admin.list_consumer_group_offsets(group)
        finally:
            await admin.close()
        return sum(meta.offset for meta in found.values() if meta.offset > 0)

    async with _ending(running), _wal(stack) as bytes_of:
        await _until(running, committed, EVENTS)
    return bytes_of[0] / EVENTS


async def _replay_ledger(stack: Stack, name: str) -> float:
    async with _wal(stack) as bytes_of:
        await ways.replay(stack, name, EVENTS, LANES)
    return bytes_of[0] / EVENTS


async def _start_again(stack: Stack, name: str) -> None:
    superuser = await asyncpg.connect(
        stack.embedded_postgres.admin_url.removesuffix("/postgres") + f"/{name}"
    )
    await superuser.execute(_GROWTH["start_again"])
    await superuser.close()


@asynccontextmanager
async def _wal(stack: Stack) -> AsyncIterator[list[float]]:
    """WAL bytes written within the block, after a checkpoint; there when it has ended."""
    admin = await asyncpg.connect(stack.embedded_postgres.admin_url)
    await admin.execute("CHECKPOINT")
    before = await admin.fetchval(_GROWTH["wal_position"])
    found: list[float] = []
    yield found
    found.append(float(await admin.fetchval(_GROWTH["wal_position"]) - before))
    await admin.close()


@asynccontextmanager
async def _ending(running: Sequence[GuardedProcess]) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await asyncio.gather(*(process.stop("TERM", 20) for process in running))


async def _until(
    running: Sequence[GuardedProcess], figure: Callable[[], Awaitable[int]], wanted: int
) -> None:
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while (now := await figure()) < wanted:
        for process in running:
            if not process.running:
                raise process.failure()
        if time.monotonic() > deadline:
            raise TimeoutError(f"{now} of {wanted} after {WAIT_SECONDS_MAX} s")
        await asyncio.sleep(_LOOK_SECONDS)


def _report(rounds: list[dict[str, Run]]) -> None:
    print(
        f"{EVENTS:,} events, {PEOPLE:,} people, {LANES} lanes, batch {BATCH:,}, {len(rounds)} rounds; medians"
    )
    head = ("events/s", "client µs", "server µs", "ledger's ×", "per CPU ×", "replay WAL")
    print(f"{'':<20}" + " ".join(f"{name:>11}" for name in head))
    summary = {}
    for way in WAYS:
        runs = [one[way] for one in rounds]
        cells = {
            "events_per_second": statistics.median(run.events_per_second for run in runs),
            "client_us": statistics.median(run.client_us for run in runs),
            "server_us": statistics.median(run.server_us for run in runs),
            "ledger_wall_ratio": statistics.median(
                one["ledger"].events_per_second / one[way].events_per_second for one in rounds
            ),
            "ledger_cpu_ratio": statistics.median(_cpu(one[way]) / _cpu(one["ledger"]) for one in rounds),
            "replay_wal_bytes": statistics.median(run.replay_wal_bytes for run in runs),
        }
        summary[way] = cells
        print(f"{way:<20}" + " ".join(f"{value:>11,.2f}" for value in cells.values()))
    keep(
        "peers",
        {
            "events": EVENTS, "people": PEOPLE, "partitions": PARTITIONS, "lanes": LANES, "batch": BATCH,
            "medians": summary, "rounds": [{way: asdict(run) for way, run in one.items()} for one in rounds],
        },
    )  # fmt: skip


def _cpu(run: Run) -> float:
    return run.client_us + run.server_us


if __name__ == "__main__":
    uvloop.run(main())
