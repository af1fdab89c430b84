"""Three ways for the same rows into the same tables: plain COPY, the ledger's write path, the whole way from Kafka."""

import asyncio
import gc
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import asyncpg
import psutil
from aiokafka import TopicPartition

from deploy.local.databases import with_database
from deploy.local.errors import StackError
from deploy.local.services import ServiceProcess
from deploy.local.stack import Stack
from services.kit import positions
from services.kit.batch import Item, Position
from services.kit.errors import Refusal
from services.kit.run import create_pool
from services.kit.settings import ServiceSettings
from services.kit.writer import Writer
from services.ledger.domain import Day, Decoded, Entry, Noted, Standing, Words, fold
from services.ledger.handlers import LedgerHandler
from tests.bench.events import TOPIC, Published, as_records

BATCH_RECORDS = 5_000
STALL_SECONDS_MAX = 60.0
_LOOK_SECONDS = 0.02
_SALT, _DIGEST = os.urandom(16), os.urandom(32)


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: events a second, and CPU microseconds an event of the client and of the server."""

    events_per_second: float
    client_us: float
    server_us: float


class Meter:
    """Wall and CPU time between two moments. server_pid: Postgres's postmaster; client_pids: who writes to it."""

    def __init__(self, server_pid: int, *client_pids: int) -> None:
        self._server, self._clients = psutil.Process(server_pid), [psutil.Process(pid) for pid in client_pids]
        self._began = (time.perf_counter(), self._client_cpu(), self._server_cpu())

    def stop(self, events: int) -> Measured:
        """What it took, by event."""
        wall, client, server = (
            now - then
            for now, then in zip(
                (time.perf_counter(), self._client_cpu(), self._server_cpu()), self._began, strict=True
            )
        )
        assert events > 0, "too few events: all were there before measuring began"
        return Measured(events / wall, client / events * 1e6, server / events * 1e6)

    def _client_cpu(self) -> float:
        return float(sum(times.user + times.system for times in (c.cpu_times() for c in self._clients)))

    def _server_cpu(self) -> float:
        """Of all backends, those that have ended included."""
        times = self._server.cpu_times()
        total = times.children_user + times.children_system
        for backend in self._server.children(recursive=True):
            try:
                used = backend.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += used.user + used.system
        return float(total)


