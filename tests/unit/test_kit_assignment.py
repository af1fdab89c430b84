"""Topics to be read first: what was read stays read, and waiting for others has an end."""

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition

from services.kit import assignment
from services.kit.assignment import Assignment

FIRST, OTHER = TopicPartition("first", 0), TopicPartition("other", 0)


class Log:
    """Client and database in one: ends of the log, and where the store stands."""

    def __init__(self, end: int) -> None:
        self.end = end
        self.stored = 0
        self.assigned = {FIRST, OTHER}
        self.claims = 0

    def assignment(self) -> set[TopicPartition]:
        return self.assigned

    async def beginning_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        self.claims += 1
        raise OSError("nobody gets further here")

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, self.end)

    async def fetch(self, *_: Any) -> list[dict[str, Any]]:
        return [{"topic": FIRST.topic, "partition": FIRST.partition, "next_offset": self.stored}]

    def pause_owned(self, _: Any) -> None:
        pass


async def _assigned(log: Any) -> Assignment:
    members = Assignment(log, [[FIRST.topic]], lambda _: True)
    await members.attach(log, "cluster", [FIRST])
    await members.on_partitions_assigned([FIRST, OTHER])
    return members


async def test_other_topics_wait_until_the_first_is_read_to_where_it_ended() -> None:
    log = Log(end=10)
    members = await _assigned(log)
    assert await members._due() == [FIRST]
    log.stored = 9
    assert await members._due() == [FIRST]
    log.stored = 10
    assert await members._due() == [FIRST, OTHER]


async def test_what_was_read_counts_as_read_after_a_rebalance_too() -> None:
    log = Log(end=10)
    members = await _assigned(log)
    log.stored = 10
    assert await members._due() == [FIRST, OTHER]
    log.stored = 8  # its new owner cannot know that only markers follow
    await members.on_partitions_revoked([FIRST, OTHER])
    await members.on_partitions_assigned([OTHER])
    assert await members._due() == [OTHER]


async def test_what_is_no_longer_assigned_is_not_claimed() -> None:
    log = Log(end=0)
    members = await _assigned(log)
    log.assigned = set()  # the rebalance that took it away was never heard of
    claiming = asyncio.create_task(members.run())
    await asyncio.sleep(0.2)
    claiming.cancel()
    assert log.claims == 0
    assert members.ready


async def test_until_a_rejoin_has_succeeded_a_member_is_not_ready() -> None:
    members = await _assigned(Log(end=0))
    members._unclaimed.clear()
    members.lag_is(0)
    assert members.caught_up
    await members.on_partitions_revoked([FIRST, OTHER])
    assert not members.ready
    assert not members.caught_up
    await members.on_partitions_assigned([])
    assert members.ready


async def test_lag_that_is_not_known_or_was_measured_long_ago_is_not_caught_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    members = await _assigned(Log(end=0))
    members._unclaimed.clear()
    assert not members.caught_up
    members.lag_is(0)
    assert members.caught_up
    members.lag_is(None)
    assert not members.caught_up
    members.lag_is(0)
    later = time.monotonic() + assignment._LAG_SECONDS_MAX + 1
    monkeypatch.setattr(assignment, "time", SimpleNamespace(monotonic=lambda: later))
    assert not members.caught_up


async def test_the_wait_for_topics_to_be_read_first_is_bounded_from_when_the_client_is_connected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log: Any = Log(end=10)
    now = time.monotonic()
    clock = {"now": now}
    monkeypatch.setattr(assignment, "time", SimpleNamespace(monotonic=lambda: clock["now"]))
    members = Assignment(log, [[FIRST.topic]], lambda _: True)
    clock["now"] = now + 1_000  # so long the brokers were away
    await members.attach(log, "cluster", [FIRST])
    await members.on_partitions_assigned([OTHER])
    assert await members._due() == []
    clock["now"] = now + 1_000 + assignment._READ_FIRST_SECONDS_MAX + 1
    assert await members._due() == [OTHER]
