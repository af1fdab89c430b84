"""The relay publishes the outbox in order, one at a time, and loses nothing when anything around it fails."""

import asyncio
import contextlib
import itertools
import os
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest_asyncio
import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from pydantic import SecretStr

from deploy.local.stack import Stack
from schemas.topic_files import read_topics
from services.kit import outbox, sql
from services.kit.batch import Outgoing
from services.kit.deadletter import LETTER_BYTES_MAX
from services.kit.relay import Relay
from services.kit.settings import ServiceSettings
from services.kit.sql import PLUMBING
from tests.conftest import ROOT, Topics

EVENTUALLY_SECONDS = 60
DLQ_BYTES_MAX = str(read_topics()["recognition.dlq.recognition"].max_message_bytes)
_databases = itertools.count(1)


@dataclass
class Press:
    """An outbox, a topic to publish to, and a name for its relays."""

    stack: Stack
    settings: ServiceSettings
    topic: str

    async def append(self, *records: Outgoing) -> None:
        """One transaction that emits these records."""
        connection = await asyncpg.connect(self.settings.database_url.get_secret_value())
        async with connection.transaction():
            await outbox.append(connection, records)
        await connection.close()

    async def number(self, numbers: Sequence[int]) -> None:
        """As `append`, for numbers of several keys."""
        await self.append(
            *(
                Outgoing(self.topic, str(n % 7).encode(), str(n).encode(), [("id", str(n).encode())])
                for n in numbers
            )
        )

    async def fetchval(self, query: str) -> Any:
        connection = await asyncpg.connect(self.settings.database_url.get_secret_value())
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    async def until_empty(self) -> None:
        async with asyncio.timeout(EVENTUALLY_SECONDS):
            while await self.fetchval("SELECT count(*) FROM outbox"):
                await asyncio.sleep(0.1)

    @contextlib.asynccontextmanager
    async def relay(self, relay: Relay | None = None) -> AsyncIterator[asyncio.Task[None]]:
        task = asyncio.create_task((relay or Relay(self.settings, service=self.topic)).run())
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def published(self, enough: Callable[[list[ConsumerRecord]], bool]) -> list[ConsumerRecord]:
        """What is committed on the topic, read until there is enough."""
        consumer = AIOKafkaConsumer(
            self.topic, bootstrap_servers=self.stack.bootstrap_servers, auto_offset_reset="earliest",
            isolation_level="read_committed",
        )  # fmt: skip
        await consumer.start()
        found: list[ConsumerRecord] = []
        try:
            async with asyncio.timeout(EVENTUALLY_SECONDS):
                while not enough(found):
                    for records in (await consumer.getmany(timeout_ms=200)).values():
                        found += records
        finally:
            await consumer.stop()
        return found


def _numbers(records: Sequence[ConsumerRecord], key: bytes | None = None) -> list[int]:
    return [int(record.value) for record in records if key is None or record.key == key]


def _first_times(numbers: Sequence[int]) -> list[int]:
    return list(dict.fromkeys(numbers))


def _has(count: int) -> Callable[[list[ConsumerRecord]], bool]:
    return lambda records: len({record.value for record in records}) >= count


def _assert_nothing_lost_or_reordered(records: Sequence[ConsumerRecord], count: int) -> None:
    assert set(_numbers(records)) == set(range(count))
    for key in {record.key for record in records}:
        own = _first_times(_numbers(records, key))
        assert own == sorted(own)


@pytest_asyncio.fixture
async def press(stack: Stack, topic: Topics) -> AsyncIterator[Press]:
    name = f"press_{os.getpid()}_{next(_databases)}"  # its connections may end with the server
    await stack.create_database(name)
    connection = await asyncpg.connect(stack.database_url(name))
    await sql.migrate(connection, sql.migrations_of("press", ROOT / "services" / "press"))
    await connection.close()
    settings = ServiceSettings(
        kafka_bootstrap_servers=stack.bootstrap_servers, database_url=SecretStr(stack.database_url(name))
    )
    yield Press(stack, settings, await topic("out", partitions=3))
    admin = await asyncpg.connect(stack.database_url("postgres"))
    await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await admin.close()


async def test_the_order_of_each_key_is_kept_and_nothing_is_published_twice(press: Press) -> None:
    for start in range(0, 1000, 50):
        await press.number(range(start, start + 50))
    async with press.relay():
        records = await press.published(_has(1000))
        await press.until_empty()
    assert len(records) == 1000
    _assert_nothing_lost_or_reordered(records, 1000)
    assert records[0].headers == (("id", records[0].value),)


async def test_of_two_relays_one_publishes_and_the_other_takes_over(press: Press) -> None:
    await press.number(range(100))
    async with press.relay():
        await press.until_empty()
        async with press.relay() as second:
            await press.number(range(100, 200))
            await press.until_empty()
            assert len(await press.published(_has(200))) == 200
            assert not second.done()
            locks = """SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
                WHERE locktype = 'advisory' AND datname = current_database()"""
            assert await press.fetchval(locks) == 1
    async with press.relay(), press.relay():
        await press.number(range(200, 300))
        records = await press.published(_has(300))
    assert len(records) == 300
    _assert_nothing_lost_or_reordered(records, 300)