async def plain_copy(
    stack: Stack, url: str, notes: Sequence[Noted], lanes: int, *, projections: bool
) -> Measured:
    """COPY the final rows into the ledger's tables, nothing looked up or merged.

    Each lane commits as often as the write path does: once for 5,000 events, all tables in that transaction.
    projections: standing, counts by day and deeds, too, as they are at the end; else history and words only.
    """
    # As a superuser, whom row security lets copy into any table.
    url = with_database(stack.embedded_postgres.admin_url, urlsplit(url).path.lstrip("/"))
    connections = [await asyncpg.connect(url) for _ in range(lanes)]
    by_lane = [[note for note in notes if note.entry.log_partition % lanes == lane] for lane in range(lanes)]
    batches = [
        in_batches([*_history(mine), *(_projections(mine) if projections else ())], len(mine))
        for mine in by_lane
    ]
    _settle_memory()

    async def lane(connection: asyncpg.Connection, transactions: Sequence[Sequence[Rows]]) -> None:
        for tables in transactions:
            async with connection.transaction():
                for rows in tables:
                    await connection.copy_records_to_table(
                        rows.table, records=rows.records, columns=rows.columns
                    )

    meter = Meter(stack.embedded_postgres.pid or 0, os.getpid())
    await asyncio.gather(*(lane(c, mine) for c, mine in zip(connections, batches, strict=True)))
    measured = meter.stop(len(notes))
    for connection in connections:
        await connection.close()
    return measured


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one table, ready to be copied."""

    table: str
    columns: Sequence[str]
    records: Sequence[Sequence[object]]


def in_batches(tables: Sequence[Rows], events: int) -> list[list[Rows]]:
    """Deal the rows of `events` events out to transactions of BATCH_RECORDS events, each table's rows evenly."""
    count = -(-events // BATCH_RECORDS)
    return [
        [
            Rows(
                t.table, t.columns, t.records[len(t.records) * n // count : len(t.records) * (n + 1) // count]
            )
            for t in tables
        ]
        for n in range(count)
    ]


def _history(notes: Sequence[Noted]) -> list[Rows]:
    return [
        Rows("entry", (*Entry._fields, "words_digest"), [(*note.entry, _DIGEST) for note in notes]),
        Rows("words", (*Words._fields, "salt"), [(*note.words, _SALT) for note in notes]),
    ]


def _projections(notes: Sequence[Noted]) -> list[Rows]:
    """What the ledger's own definition makes of these entries. Lanes differ in people, but for their givers."""
    made = fold([note.entry for note in notes])
    lane = notes[0].entry.log_partition
    return [
        Rows(
            "standing",
            ("employee", *Standing.__dataclass_fields__),
            [(f"{lane} {employee}", *astuple(one)) for employee, one in made.standing.items()],
        ),
        Rows(
            "recognition_day",
            ("employee", "day", *Day.__dataclass_fields__),
            [(f"{lane} {employee}", day, *astuple(one)) for (employee, day), one in made.days.items()],
        ),
        Rows(
            "deed",
            ("employee", "cause_source", "cause_id", "deed_id", "occurred_at", "answered_at"),
            [(*key, one.deed_id, one.occurred_at, one.answered_at) for key, one in made.deeds.items()],
        ),
    ]


def _settle_memory() -> None:
    """What was prepared is left alone by the garbage collector, which runs as seldom as in the service."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1_000)


async def write_path(stack: Stack, url: str, published: list[Published], lanes: int) -> Measured:
    """The ledger's own transactions, from decoded records on: fence, duplicates, words, projections, batch rows."""
    settings = ServiceSettings(kafka_bootstrap_servers="none", database_url=url, lanes=lanes)
    handler = LedgerHandler(b"bench")
    records = as_records(published)
    now = datetime.now(UTC)
    decoded = [handler.decode(record, now) for record in records]
    pool = await create_pool(settings)
    claimed = await _claim(pool, {TopicPartition(TOPIC, one.partition) for one in published}, records)
    by_lane: list[list[Item[Decoded]]] = [[] for _ in range(lanes)]
    for record, one in zip(records, decoded, strict=True):
        assert not isinstance(one, Refusal), one
        by_lane[record.partition % lanes].append(Item(claimed[record.partition], record, one))

    async def lane(items: Sequence[Item[Decoded]]) -> None:
        writer = Writer(pool, handler, group="ledger", digest_key=b"bench")
        for start in range(0, len(items), BATCH_RECORDS):
            await writer.store(items[start : start + BATCH_RECORDS])

    _settle_memory()
    meter = Meter(stack.embedded_postgres.pid or 0, os.getpid())
    await asyncio.gather(*(lane(items) for items in by_lane))
    measured = meter.stop(len(records))
    await pool.close()
    return measured


async def _claim(
    pool: asyncpg.Pool, partitions: set[TopicPartition], records: Sequence[object]
) -> dict[int, Position]:
    async with pool.acquire() as connection:
        found = await positions.claim(
            connection,
            sorted(partitions),
            cluster_id="bench",
            beginnings=dict.fromkeys(partitions, 0),
            ends=dict.fromkeys(partitions, len(records)),
        )
    return {position.partition.partition: position for position in found}


async def from_kafka(stack: Stack, database: str, count: int, lanes: int) -> Measured:
    """The service itself, a process per lane: fetch, decode, store. From when all consume to the last row."""
    async with _serving(stack, database, lanes) as (services, connection):
        meter = Meter(stack.embedded_postgres.pid or 0, *(service.pid or 0 for service in services))
        before = await _stored(connection)
        await _until_stored(services, connection, count)
        return meter.stop(count - before)


async def replay(stack: Stack, database: str, count: int, lanes: int) -> None:
    """The same over a topic that was read before, from its beginning to its end."""
    async with _serving(stack, database, lanes) as (services, connection):
        await _until_stored(services, connection, count)


@asynccontextmanager
async def _serving(
    stack: Stack, database: str, lanes: int
) -> AsyncIterator[tuple[list[ServiceProcess], asyncpg.Connection]]:
    services = [_service(stack, database, number) for number in range(lanes)]
    connection = await asyncpg.connect(stack.database_url(database))
    try:
        await asyncio.gather(*(service.start() for service in services))
        yield services, connection
    finally:
        await asyncio.gather(*(service.stop() for service in services))
        await connection.close()


async def _until_stored(
    services: Sequence[ServiceProcess], connection: asyncpg.Connection, count: int
) -> None:
    """Raises StackError `BENCH_STALLED` when a service has ended, or nothing more is stored."""
    stored, moved_at = await _stored(connection), time.monotonic()
    while stored < count:
        await asyncio.sleep(_LOOK_SECONDS)
        last, stored = stored, await _stored(connection)
        if stored > last:
            moved_at = time.monotonic()
        elif time.monotonic() - moved_at > STALL_SECONDS_MAX or any(s.pid is None for s in services):
            raise StackError(
                "BENCH_STALLED", f"the ledger stored {stored:,} of {count:,} events, and no more."
            )


def _service(stack: Stack, database: str, number: int) -> ServiceProcess:
    """One of the ledger's processes, with one lane and a port and a membership of its own."""
    port = stack.folder.port(f"ledger-{number}-http")
    env = {
        "DATABASE_URL": stack.database_url(database), "LANES": "1", "LOG_LEVEL": "WARNING",
        "HTTP_PORT": str(port), "GROUP_INSTANCE_ID": f"ledger-{number}",
    }  # fmt: skip
    service = ServiceProcess("ledger", stack, env)
    service.http_port = port
    return service


async def _stored(connection: asyncpg.Connection) -> int:
    return int(
        await connection.fetchval(
            "SELECT coalesce(sum(next_offset - first_offset), 0) FROM consumer_position WHERE topic = $1",
            TOPIC,
        )
    )


@asynccontextmanager
async def fresh_database(stack: Stack, name: str, template: str = "ledger") -> AsyncIterator[str]:
    """A clone of the prepared template, gone afterwards."""
    owner = await asyncpg.connect(stack.database_url("postgres"))
    # Only the superuser may send away an autovacuum worker that is just looking at the database.
    admin = await asyncpg.connect(stack.embedded_postgres.admin_url)
    try:
        await owner.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        await admin.execute("CHECKPOINT")
        yield name
    finally:
        await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await owner.close()
        await admin.close()
