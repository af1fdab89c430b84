"""The Kafka client we consume with: no record and no broker trouble ends its loop."""

import asyncio
import time
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import ConsumerStoppedError, IllegalStateError, KafkaError

from services.kit import logs, metrics, unreadable
from services.kit.errors import Stop

_BACKOFF_SECONDS = 0.25
_BACKOFF_DOUBLINGS_MAX = 4
_log = logs.get("fetch")
unreadable.install()


class SteadyConsumer(AIOKafkaConsumer):  # type: ignore[misc]
    """AIOKafkaConsumer whose `getmany` rides out broker trouble (FastStream would sleep five seconds).

    Where retention has removed what was to be read next, the client would go on behind the hole as if nothing was
    missing: here it hands out nothing any more, and `failure` says why.
    """

    last_poll_seconds: float = 0.0
    """Monotonic time of the last poll, for liveness."""
    failure: Stop | None = None
    """Set when going on would miss records."""
    _failures: int = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._polls = 0
        self._sought_at_poll: dict[TopicPartition, int] = {}
        self._next_offsets: dict[TopicPartition, int] = {}
        # One past the last record ever handed out. Never falls: what is fetched again counts as not stored till then.
        self._handed_out: dict[TopicPartition, int] = {}

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int = 0, max_records: int | None = None
    ) -> dict[TopicPartition, list[ConsumerRecord]]:
        self.last_poll_seconds = time.monotonic()
        try:
            fetched: dict[TopicPartition, list[ConsumerRecord]] = await super().getmany(
                *partitions, timeout_ms=timeout_ms, max_records=max_records
            )
        except (ConsumerStoppedError, IllegalStateError):
            raise
        except Stop as stop:  # raised here it would end FastStream's loop unseen
            self.failure = stop
            return {}
        except KafkaError as error:
            _log.warning("broker trouble while fetching", error=logs.error_name(error))
            await asyncio.sleep(_BACKOFF_SECONDS * 2 ** min(self._failures, _BACKOFF_DOUBLINGS_MAX))
            self._failures += 1
            return {}
        self._failures = 0
        self._polls += 1
        for partition, records in fetched.items():  # before anybody else runs: see `empty_until`
            self._handed_out[partition] = max(self._handed_out.get(partition, 0), records[-1].offset + 1)
        for partition, records in fetched.items():
            await self._follow(partition, records[0].offset)
        return {} if self.failure else fetched

    def seek(self, partition: TopicPartition, offset: int) -> None:
        super().seek(partition, offset)
        self._sought_at_poll[partition] = self._polls
        self._next_offsets[partition] = offset

    def is_current(self, partition: TopicPartition) -> bool:
        """False when what the last poll gave was fetched before a seek, and will come again from there."""
        return self._polls > self._sought_at_poll.get(partition, -1)

    async def empty_until(self, partition: TopicPartition, stored: int) -> int:
        """How far the client has read without finding a record behind `stored`: past markers, aborted and compacted
        records. It is `stored` itself while something that was handed out is not stored yet.
        """
        read_to: int = await self.position(partition)
        return max(read_to, stored) if self._handed_out.get(partition, 0) <= stored else stored

    def passed_over(self, partition: TopicPartition, offset: int) -> None:
        """There is no record before `offset` any more: should retention remove what was there, it leaves no hole."""
        if self.is_current(partition):
            self._next_offsets[partition] = max(self._next_offsets.get(partition, 0), offset)

    async def _follow(self, partition: TopicPartition, first_offset: int) -> None:
        """Offsets may have gaps (compaction, markers); one that the beginning of the log has passed is a hole."""
        expected = self._next_offsets.get(partition, first_offset)
        try:
            if first_offset > expected:
                beginning = (await self.beginning_offsets([partition]))[partition]
                if expected < beginning <= first_offset and self.is_current(partition):
                    self._stop_at_hole(partition, expected, beginning)
            if self.is_current(partition):
                self._next_offsets[partition] = await self.position(partition)
        except (KafkaError, OSError, TimeoutError):
            if partition in self.assignment() and self.is_current(partition):
                self.seek(partition, expected)  # not known: look again at the next poll

    def _stop_at_hole(self, partition: TopicPartition, expected: int, beginning: int) -> None:
        metrics.OFFSET_LOST.set(1)
        where = f"{partition.topic}[{partition.partition}]"
        self.failure = Stop("OFFSET_LOST", f"{where}: the log begins at {beginning} now, {expected} was next")

    def pause_owned(self, partitions: Iterable[TopicPartition]) -> None:
        """Pause those of `partitions` that are assigned here now."""
        self.pause(*(self.assignment() & set(partitions)))

    def resume_owned(self, partitions: Iterable[TopicPartition]) -> None:
        """Resume those of `partitions` that are assigned here now."""
        self.resume(*(self.assignment() & set(partitions)))