async def test_an_older_relay_whose_lock_was_lost_cannot_publish_any_more(press: Press) -> None:
    """Two lead at once, as after a lost connection that the older one has not noticed: the younger fences it."""
    older, younger = Relay(press.settings, service=press.topic), Relay(press.settings, service=press.topic)
    younger._lock += 1  # as if the lock had come free
    await press.number(range(10))
    count = 10
    with structlog.testing.capture_logs() as lines:
        async with press.relay(older):
            await press.until_empty()
            async with press.relay(younger), asyncio.timeout(EVENTUALLY_SECONDS):
                while not any(line["event"] == "another relay has taken over" for line in lines):
                    await press.number([count])
                    count += 1
                await press.until_empty()
    _assert_nothing_lost_or_reordered(await press.published(_has(count)), count)


async def test_a_crash_between_publishing_and_deleting_publishes_again_and_nothing_else(press: Press) -> None:
    await press.number(range(20))
    await press.number(range(20, 30))
    rows = await _outbox(press)
    async with press.relay():
        await press.until_empty()
        await press.published(_has(30))
    await _put_back(press, rows)  # the deletion never came about
    async with press.relay():
        await press.until_empty()
        records = await press.published(lambda found: len(found) >= 60)
    assert sorted(_numbers(records)) == sorted([*range(30), *range(30)])
    _assert_nothing_lost_or_reordered(records, 30)
    by_number = {(record.value, record.headers) for record in records}
    assert len(by_number) == 30  # the copy carries the id of the original


async def _outbox(press: Press) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(press.settings.database_url.get_secret_value())
    rows = await connection.fetch(PLUMBING["read_outbox"], 100)
    await connection.close()
    return rows


async def _put_back(press: Press, rows: Sequence[asyncpg.Record]) -> None:
    connection = await asyncpg.connect(press.settings.database_url.get_secret_value())
    await connection.executemany(
        "INSERT INTO outbox (id, record_count, records) VALUES ($1, $2, $3)",
        [(row["id"], row["record_count"], row["records"]) for row in rows],
    )
    await connection.close()


async def test_what_was_published_in_a_transaction_that_never_ended_is_not_seen(press: Press) -> None:
    """A relay killed within its Kafka transaction: consumers that read committed see the second attempt only."""
    await press.number(range(500))
    async with press.relay() as killed:
        await asyncio.sleep(0.3)
        killed.cancel()
    await press.number(range(500, 520))
    async with press.relay():
        await press.until_empty()
        records = await press.published(_has(520))
    _assert_nothing_lost_or_reordered(records, 520)


async def test_the_relay_rides_out_a_postgres_restart(press: Press) -> None:
    await press.number(range(50))
    async with press.relay() as relay:
        await press.until_empty()
        await press.stack.embedded_postgres.kill()
        await asyncio.sleep(0.5)
        await press.stack.embedded_postgres.start()
        await press.number(range(50, 100))
        await press.until_empty()
        records = await press.published(_has(100))
        assert not relay.done()
    _assert_nothing_lost_or_reordered(records, 100)


async def test_the_relay_rides_out_a_broker_restart(press: Press) -> None:
    await press.number(range(50))
    async with press.relay() as relay:
        await press.until_empty()
        await press.stack.embedded_kafka.kill_broker(1)
        await press.number(range(50, 100))
        await asyncio.sleep(1)
        await press.stack.embedded_kafka.start_broker(1)
        await press.until_empty()
        records = await press.published(_has(100))
        assert not relay.done()
    _assert_nothing_lost_or_reordered(records, 100)


async def test_the_largest_dead_letter_is_published(press: Press, topic: Topics) -> None:
    large = await topic("large", partitions=1, **{"max.message.bytes": DLQ_BYTES_MAX})
    value = os.urandom(LETTER_BYTES_MAX - 60 * 1024)  # nothing to compress
    headers = [(f"h{n}", b"x" * 900) for n in range(60)]
    await press.append(Outgoing(large, b"k", value, [*headers, ("null", None)]))
    async with press.relay():
        await press.until_empty()
    assert await press.fetchval("SELECT count(*) FROM outbox_aside") == 0
    [record] = await Press(press.stack, press.settings, large).published(_has(1))
    assert record.value == value
    assert record.headers[-1] == ("null", None)


async def test_draining_returns_when_everything_is_published(press: Press) -> None:
    relay = Relay(press.settings, service=press.topic)
    async with press.relay(relay):
        await press.number(range(100))
        await press.until_empty()
        await press.number(range(100, 400))
        async with asyncio.timeout(EVENTUALLY_SECONDS):
            await relay.drain()
        assert await press.fetchval("SELECT count(*) FROM outbox") == 0


async def test_without_kafka_draining_does_not_wait(press: Press) -> None:
    away = press.settings.model_copy(update={"kafka_bootstrap_servers": "127.0.0.1:1"})
    relay = Relay(away, service=press.topic)
    await press.number(range(10))
    async with press.relay(relay), asyncio.timeout(EVENTUALLY_SECONDS):
        while not relay._leads:
            await asyncio.sleep(0.05)
        drained = asyncio.create_task(relay.drain())
        await asyncio.sleep(0)
        assert drained.done()
