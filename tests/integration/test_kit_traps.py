"""Where the client libraries lose, stall or flood, the consumer does not: one test for each such place."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from schemas.topic_files import read_topics
from services.kit.batch import Item, Outgoing
from services.kit.consume import Consumer
from services.kit.errors import Stop
from services.kit.fetch import SteadyConsumer
from services.kit.sql import AnyConnection
from tests.conftest import Topics
from tests.integration.kit_tally import EVENTUALLY_SECONDS, Bench, Tally, bench

__all__ = ["bench"]


@dataclass
class Gated(Tally):
    """Stores nothing until the gate opens."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def apply(
        self, connection: AnyConnection, items: Sequence[Item[dict[str, Any]]]
    ) -> Sequence[Outgoing]:
        await self.gate.wait()
        return await super().apply(connection, items)


def _gate(bench: Bench) -> asyncio.Event:
    bench.handler = Gated(bench.handler.topics, bench.handler.dlq_topic)
    return bench.handler.gate


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(EVENTUALLY_SECONDS):
        while not condition():
            await asyncio.sleep(0.02)


def _client(consumer: Consumer[Any]) -> SteadyConsumer:
    assert consumer._consumer is not None
    return consumer._consumer


def _paused(consumer: Consumer[Any]) -> bool:
    return consumer._consumer is not None and bool(consumer._consumer.paused()) and consumer.ready


