"""Several ledger processes of one consumer group, entries sent to them, and what their database says afterwards."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

import asyncpg
from aiokafka import AIOKafkaProducer, ConsumerRecord

from deploy.local.services import ServiceProcess
from deploy.local.stack import Stack
from services.cli.verify.verification import Targets, verify
from services.kit import sql
from tests.integration.ledger_scale_rig import History
from tests.integration.ledger_write_rig import saying_something, stored

ENTRIES = "recognition.entries.v1"
SETTLE_SECONDS_MAX = 180
_OWNED = re.compile(r"^waystone_partitions_owned ([0-9.]+)$", re.MULTILINE)


async def migrate(url: str) -> None:
    """Bring a ledger's database to this code's schema."""
    connection = await asyncpg.connect(url)
    folder = Path(__file__).parents[2] / "services" / "ledger"
    await sql.migrate(connection, sql.migrations_of("ledger", folder))
    await connection.close()


@asynccontextmanager
async def ledgers(stack: Stack, count: int, env: Mapping[str, str]) -> AsyncIterator[list[ServiceProcess]]:
    """`count` processes, started side by side. env: settings beside those of the stack."""
    processes = [_process(stack, number, env) for number in range(count)]
    try:
        await asyncio.gather(*(process.start() for process in processes))
        yield processes
    finally:
        await asyncio.gather(*(process.stop() for process in processes))


def _process(stack: Stack, number: int, env: Mapping[str, str]) -> ServiceProcess:
    port = stack.folder.port(f"ledger-{number}-http")
    own = {"HTTP_PORT": str(port), "GROUP_INSTANCE_ID": f"ledger-{number}", "LOG_LEVEL": "WARNING"}
    process = ServiceProcess("ledger", stack, {**own, **env})
    process.http_port = port
    return process


def partitions_owned(process: ServiceProcess) -> int:
    """How many partitions a process has claimed, as its metrics say."""
    with urlopen(f"{process.http_url}/metrics", timeout=5) as answer:
        found = _OWNED.search(answer.read().decode())
    assert found is not None
    return int(float(found[1]))


@dataclass
class Sending:
    """A steady stream of entries. sent: how many the broker has acknowledged, so far."""

    history: History
    per_second: int
    sent: int = 0
    ids: set[str] = field(default_factory=set)
    """Of every entry sent: what the ledger must hold, no more and no less."""

    async def run(self, stack: Stack, ending: asyncio.Event) -> None:
        """Send until told to end; all of it is acknowledged on return."""
        producer = AIOKafkaProducer(
            bootstrap_servers=stack.bootstrap_servers, enable_idempotence=True, acks="all"
        )
        await producer.start()
        try:
            while not ending.is_set():
                records = self.history.take(max(self.per_second // 10, 1))
                waiting = [await _send(producer, record) for record in records]
                await asyncio.gather(*waiting)
                self.sent += len(records)
                self.ids.update(dict(record.headers)["ce_id"].decode() for record in records)
                await asyncio.sleep(0.1)
        finally:
            await producer.stop()


async def _send(producer: AIOKafkaProducer, record: ConsumerRecord) -> "asyncio.Future[object]":
    future: asyncio.Future[object] = await producer.send(
        record.topic, record.value, key=record.key, headers=list(record.headers)
    )
    return future


async def settled(url: str, sent: int) -> None:
    """Return once every entry sent has an outcome."""
    last: object = None
    deadline = time.monotonic() + SETTLE_SECONDS_MAX
    while time.monotonic() < deadline:
        with suppress(OSError, asyncpg.PostgresError):
            connection = await asyncpg.connect(url, timeout=5)
            last = await connection.fetchval(
                "SELECT coalesce(sum(next_offset - first_offset), 0) FROM consumer_position WHERE topic = $1",
                ENTRIES,
            )
            await connection.close()
        if last == sent:
            return
        await asyncio.sleep(0.25)
    raise AssertionError(f"{last} of {sent} entries have an outcome after {SETTLE_SECONDS_MAX} s")


async def exact(stack: Stack, url: str, sending: Sending) -> None:
    """Every entry is there once, everything that follows is the fold of them, every offset has its outcome."""
    connection = await asyncpg.connect(url)
    try:
        ids = [str(row["id"]) for row in await connection.fetch("SELECT id FROM entry")]
        assert len(ids) == len(set(ids))
        assert set(ids) == sending.ids
        kept, folded = await stored(connection, "e-"), await stored(connection, "e-", folds=True)
        assert saying_something(kept) == saying_something(folded)
    finally:
        await connection.close()
    report = await verify(Targets({"ledger": url}, {"bootstrap_servers": stack.bootstrap_servers}))
    assert report.clean, report.first_fault
