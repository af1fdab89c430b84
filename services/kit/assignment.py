"""Which partitions this member holds: held still when assigned, claimed in Postgres, then read from where it stands.

On a first start, a replay or a restore some topics are read to their end before others (a directory before the
events about people in it): partitions of later topics stay unclaimed, and paused, until then.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Sequence

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from services.kit import logs, metrics, positions
from services.kit.batch import Position
from services.kit.errors import Stop
from services.kit.fetch import SteadyConsumer
from services.kit.lineage import Lineage
from services.kit.remedy import TROUBLE
from services.kit.sql import PLUMBING, Pool

_CLAIM_RETRY_SECONDS = 0.5
_LOOK_SECONDS = 0.05
# A measurement older than this says nothing about now; one is taken every two seconds.
_LAG_SECONDS_MAX = 30.0
# How long later topics wait for earlier ones that another member may hold.
_READ_FIRST_SECONDS_MAX = 120.0
_log = logs.get("assignment")


class Assignment(ConsumerRebalanceListener):  # type: ignore[misc]
    """The partitions of one consumer. As the client's rebalance listener it never raises: that would be swallowed."""

    def __init__(
        self,
        pool: Pool,
        read_first: Sequence[Sequence[str]],
        may_resume: Callable[[int], bool],
        lineage: Lineage | None = None,
    ) -> None:
        """read_first: groups of topics, each read to its end before the next. may_resume: partition number → room?

        lineage: the newest database server known; every claim and every batch is compared with it.
        """
        self._lineage = lineage or Lineage()
        self._pool = pool
        self._stages = [frozenset(group) for group in read_first]
        self._may_resume = may_resume
        self._positions: dict[TopicPartition, Position] = {}
        self._unclaimed: set[TopicPartition] = set()
        self._assigned = asyncio.Event()
        self._consumer: SteadyConsumer | None = None
        self._cluster_id = ""
        self._ends_at_start: dict[TopicPartition, int] = {}
        self._attached_at = 0.0
        self._stage = 0
        self._lag_records: int | None = None
        self._lag_measured_at = 0.0

    @property
    def positions(self) -> Collection[Position]:
        """The claimed partitions."""
        return self._positions.values()

    @property
    def ready(self) -> bool:
        """An assignment came, and all of it is claimed."""
        return self._assigned.is_set() and not self._unclaimed

    @property
    def caught_up(self) -> bool:
        """All is claimed, and nothing waited when it was last looked, seconds ago. What is not known is not so."""
        fresh = time.monotonic() - self._lag_measured_at < _LAG_SECONDS_MAX
        return self.ready and self._lag_records == 0 and fresh

    def lag_is(self, records: int | None) -> None:
        """Records of claimed partitions that are not stored, just measured; None when that was not possible."""
        self._lag_records, self._lag_measured_at = records, time.monotonic()

    def position(self, partition: TopicPartition) -> Position | None:
        """The claim of this partition; None while it is not ours to store."""
        position = self._positions.get(partition)
        return None if position is None or position.lost else position

    async def attach(
        self, consumer: SteadyConsumer, cluster_id: str, topics_first: Iterable[TopicPartition]
    ) -> None:
        """Begin with a connected client. topics_first: all partitions of the topics to be read first."""
        wanted = list(topics_first)
        self._ends_at_start = await consumer.end_offsets(wanted) if wanted else {}
        self._cluster_id = cluster_id
        self._attached_at = time.monotonic()
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Nothing fetched under the old assignment is stored any more; a transaction in flight may still end."""
        for partition in revoked:
            if position := self._positions.pop(partition, None):
                position.lost = True
        self._unclaimed.difference_update(revoked)
        # Called before a rejoin, which may hang: until it has succeeded nothing is ours.
        self._assigned.clear()
        metrics.PARTITIONS.set(len(self._positions))

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Hold new partitions still until they are claimed."""
        if self._consumer is not None:
            self._consumer.pause_owned(assigned)
        self._unclaimed.update(assigned)
        self._assigned.set()

    async def run(self) -> None:
        """Claim what was assigned, for ever. Raises Stop when a stored position does not fit the log."""
        while True:
            await self._assigned.wait()
            if self._unclaimed and self._consumer:
                # A rebalance that was never heard of may have taken some away again.
                self._unclaimed &= self._consumer.assignment()
                try:
                    if due := await self._due():
                        await self._claim(due)
                except (KafkaError, *TROUBLE) as error:
                    _log.warning("waiting to claim partitions", error=logs.error_name(error))
                    await asyncio.sleep(_CLAIM_RETRY_SECONDS)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _due(self) -> list[TopicPartition]:
        """Unclaimed partitions whose turn it is."""
        waiting = sorted(self._unclaimed)
        stage = await self._stage_reached()
        later = frozenset().union(*self._stages[stage + 1 :]) if stage < len(self._stages) else frozenset()
        known = frozenset().union(*self._stages)
        if stage < len(self._stages):
            return [p for p in waiting if p.topic in known and p.topic not in later]
        return waiting

    async def has_read_first(self) -> bool:
        """All that is to be read first has been read to where it ended when this process started; it stays so."""
        return self._consumer is not None and await self._stage_reached() == len(self._stages)

    async def _stage_reached(self) -> int:
        """Number of groups of topics that have been read to where they ended when this process started.

        It never falls again: whoever takes over a partition after a rebalance may not know that it was read.
        """
        if time.monotonic() - self._attached_at > _READ_FIRST_SECONDS_MAX:
            self._stage = len(self._stages)
        if self._stage == len(self._stages):
            return self._stage
        try:
            rows = await self._pool.fetch(
                PLUMBING["read_positions"],
                [p.topic for p in self._ends_at_start],
                [p.partition for p in self._ends_at_start],
            )
        except TROUBLE:
            return self._stage
        stored = {TopicPartition(row["topic"], row["partition"]): int(row["next_offset"]) for row in rows}
        for stage, topics in enumerate(self._stages):
            for partition, end in self._ends_at_start.items():
                if partition.topic in topics and not await self._read_to(
                    partition, end, stored.get(partition, 0)
                ):
                    return self._stage
            # Others may be looking, too: each says what it has seen, nobody counts up.
            self._stage = max(self._stage, stage + 1)
        return self._stage

    async def _read_to(self, partition: TopicPartition, end: int, stored: int) -> bool:
        if stored >= end or end == 0:
            return True
        position = self.position(partition)
        if position is None or self._consumer is None:
            return False
        # The last offsets may be markers, which are never stored: then the client is at the end, and so are we.
        return await self._consumer.empty_until(partition, position.next_offset) >= end

    async def _claim(self, partitions: Sequence[TopicPartition]) -> None:
        consumer = self._consumer
        assert consumer is not None
        consumer.pause_owned(partitions)
        beginnings = await consumer.beginning_offsets(partitions)
        ends = await consumer.end_offsets(partitions)
        async with self._pool.acquire(timeout=10) as connection:
            try:
                claimed = await positions.claim(
                    connection,
                    partitions,
                    cluster_id=self._cluster_id,
                    beginnings=beginnings,
                    ends=ends,
                    lineage=self._lineage,
                )
            except Stop as stop:
                if stop.code == "OFFSET_LOST":
                    metrics.OFFSET_LOST.set(1)
                raise
        mine = consumer.assignment()
        for position in claimed:
            partition = position.partition
            if partition not in self._unclaimed or partition not in mine:
                continue
            consumer.seek(partition, position.next_offset)
            self._positions[partition] = position
            self._unclaimed.discard(partition)
            if self._may_resume(partition.partition):
                consumer.resume(partition)
        metrics.CLAIMS.inc(len(claimed))
        metrics.PARTITIONS.set(len(self._positions))
        _log.info("partitions claimed", count=len(claimed))