async def _committed(bench: Bench, partition: int = 0) -> int:
    """What Kafka remembers for the group; 0 when nothing."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bench.stack.bootstrap_servers)
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(bench.group)
    finally:
        await admin.close()
    found = offsets.get(TopicPartition(bench.handler.topics[0], partition))
    return 0 if found is None else int(found.offset)


async def _epochs(bench: Bench) -> dict[int, int]:
    rows = await bench.pool.fetch("SELECT partition, epoch FROM consumer_position")
    return {row["partition"]: row["epoch"] for row in rows}


# --- positions ----------------------------------------------------------------------------------------------------


async def test_what_is_fetched_but_not_stored_is_not_committed_to_kafka(bench: Bench) -> None:
    gate = _gate(bench)
    await bench.send(*({"n": n} for n in range(100)))
    async with bench.running(batch_records_max=10) as consumer:
        await _until(lambda: _paused(consumer))
        await asyncio.sleep(1.5)  # commits go out once a second
        assert await _committed(bench) == 0
        gate.set()
        await bench.until_stored(100)
        await consumer.drain()
        assert await _committed(bench) == 100


async def test_what_retention_removes_before_it_was_read_stops_the_service(bench: Bench) -> None:
    partition = TopicPartition(bench.handler.topics[0], 0)
    await bench.send(*({"n": n} for n in range(10)))
    consumer = Consumer(bench.settings, bench.pool, bench.handler, group=bench.group)
    running = asyncio.create_task(consumer.run())
    await bench.until_stored(10)
    _client(consumer).pause(partition)
    await asyncio.sleep(1)  # a fetch under way ends
    await bench.send(*({"n": n} for n in range(10, 30)))
    admin = AIOKafkaAdminClient(bootstrap_servers=bench.stack.bootstrap_servers)
    await admin.start()
    await admin.delete_records({partition: RecordsToDelete(before_offset=20)})
    await admin.close()
    _client(consumer).resume(partition)
    with pytest.raises(ExceptionGroup) as failure:
        await asyncio.wait_for(running, EVENTUALLY_SECONDS)
    assert failure.group_contains(Stop, match="OFFSET_LOST")
    assert await bench.numbers() == list(range(10))  # nothing from behind the hole
    assert (await bench.offsets())[0] == 10


async def test_markers_and_aborted_records_are_no_hole(bench: Bench) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=bench.stack.bootstrap_servers, transactional_id=f"tx.{bench.group}"
    )
    await producer.start()
    async with bench.running():
        for n in range(6):
            await producer.begin_transaction()
            await producer.send_and_wait(bench.handler.topics[0], b'{"n": %d}' % n, key=b"k", partition=0)
            await (producer.abort_transaction() if n % 2 else producer.commit_transaction())
            await asyncio.sleep(0.1)
        await bench.until_stored(9)  # two offsets each, the last pair aborted
    await producer.stop()
    assert await bench.numbers() == [0, 2, 4]
    control = await bench.pool.fetchval("SELECT range_agg(control)::text FROM batch")
    assert control == "{[1,4),[5,8)}"


async def test_a_database_set_back_by_a_restore_is_not_skipped_over(bench: Bench) -> None:
    await bench.send(*({"n": n} for n in range(10)))
    running = asyncio.create_task(
        Consumer(bench.settings, bench.pool, bench.handler, group=bench.group).run()
    )
    await bench.until_stored(10)
    await bench.pool.execute("DELETE FROM tally WHERE n >= 5")
    await bench.pool.execute("DELETE FROM batch")
    await bench.pool.execute("UPDATE consumer_position SET next_offset = 5 WHERE partition = 0")
    await bench.send({"n": 10})
    with pytest.raises(ExceptionGroup) as failure:
        await asyncio.wait_for(running, EVENTUALLY_SECONDS)
    assert failure.group_contains(Stop, match="POSITION_REWOUND")
    async with bench.running():
        await bench.until_stored(11)
    assert await bench.numbers() == list(range(11))


# --- back-pressure ------------------------------------------------------------------------------------------------


async def test_a_slow_store_does_not_cost_the_membership(bench: Bench) -> None:
    gate = _gate(bench)
    await bench.send(*({"n": n} for n in range(200)))
    async with bench.running(batch_records_max=10) as consumer:
        await _until(lambda: _paused(consumer))
        coordinator = _client(consumer)._coordinator
        coordinator._max_poll_interval = 1.0
        generation, polled_at = coordinator.generation, _client(consumer).last_poll_seconds
        await asyncio.sleep(4)  # four times what a member may keep silent
        assert _client(consumer).last_poll_seconds > polled_at
        assert time.monotonic() - _client(consumer).last_poll_seconds < 1.0
        assert coordinator.generation == generation
        gate.set()
        await bench.until_stored(200)
    assert set((await _epochs(bench)).values()) == {1}
    assert await bench.numbers() == list(range(200))


async def test_large_records_press_back_by_their_bytes(bench: Bench) -> None:
    gate = _gate(bench)
    word = "x" * 256 * 1024
    await bench.send(*({"n": n, "word": word} for n in range(60)))
    async with bench.running(batch_bytes_max=1024 * 1024) as consumer:
        await _until(lambda: _paused(consumer))
        await asyncio.sleep(0.5)
        assert max(lane.fill for lane in consumer._lanes) < 6  # of the fifteen batches there are
        gate.set()
        await bench.until_stored(60)
    assert await bench.numbers() == list(range(60))
    largest = await bench.pool.fetchval("SELECT max(next_offset - first_offset) FROM batch")
    assert largest <= 4


async def test_draining_does_not_go_on_fetching(bench: Bench) -> None:
    gate = _gate(bench)
    await bench.send(*({"n": n} for n in range(2_000)))
    async with bench.running(batch_records_max=20) as consumer:
        await _until(lambda: _paused(consumer))
        drained = asyncio.create_task(consumer.drain())
        await asyncio.sleep(0)
        gate.set()
        async with asyncio.timeout(EVENTUALLY_SECONDS):
            await drained
        stored = (await bench.offsets())[0]
        assert 0 < stored < 2_000
        assert await bench.numbers() == list(range(stored))
        assert await _committed(bench) == stored
    async with bench.running():
        await bench.until_stored(2_000)
    assert await bench.numbers() == list(range(2_000))


# --- what senders can do ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_every_codec_a_producer_may_choose_is_read(bench: Bench, codec: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bench.stack.bootstrap_servers, compression_type=codec)
    await producer.start()
    for n in range(50):
        await producer.send(
            bench.handler.topics[0], b'{"n": %d, "word": "again again"}' % n, key=b"k", partition=0
        )
    await producer.stop()
    async with bench.running():
        await bench.until_stored(50)
    assert await bench.numbers() == list(range(50))


@pytest.mark.parametrize(
    ("size", "kept"),
    [(1_200_000, True), (20_000_000, False)],
    ids=["larger-than-its-topic", "larger-than-a-letter"],
)
async def test_a_record_that_grows_when_it_is_read_is_refused_and_found_among_the_dead_letters(
    bench: Bench, topic: Topics, size: int, kept: bool
) -> None:
    limit = str(read_topics()["recognition.dlq.recognition"].max_message_bytes)
    bench.handler = Tally(
        bench.handler.topics, await topic("dlq", partitions=1, **{"max.message.bytes": limit})
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=bench.stack.bootstrap_servers, compression_type="zstd", max_request_size=2 * size
    )
    await producer.start()
    value = b'{"broken' + b"x" * size
    await producer.send_and_wait(bench.handler.topics[0], value, key=b"k", partition=0)
    await producer.stop()
    await bench.send({"n": 1})
    async with bench.running():
        [letter] = await bench.read(bench.handler.dlq_topic, 1)
        await bench.until_stored(2)
    headers = dict(letter.headers)
    assert (headers["dlq_code"], headers["dlq_offset"], letter.key) == (b"DECODE_BAD", b"0", b"k")
    assert letter.value == (value if kept else b"")
    assert headers.get("dlq_value") == (None if kept else b"left out, %d bytes" % len(value))
    assert len(headers["dlq_digest"]) == 64
    assert await bench.pool.fetchval("SELECT count(*) FROM outbox_aside") == 0


async def test_hostile_headers_of_a_refused_record_stop_neither_consumer_nor_relay(bench: Bench) -> None:
    hostile = [("x", None), ("y", b"\xff"), ("dlq_attempts", b"1" * 5_000), ("dlq_first_at", b"\x1b[31m")]
    await bench.send(b"{broken", headers=hostile)
    await bench.send({"n": 1})
    async with bench.running():
        [letter] = await bench.read(bench.handler.dlq_topic, 1)
        await bench.until_stored(2)
    assert letter.headers[:2] == (("x", None), ("y", b"\xff"))
    assert dict(letter.headers)["dlq_attempts"] == b"1"
    assert await bench.numbers() == [1]


# --- where the brokers are ----------------------------------------------------------------------------------------


async def test_a_list_of_brokers_is_taken_as_a_list(bench: Bench) -> None:
    await bench.send({"n": 1})
    async with bench.running(kafka_bootstrap_servers=f"127.0.0.1:1,{bench.stack.bootstrap_servers}"):
        await bench.until_stored(1)
    assert await bench.numbers() == [1]


@pytest.mark.parametrize("which", ["input", "output", "dead-letter"])
async def test_a_missing_topic_stops_the_service_and_is_not_created(bench: Bench, which: str) -> None:
    missing = f"missing.{bench.group}"
    topics = [*bench.handler.topics, missing] if which == "input" else bench.handler.topics
    dlq_topic = missing if which == "dead-letter" else bench.handler.dlq_topic
    handler = Tally(topics, dlq_topic, out_topic=missing if which == "output" else None)
    with pytest.raises(Stop, match=f"TOPIC_MISSING.*{missing}"):
        await Consumer(bench.settings, bench.pool, handler, group=bench.group).run()
    admin = AIOKafkaAdminClient(bootstrap_servers=bench.stack.bootstrap_servers)
    await admin.start()
    assert missing not in await admin.list_topics()
    await admin.close()


async def test_partitions_of_one_number_go_to_one_member_whatever_their_topic(
    bench: Bench, topic: Topics
) -> None:
    bench.handler.topics = [*bench.handler.topics, await topic("second", partitions=2)]

    def numbers(consumer: Consumer[Any]) -> list[int]:
        return sorted(partition.partition for partition in _client(consumer).assignment())

    async with bench.running() as one:
        await _until(lambda: one.ready)
        async with bench.running() as other:
            await _until(lambda: other.ready and one.ready and len(numbers(other)) == len(numbers(one)) == 2)
            assert sorted([numbers(one), numbers(other)]) == [[0, 0], [1, 1]]


# --- partitions come and go ---------------------------------------------------------------------------------------


async def test_partitions_that_move_back_and_forth_under_load_lose_and_double_nothing(bench: Bench) -> None:
    async def send() -> None:
        for n in range(0, 3_000, 20):
            await bench.send(*({"n": n} for n in range(n, n + 20, 2)), partition=0)
            await bench.send(*({"n": n} for n in range(n + 1, n + 21, 2)), partition=1)
            await asyncio.sleep(0.05)

    async with bench.running(batch_records_max=50), asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(send())
        while not sending.done():
            async with bench.running(batch_records_max=50):
                await asyncio.sleep(1)
        await bench.until_stored(1_500, 0)
        await bench.until_stored(1_500, 1)
    numbers = await bench.numbers()
    assert sorted(numbers) == list(range(3_000))
    for partition in (0, 1):
        own = [n for n in numbers if n % 2 == partition]
        assert own == sorted(own)
    assert min((await _epochs(bench)).values()) > 1
    holes = await bench.pool.fetchval("SELECT count(*) FROM batch WHERE NOT isempty(control)")
    assert holes == 0  # nothing was taken for a gap


async def test_records_fetched_before_a_seek_are_known_as_such(bench: Bench) -> None:
    """What a poll gave before the claim's seek must not be stored behind a gap that was never read."""
    await bench.send(*({"n": n} for n in range(10)))
    async with bench.running() as consumer:
        await bench.until_stored(10)
        client, partition = _client(consumer), TopicPartition(bench.handler.topics[0], 0)
        await bench.send(*({"n": n} for n in range(10, 20)))
        await bench.until_stored(20)
        client.pause(partition)
        client.seek(partition, 20)
        assert not client.is_current(partition)
        stale: Any = SimpleNamespace(
            topic=partition.topic, partition=0, offset=25, timestamp=0, value=b'{"n": 25}', headers=()
        )
        await consumer._on_batch([stale])
        client.resume(partition)
        await bench.send({"n": 20})
        await bench.until_stored(21)
    assert await bench.numbers() == list(range(21))
