"""A minimal service and everything a test needs to run it on a real broker and a real database."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord

from deploy.local.stack import Stack
from services.kit.batch import Item, Outcome, Outgoing
from services.kit.consume import Consumer
from services.kit.errors import Refusal, Stage
from services.kit.relay import Relay
from services.kit.run import create_pool
from services.kit.settings import ServiceSettings
from services.kit.sql import AnyConnection, Pool
from tests.conftest import Database, Topics

EVENTUALLY_SECONDS = 30


@dataclass
class Tally:
    """A minimal service: numbers go into a table, odd wishes into every other outcome."""

    topics: Sequence[str]
    dlq_topic: str
    read_first: Sequence[Sequence[str]] = ()
    out_topic: str | None = None
    calls: int = 0
    fail_with: list[Exception] = field(default_factory=list)

    @property
    def publishes(self) -> Sequence[str]:
        return [self.out_topic] if self.out_topic else []

    def decode(self, record: ConsumerRecord, now: datetime) -> dict[str, Any] | Refusal:
        try:
            return dict(json.loads(record.value))
        except (ValueError, TypeError):
            return Refusal("DECODE_BAD", Stage.DECODE, "not JSON")

    async def apply(
        self, connection: AnyConnection, items: Sequence[Item[dict[str, Any]]]
    ) -> Sequence[Outgoing]:
        self.calls += 1
        if self.fail_with:
            raise self.fail_with.pop()
        out = []
        for item in items:
            assert not isinstance(item.decoded, Refusal)
            wish = item.decoded.get("wish")
            if wish == "refuse":
                item.refuse(Refusal("RULE_NO", Stage.RULES, "wished"))
            elif wish == "ignore":
                item.outcome = Outcome.IGNORED
            elif wish == "crash":
                raise KeyError("a fault of ours")
            elif wish == "hang up":
                raise ConnectionError("of a connection of the handler's own")
            else:
                await connection.execute(
                    "INSERT INTO tally (n, word) VALUES ($1::text::smallint, $2)",
                    str(item.decoded["n"]),
                    item.decoded.get("word"),
                )
                if self.out_topic:
                    out.append(Outgoing(self.out_topic, b"k", item.record.value, [("h", b"v")]))
        return out


@dataclass
class Bench:
    """Everything one test needs to run a Tally."""

    stack: Stack
    settings: ServiceSettings
    pool: Pool
    handler: Tally
    producer: AIOKafkaProducer
    group: str

    async def send(self, *values: bytes | dict[str, Any], partition: int = 0, **kwargs: Any) -> None:
        for value in values:
            data = value if isinstance(value, bytes) else json.dumps(value).encode()
            await self.producer.send(self.handler.topics[0], data, key=b"k", partition=partition, **kwargs)
        await self.producer.flush()

    @contextlib.asynccontextmanager
    async def running(self, **overrides: Any) -> AsyncIterator[Consumer[Any]]:
        settings = self.settings.model_copy(update=overrides)
        consumer = Consumer(settings, self.pool, self.handler, group=self.group)
        relay = Relay(settings, service=self.group)
        tasks = [asyncio.create_task(consumer.run()), asyncio.create_task(relay.run())]
        try:
            yield consumer
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def numbers(self) -> list[int]:
        return [row["n"] for row in await self.pool.fetch("SELECT n FROM tally ORDER BY id")]

    async def offsets(self) -> dict[int, int]:
        rows = await self.pool.fetch("SELECT partition, next_offset FROM consumer_position")
        return {row["partition"]: row["next_offset"] for row in rows}

    async def until_stored(self, offset: int, partition: int = 0) -> None:
        async with asyncio.timeout(EVENTUALLY_SECONDS):
            while (await self.offsets()).get(partition, 0) < offset:
                await asyncio.sleep(0.05)

    async def read(self, topic: str, count: int) -> list[ConsumerRecord]:
        consumer = AIOKafkaConsumer(
            topic,
            bootstrap_servers=self.stack.bootstrap_servers,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
        await consumer.start()
        found: list[ConsumerRecord] = []
        try:
            async with asyncio.timeout(EVENTUALLY_SECONDS):
                while len(found) < count:
                    for records in (await consumer.getmany(timeout_ms=200)).values():
                        found += records
        finally:
            await consumer.stop()
        return found


@pytest_asyncio.fixture
async def bench(stack: Stack, database: Database, topic: Topics) -> AsyncIterator[Bench]:
    url = await database("kit")
    inputs = await topic("in", partitions=2)
    handler = Tally([inputs], await topic("dlq", partitions=1))
    settings = ServiceSettings(kafka_bootstrap_servers=stack.bootstrap_servers, database_url=url, lanes=2)
    pool = await create_pool(settings)
    await pool.execute(
        "CREATE TABLE tally (id bigint GENERATED ALWAYS AS IDENTITY, n smallint PRIMARY KEY, word text)"
    )
    producer = AIOKafkaProducer(bootstrap_servers=stack.bootstrap_servers, linger_ms=5)
    await producer.start()
    yield Bench(stack, settings, pool, handler, producer, f"group.{inputs}")
    await producer.stop()
    pool.terminate()
