"""The services' positions beside Kafka's own account of the same partitions."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from services.cli.errors import EXIT_UNREACHABLE, CliError
from services.cli.servers import kafka_complaints, kafka_reader, partitions_of
from services.cli.verify.report import Check, Fault, made

FETCH_MS = 500
FETCHES_MAX = 60
READ_MS = 50
RECORDS_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Position:
    """Where a service stands in one partition, as its database says, and where it began."""

    cluster_id: str
    next_offset: int
    first_offset: int = 0


Positions = Mapping[TopicPartition, Position]
Ranges = Mapping[TopicPartition, tuple[int, int]]
"""First offset of each partition, and one past its last."""


class Log:
    """A connected look at one cluster."""

    def __init__(self, consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient, cluster_id: str) -> None:
        self._consumer = consumer
        self._admin = admin
        self.cluster_id = cluster_id

    async def committed(self, group: str) -> dict[TopicPartition, int]:
        """What a consumer group has committed."""
        found = await self._admin.list_consumer_group_offsets(group)
        return {partition: meta.offset for partition, meta in found.items() if meta.offset >= 0}

    async def partitions(self, topics: Iterable[str]) -> list[TopicPartition]:
        """All partitions of those of the topics that the cluster has."""
        return await partitions_of(self._consumer, topics)

    async def bounds(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        """First offset of each partition, and one past its last committed one."""
        if not partitions:
            return {}
        beginnings = await self._consumer.beginning_offsets(partitions)
        ends = await self._consumer.end_offsets(partitions)
        return {partition: (beginnings[partition], ends[partition]) for partition in partitions}

    async def unread(self, topic: str, positions: Positions) -> list[TopicPartition]:
        """Partitions of a topic that hold a record which a service that stands at `positions` has not read.

        A marker of a transaction is no record: that is why the records themselves are looked for.
        """
        bounds = await self.bounds(await self.partitions([topic]))
        waiting: dict[TopicPartition, int] = {}
        for partition, (begins, ends) in bounds.items():
            position = positions.get(partition)
            start = begins if position is None else max(position.next_offset, begins)
            if start < ends:
                waiting[partition] = start
        self._consumer.assign(list(waiting))
        for partition, start in waiting.items():
            self._consumer.seek(partition, start)
        found: set[TopicPartition] = set()
        for _ in range(FETCHES_MAX):
            if not waiting:
                return sorted(found)
            batch = await self._consumer.getmany(*waiting, timeout_ms=FETCH_MS)
            found |= {p for p, records in batch.items() if records[0].offset < bounds[p][1]}
            for partition in list(waiting):
                if partition in found or await self._consumer.position(partition) >= bounds[partition][1]:
                    self._consumer.pause(partition)
                    del waiting[partition]
        raise _stalled()

    async def read(self, ranges: Ranges) -> AsyncIterator[tuple[TopicPartition, list[ConsumerRecord]]]:
        """The records of these partitions at offsets in `[start, end)`, stretch by stretch, none of them empty.

        All at once: a client that turns from one partition to the next waits for the broker each time.
        """
        left = {partition: end for partition, (start, end) in ranges.items() if start < end}
        self._consumer.assign(list(left))
        for partition in left:
            self._consumer.seek(partition, ranges[partition][0])
        silent = 0
        while left:
            batch = await self._consumer.getmany(*left, timeout_ms=READ_MS, max_records=RECORDS_AT_ONCE)
            silent = 0 if batch else silent + 1
            if silent * READ_MS > FETCHES_MAX * FETCH_MS:
                raise _stalled()
            for partition, fetched in batch.items():
                if records := [record for record in fetched if record.offset < left[partition]]:
                    yield partition, records
            for partition, end in list(left.items()):
                if await self._consumer.position(partition) >= end:
                    self._consumer.pause(partition)
                    del left[partition]


def _stalled() -> CliError:
    return CliError("KAFKA_STALLED", "the broker sends nothing more", EXIT_UNREACHABLE)


@asynccontextmanager
async def look_at(options: Mapping[str, Any]) -> AsyncIterator[Log]:
    """Connect to the cluster. options: of a client. Raises CliError KAFKA_UNREACHABLE."""
    async with kafka_reader(options) as consumer:
        admin = AIOKafkaAdminClient(**options)
        try:
            with kafka_complaints(options):
                await admin.start()
                cluster = await admin.describe_cluster()
            yield Log(consumer, admin, str(cluster["cluster_id"]))
        finally:
            await admin.close()


async def compare(
    log: Log, service: str, positions: Positions, committed: Mapping[TopicPartition, int]
) -> list[Check]:
    """Judge positions that were read after `committed` was: offsets only rise."""
    known = await log.partitions({partition.topic for partition in positions})
    bounds = await log.bounds(known)
    strangers = {p: s for p, s in positions.items() if s.cluster_id != log.cluster_id or p not in bounds}
    ours = {p: s for p, s in positions.items() if p not in strangers}
    outside = {p: s for p, s in ours.items() if not bounds[p][0] <= s.next_offset <= bounds[p][1]}
    ahead = {p: s for p, s in ours.items() if committed.get(p, 0) > s.next_offset}
    late = {p: s for p, s in ours.items() if s.first_offset > bounds[p][0]}
    unread = [p for p in known if p not in positions and bounds[p][1] > bounds[p][0]]
    behind = sum(max(0, bounds[p][1] - s.next_offset) for p, s in ours.items())
    return [
        made(
            service,
            "positions are of this cluster",
            len(positions),
            f"{len(positions):,} partitions",
            _first(
                strangers,
                f"a partition of cluster {log.cluster_id}",
                lambda p, s: f"cluster {s.cluster_id}, log {bounds.get(p, 'none')}",
            ),
        ),
        made(
            service,
            "stored offsets lie within the log",
            len(ours),
            f"{behind:,} behind, markers counted",
            _first(outside, "an offset the log has", lambda p, s: f"{s.next_offset}, log {list(bounds[p])}"),
        ),
        made(
            service,
            "partitions read from their beginning",
            len(ours),
            f"{len(ours):,} partitions",
            _first(
                late,
                "the first offset the log has, or one before it",
                lambda p, s: f"begun at {s.first_offset}, log {list(bounds[p])}",
            ),
        ),
        made(
            service,
            "every partition of a topic read",
            len(known),
            f"{len(known):,} partitions",
            _unread(unread, bounds),
        ),
        made(
            service,
            "Kafka's committed offsets not ahead",
            len(committed),
            f"{len(committed):,} committed",
            _first(
                ahead, "at most the stored offset", lambda p, s: f"{committed[p]}, stored {s.next_offset}"
            ),
        ),
    ]


def _unread(
    wrong: Sequence[TopicPartition], bounds: Mapping[TopicPartition, tuple[int, int]]
) -> Fault | None:
    if not wrong:
        return None
    partition = min(wrong)
    place = f"{partition.topic}[{partition.partition}]"
    return Fault(place, "a stored position", f"none, log {list(bounds[partition])}", len(wrong))


def _first(wrong: Positions, expected: str, found: Callable[[TopicPartition, Position], str]) -> Fault | None:
    if not wrong:
        return None
    partition, position = min(wrong.items())
    return Fault(
        f"{partition.topic}[{partition.partition}]", expected, found(partition, position), len(wrong)
    )
