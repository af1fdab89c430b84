"""Watches a consumer from outside: lag in records and seconds, and the end of a process that hangs."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence

from aiokafka.errors import KafkaError

from services.kit import metrics
from services.kit.assignment import Assignment
from services.kit.errors import Stop
from services.kit.fetch import SteadyConsumer
from services.kit.remedy import database_answers
from services.kit.sql import Pool

_LOOK_SECONDS = 2.0
_ANSWER_SECONDS_MAX = 10.0
_STALL_SECONDS_MAX = 180.0


async def watch(consumer: SteadyConsumer, assignment: Assignment, pool: Pool, topics: Sequence[str]) -> None:
    """Export lag every two seconds, until cancelled.

    Raises the client's own Stop (`OFFSET_LOST`), and Stop `STALLED` when there was lag and no progress for three
    minutes while both Kafka and Postgres answer: the client can hang after losing its coordinator, and only a new
    process helps.
    """
    moved_at, before = time.monotonic(), -1
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        if consumer.failure is not None:
            raise consumer.failure
        try:
            async with asyncio.timeout(_ANSWER_SECONDS_MAX):
                lag = await _measure_lag(consumer, assignment, topics)
        except (KafkaError, OSError, TimeoutError):
            continue  # without the broker there is nothing to compare with
        assignment.lag_records = lag
        stored = sum(position.next_offset for position in assignment.positions)
        if lag == 0 or stored != before:
            moved_at, before = time.monotonic(), stored
        elif time.monotonic() - moved_at > _STALL_SECONDS_MAX and await database_answers(pool):
            raise Stop("STALLED", f"{lag} records wait and none was stored for {_STALL_SECONDS_MAX:.0f} s")


async def _measure_lag(consumer: SteadyConsumer, assignment: Assignment, topics: Sequence[str]) -> int:
    records: dict[str, int] = defaultdict(int)
    seconds: dict[str, float] = defaultdict(float)
    positions = list(assignment.positions)
    ends = await consumer.end_offsets([position.partition for position in positions]) if positions else {}
    for position in positions:
        behind = max(ends[position.partition] - position.next_offset, 0)
        if behind and position.seen_offset <= position.next_offset:
            # What was fetched is stored. If the client is at the end, only markers remain, which nobody stores.
            fetched_to: int = await consumer.position(position.partition)
            behind = behind if fetched_to < ends[position.partition] else 0
        if behind:
            topic = position.partition.topic
            records[topic] += behind
            if position.oldest_time_ms:
                seconds[topic] = max(seconds[topic], time.time() - position.oldest_time_ms / 1000)
    for topic in topics:
        metrics.LAG_RECORDS.labels(topic).set(records[topic])
        metrics.LAG_SECONDS.labels(topic).set(seconds[topic])
    return sum(records.values())
