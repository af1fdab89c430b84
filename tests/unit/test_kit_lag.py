"""Lag in seconds is the age of the oldest record that is not stored, whatever was fetched since."""

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from prometheus_client import REGISTRY

from services.kit import watch
from services.kit.batch import Position
from services.kit.watch import Watch

PARTITION = TopicPartition("lag.topic", 0)


class Log:
    """Client and assignment in one: a partition with records up to `end`."""

    ready = True

    def __init__(self) -> None:
        self.end = 0
        self.positions = [Position(PARTITION, 1, 0)]

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, self.end)

    async def empty_until(self, _: TopicPartition, stored: int) -> int:
        return stored


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """`clock.now`: seconds since 1970."""
    now = SimpleNamespace(now=1_000_000.0)
    times = SimpleNamespace(time=lambda: now.now, monotonic=lambda: now.now)
    monkeypatch.setattr(watch, "time", times)
    return now


async def _lag(log: Any) -> tuple[float | None, float | None]:
    """Records and seconds, as exported."""
    observer = log.__dict__.setdefault(
        "observer",
        Watch(log, log, log, [PARTITION.topic], pass_over=log, kafka_answers=log, stalled_seconds_max=1),
    )
    await observer._measure()
    labels = {"topic": PARTITION.topic}
    return (
        REGISTRY.get_sample_value("waystone_lag_records", labels),
        REGISTRY.get_sample_value("waystone_lag_seconds", labels),
    )


async def test_lag_is_that_of_the_oldest_record_not_of_the_newest_fetch(clock: SimpleNamespace) -> None:
    log = Log()
    [position] = log.positions
    log.end = 30
    position.arrived(10, 1_000_000_000)
    clock.now += 3_600
    position.arrived(30, 1_003_599_000)
    assert await _lag(log) == (30, 3_600)
    position.next_offset = 9
    assert await _lag(log) == (21, 3_600)
    position.next_offset = 10
    assert await _lag(log) == (20, 1)
    position.next_offset = 30
    assert await _lag(log) == (0, 0)


async def test_a_record_not_yet_fetched_after_a_quiet_night_is_not_hours_old(clock: SimpleNamespace) -> None:
    log = Log()
    [position] = log.positions
    position.arrived(1, 1_000_000_000)
    position.next_offset = log.end = 1
    clock.now += 30_000
    log.end = 2
    assert await _lag(log) == (1, 0)
    clock.now += 5
    assert await _lag(log) == (1, 5)
    position.arrived(2, 1_030_000_000)
    assert await _lag(log) == (1, 5)
    position.next_offset = 2
    assert await _lag(log) == (0, 0)
