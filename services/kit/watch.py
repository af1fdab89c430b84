"""Watches a consumer from outside: lag in records and seconds, and the end of a process that hangs."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from services.kit import logs, metrics
from services.kit.assignment import Assignment
from services.kit.batch import Position, Span
from services.kit.errors import Retry, Stop
from services.kit.fetch import SteadyConsumer
from services.kit.quiet import QuietPartitions
from services.kit.remedy import TROUBLE, database_answers
from services.kit.sql import Pool

STALLED_SECONDS_MAX = 180.0
_LOOK_SECONDS = 2.0
_ANSWER_SECONDS_MAX = 10.0
_log = logs.get("watch")


class Watch:
    """Looks at one consumer every two seconds."""

    def __init__(
        self,
        consumer: SteadyConsumer,
        assignment: Assignment,
        pool: Pool,
        topics: Sequence[str],
        *,
        pass_over: Callable[[Sequence[Span]], Awaitable[None]],
        kafka_answers: Callable[[], Awaitable[bool]],
        stalled_seconds_max: float,
    ) -> None:
        """pass_over: stores that stretches of the log hold no record. kafka_answers: asked aside from the client.

        stalled_seconds_max: how long nothing may move, though something should, and Kafka and Postgres answer.
        """
        self._consumer = consumer
        self._assignment = assignment
        self._pool = pool
        self._topics = topics
        self._quiet = QuietPartitions(consumer, pass_over)
        self._kafka_answers = kafka_answers
        self._stalled_seconds_max = stalled_seconds_max
        self._unfetched_since: dict[TopicPartition, float] = {}
        self._moved_at = time.monotonic()
        self._stored_before = -1

    async def run(self) -> None:
        """Export lag and store trailing markers, until cancelled.

        Raises the client's own Stop (`OFFSET_LOST`), and Stop `STALLED` when for three minutes records waited and
        none was stored, or no partition was assigned and claimed, while both Kafka and Postgres answer: the client
        can hang after losing its coordinator, and only a new process helps.
        """
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if self._consumer.failure is not None:
                raise self._consumer.failure
            try:
                async with asyncio.timeout(_ANSWER_SECONDS_MAX):
                    lag = await self._measure()
                    await self._quiet.look(self._assignment.positions)
            except (KafkaError, OSError, TimeoutError):
                self._assignment.lag_is(None)
                self._moved_at = time.monotonic()  # without the broker there is nothing to compare with
                continue
            self._assignment.lag_is(lag)
            try:
                await self._quiet.pass_over()
            except (Retry, *TROUBLE) as error:
                _log.warning("trailing markers must wait", error=logs.error_name(error))
            await self._check_progress(lag)

    async def _check_progress(self, lag: int) -> None:
        stored = sum(position.next_offset for position in self._assignment.positions)
        should_move = lag > 0 or not self._assignment.ready
        if not should_move or stored != self._stored_before:
            self._moved_at, self._stored_before = time.monotonic(), stored
        elif time.monotonic() - self._moved_at > self._stalled_seconds_max:
            if await database_answers(self._pool) and await self._kafka_answers():
                what = (
                    f"{lag} records wait and none was stored"
                    if lag
                    else "partitions are not assigned or claimed"
                )
                raise Stop("STALLED", f"{what} for {self._stalled_seconds_max:.0f} s")
            self._moved_at = time.monotonic()

    async def _measure(self) -> int:
        """Records of claimed partitions that are not stored, markers left out."""
        records: dict[str, int] = defaultdict(int)
        seconds: dict[str, float] = defaultdict(float)
        positions = list(self._assignment.positions)
        ends = await self._consumer.end_offsets([p.partition for p in positions]) if positions else {}
        for position in positions:
            partition, stored = position.partition, position.next_offset
            behind = 0
            if ends[partition] > stored:
                behind = max(ends[partition] - await self._consumer.empty_until(partition, stored), 0)
            records[partition.topic] += behind
            seconds[partition.topic] = max(seconds[partition.topic], self._age_seconds(position, behind))
        if self._assignment.ready:  # else nothing is known of the rest: the last figures stand
            for topic in self._topics:
                metrics.LAG_RECORDS.labels(topic).set(records[topic])
                metrics.LAG_SECONDS.labels(topic).set(seconds[topic])
        return sum(records.values())

    def _age_seconds(self, position: Position, behind: int) -> float:
        """Age of the oldest record not stored. Of one that was not even fetched: since when it was seen to wait."""
        oldest_ms = position.oldest_waiting_ms() if behind else None
        if oldest_ms is not None or not behind:
            self._unfetched_since.pop(position.partition, None)
        if not behind:
            return 0.0
        now = time.time()
        since = oldest_ms / 1000 if oldest_ms else self._unfetched_since.setdefault(position.partition, now)
        return max(now - since, 0.0)
