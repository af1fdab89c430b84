"""A lane: the records of some partitions, in order. One task gathers and decodes, another writes."""

import asyncio
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Generic, TypeVar

from aiokafka import ConsumerRecord

from services.kit import metrics
from services.kit.batch import Handler, Item, Position
from services.kit.errors import Code, Refusal, Stage
from services.kit.unreadable import is_unreadable
from services.kit.writer import Writer

T = TypeVar("T")

# Decoding yields to the event loop after this many records, so that heartbeats and health answers go on.
_SLICE_RECORDS = 100


class Lane(Generic[T]):
    """Buffers records, makes batches of them and has them stored one after another."""

    def __init__(
        self, handler: Handler[T], writer: Writer[T], *, records_max: int, bytes_max: int, linger_ms: int
    ) -> None:
        """records_max, bytes_max, linger_ms: bounds of one batch."""
        self._handler = handler
        self._writer = writer
        self._records_max = records_max
        self._bytes_max = bytes_max
        self._linger_seconds = linger_ms / 1000
        self._buffer: deque[tuple[Position, ConsumerRecord, int]] = deque()
        self._buffer_bytes = 0
        self._arrived = asyncio.Event()
        self._full = asyncio.Event()
        # One batch decoded ahead while another is written.
        self._decoded: asyncio.Queue[list[Item[T]]] = asyncio.Queue(maxsize=1)
        self._in_flight = 0

    @property
    def fill(self) -> float:
        """What waits to be gathered, in batches: 1.0 is as many records, or bytes, as one batch may hold."""
        return max(len(self._buffer) / self._records_max, self._buffer_bytes / self._bytes_max)

    @property
    def idle(self) -> bool:
        """Nothing buffered, decoded or in flight."""
        return not self._buffer and self._decoded.empty() and self._in_flight == 0

    def push(self, position: Position, records: Sequence[ConsumerRecord]) -> None:
        """Take records of one partition, in order of offset."""
        for record in records:
            weight = _weight_bytes(record)
            self._buffer.append((position, record, weight))
            self._buffer_bytes += weight
        self._arrived.set()
        if self.fill >= 1:
            self._full.set()

    async def run(self) -> None:
        """Work until cancelled. Raises Stop when the writer does."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._decode_forever())
            tasks.create_task(self._write_forever())

    async def _decode_forever(self) -> None:
        while True:
            await self._wait_for_batch()
            items: list[Item[T]] = []
            size = 0
            self._in_flight += 1
            now = datetime.now(UTC)
            while self._buffer and len(items) < self._records_max and size < self._bytes_max:
                for _ in range(min(_SLICE_RECORDS, len(self._buffer), self._records_max - len(items))):
                    position, record, weight = self._buffer.popleft()
                    self._buffer_bytes -= weight
                    size += weight
                    if not position.lost and record.offset >= position.next_offset:
                        items.append(Item(position, record, self._decode(record, now)))
                    if size >= self._bytes_max:
                        break
                await asyncio.sleep(0)
            if not self._buffer:
                self._arrived.clear()
            self._full.clear()
            await self._decoded.put(items)

    async def _wait_for_batch(self) -> None:
        await self._arrived.wait()
        if self.fill < 1:
            try:
                async with asyncio.timeout(self._linger_seconds):
                    await self._full.wait()
            except TimeoutError:
                pass

    def _decode(self, record: ConsumerRecord, now: datetime) -> T | Refusal:
        if is_unreadable(record):
            metrics.UNREADABLE.labels(record.topic).inc()
            return Refusal(Code.UNREADABLE, Stage.FETCH, "the client could not read the record")
        try:
            return self._handler.decode(record, now)
        except Exception as error:  # a decoder that fails must not take the batch with it
            return Refusal(Code.DECODE_BAD, Stage.DECODE, f"decoder failed: {type(error).__name__}")

    async def _write_forever(self) -> None:
        while True:
            items = await self._decoded.get()
            if items:
                await self._writer.store(items)
            self._in_flight -= 1


def _weight_bytes(record: ConsumerRecord) -> int:
    """What a record holds: value, key, and headers with their names."""
    weight = len(record.value or b"") + len(record.key or b"")
    for name, value in record.headers:
        weight += len(name) + len(value or b"")
    return weight
