"""A lane makes batches within its bounds, in order, and says how full it is."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from aiokafka import ConsumerRecord, TopicPartition

from services.kit.batch import Item, Position
from services.kit.errors import Refusal
from services.kit.lane import Lane


class Collector:
    """Handler and writer in one: it keeps the batches it is given, and holds the second back until told."""

    topics: Sequence[str] = ("t",)
    read_first: Sequence[Sequence[str]] = ()
    dlq_topic = "dlq"
    publishes: Sequence[str] = ()

    def __init__(self) -> None:
        self.batches: list[list[Item[Any]]] = []
        self.may_store = asyncio.Event()

    def decode(self, record: ConsumerRecord, now: datetime) -> bytes | Refusal:
        if record.value == b"crash":
            raise KeyError("canary")
        return bytes(record.value)

    async def apply(self, *_: Any) -> Any:
        raise AssertionError("the lane leaves this to the writer")

    async def store(self, items: list[Item[Any]]) -> None:
        self.batches.append(items)
        await self.may_store.wait()
        items[-1].position.next_offset = items[-1].record.offset + 1


def _records(values: Sequence[bytes], first_offset: int = 0) -> list[ConsumerRecord]:
    return [
        ConsumerRecord(
            topic="t", partition=0, offset=offset, timestamp=0, timestamp_type=0, key=b"k", value=value,
            checksum=None, serialized_key_size=0, serialized_value_size=0, headers=(),
        )
        for offset, value in enumerate(values, first_offset)
    ]  # fmt: skip


@asynccontextmanager
async def _running(
    collector: Collector, *, records_max: int = 1_000, bytes_max: int = 1_000_000
) -> AsyncIterator[Lane[Any]]:
    writer: Any = collector
    lane: Lane[Any] = Lane(collector, writer, records_max=records_max, bytes_max=bytes_max, linger_ms=1)
    task = asyncio.create_task(lane.run())
    try:
        yield lane
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


def _position() -> Position:
    return Position(TopicPartition("t", 0), 1, 0)


@pytest.mark.parametrize(
    ("records_max", "bytes_max"), [(70, 10**6), (1_000, 7_000), (1, 10**6), (150, 9_000)]
)
async def test_a_batch_keeps_its_bounds_and_the_order(records_max: int, bytes_max: int) -> None:
    collector = Collector()
    collector.may_store.set()
    async with _running(collector, records_max=records_max, bytes_max=bytes_max) as lane:
        lane.push(_position(), _records([b"x" * 100] * 500))
        await _until(lambda: lane.idle)
    assert [item.record.offset for batch in collector.batches for item in batch] == list(range(500))
    assert max(len(batch) for batch in collector.batches) <= min(records_max, bytes_max // 100)


async def test_a_record_larger_than_a_batch_is_a_batch_of_its_own() -> None:
    collector = Collector()
    collector.may_store.set()
    async with _running(collector, bytes_max=1_000) as lane:
        lane.push(_position(), _records([b"x" * 5_000] * 3))
        await _until(lambda: lane.idle)
    assert [len(batch) for batch in collector.batches] == [1, 1, 1]


async def test_a_lane_that_waits_for_its_writer_says_how_full_it_is_in_records_and_in_bytes() -> None:
    collector = Collector()
    async with _running(collector, records_max=10, bytes_max=1_000) as lane:
        position = _position()
        lane.push(position, _records([b""] * 30))
        await _until(lambda: lane.fill <= 1.0)  # one batch with the writer, one decoded, one before the queue
        lane.push(position, _records([b"x" * 1_000] * 3, first_offset=30))
        assert lane.fill >= 3.0
        assert not lane.idle
        collector.may_store.set()
        await _until(lambda: lane.idle)
        assert lane.fill == 0.0


async def test_keys_and_headers_weigh_as_values_do() -> None:
    collector = Collector()
    collector.may_store.set()
    async with _running(collector, bytes_max=1_000) as lane:
        plain, *_ = _records([b"x"])
        heavy = replace(plain, key=b"k" * 300, headers=(("h" * 100, b"x" * 600), ("null", None)))
        lane.push(_position(), [replace(heavy, offset=offset) for offset in range(3)])
        assert lane.fill == 3 * 1_005 / 1_000
        await _until(lambda: lane.idle)
        assert lane.fill == 0.0
    assert [len(batch) for batch in collector.batches] == [1, 1, 1]


async def test_what_was_lost_or_stored_meanwhile_is_not_handed_on() -> None:
    collector = Collector()
    collector.may_store.set()
    async with _running(collector) as lane:
        lost, stored = _position(), _position()
        lost.lost, stored.next_offset = True, 4
        lane.push(lost, _records([b"lost"] * 3))
        lane.push(stored, _records([b"x"] * 6))
        await _until(lambda: lane.idle)
    assert [[item.record.offset for item in batch] for batch in collector.batches] == [[4, 5]]


async def test_a_decoder_that_fails_refuses_its_record_only_and_keeps_its_message_to_itself() -> None:
    collector = Collector()
    collector.may_store.set()
    async with _running(collector) as lane:
        lane.push(_position(), _records([b"a", b"crash", b"b"]))
        await _until(lambda: lane.idle)
    first, second, third = [item for batch in collector.batches for item in batch]
    assert (first.decoded, third.decoded) == (b"a", b"b")
    assert isinstance(second.decoded, Refusal)
    assert second.decoded.code == "DECODE_BAD"
    assert "canary" not in second.decoded.detail
