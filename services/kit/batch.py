"""What one transaction holds: records decoded, each with exactly one outcome, and what goes out because of them."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Generic, Protocol, TypeVar, runtime_checkable

from aiokafka import ConsumerRecord, TopicPartition

from services.kit.cloudevents import RawHeader
from services.kit.errors import Refusal
from services.kit.lineage import Lineage
from services.kit.sql import AnyConnection

T = TypeVar("T")
D = TypeVar("D")


class Outcome(StrEnum):
    """What became of a record. `control` is for offsets the log never showed."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    PARKED = "parked"
    IGNORED = "ignored"
    CONTROL = "control"


@dataclass(slots=True, eq=False)
class Position:
    """A claimed partition: who owns it (epoch) and where its store stands (next_offset)."""

    partition: TopicPartition
    epoch: int
    next_offset: int
    lost: bool = False
    """Set when the partition was revoked or fenced; nothing of it is stored any more."""
    lineage: Lineage = field(default_factory=Lineage)
    """Of the database it was claimed in; shared by all positions of a process."""
    _arrivals: deque[tuple[int, int]] = field(default_factory=deque)

    def arrived(self, next_offset: int, time_ms: int) -> None:
        """A fetch came. next_offset: one past its last record. time_ms: Kafka's time of its first, since 1970."""
        self.oldest_waiting_ms()
        self._arrivals.append((next_offset, time_ms))

    def oldest_waiting_ms(self) -> int | None:
        """Kafka's time of the oldest fetch that is not stored whole; None when all that was fetched is stored."""
        while self._arrivals and self._arrivals[0][0] <= self.next_offset:
            self._arrivals.popleft()
        return self._arrivals[0][1] if self._arrivals else None


@dataclass(slots=True, eq=False)
class Item(Generic[T]):
    """One record of a batch. `decoded` is what the handler's `decode` gave, or why it refused."""

    position: Position
    record: ConsumerRecord
    decoded: T | Refusal
    outcome: Outcome = Outcome.APPLIED
    refusal: Refusal | None = None
    evidence: bytes | None = None
    """What `apply` leaves for `seal` of a record it stored."""

    def refuse(self, refusal: Refusal) -> None:
        """The record is rejected: it leaves by the dead-letter topic, its bytes untouched."""
        self.outcome = Outcome.REJECTED
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One record to publish."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[RawHeader]


class Handler(Protocol[T]):
    """What a service gives the consumer."""

    topics: Sequence[str]
    read_first: Sequence[Sequence[str]]
    """Groups of `topics`; on start each is read to its end before the next group and the rest. May be empty."""
    dlq_topic: str
    publishes: Sequence[str]
    """Other topics that what `apply` returns, or the service's own tasks append to the outbox, goes to."""

    def decode(self, record: ConsumerRecord, now: datetime) -> T | Refusal:
        """Pure and total: record → what `apply` wants, or why it is refused. now: UTC."""
        ...

    async def apply(self, connection: AnyConnection, items: Sequence[Item[T]]) -> Sequence[Outgoing]:
        """Store the accepted items of one batch inside the open transaction, in order, set-wise.

        May change an item's outcome (`duplicate`, `parked`, `ignored`, or `refuse`). Returns what to publish.
        May be called again with the same items after a rollback: it keeps no state of its own.
        """
        ...


@runtime_checkable
class Sealer(Protocol[T]):
    """A handler that adds a proof to each batch."""

    async def seal(
        self, connection: AnyConnection, spans: Sequence["Span"], items: Sequence[Item[T]]
    ) -> None:
        """Called in the transaction once every outcome is known and its `batch` rows are written.

        spans: one per partition of the batch, whatever its outcomes. items: all of them, refused ones included.
        """
        ...


@dataclass(slots=True)
class Span:
    """The stretch of one partition that a batch covers: `[first_offset, next_offset)`."""

    position: Position
    first_offset: int
    next_offset: int
    offsets: dict[Outcome, list[tuple[int, int]]] = field(default_factory=dict)

    def add(self, outcome: Outcome, start: int, end: int) -> None:
        """Offsets `[start, end)` had this outcome."""
        ranges = self.offsets.setdefault(outcome, [])
        if ranges and ranges[-1][1] == start:
            ranges[-1] = (ranges[-1][0], end)
        else:
            ranges.append((start, end))

    def multirange(self, outcome: Outcome) -> str:
        """As Postgres writes an int8multirange."""
        return "{" + ",".join(f"[{start},{end})" for start, end in self.offsets.get(outcome, ())) + "}"


def spans(items: Iterable[Item[D]]) -> list[Span]:
    """Group items by partition, sorted; a gap between offsets is `control`. Items of a partition come in order."""
    found: dict[TopicPartition, Span] = {}
    for item in items:
        position, offset = item.position, item.record.offset
        span = found.get(position.partition)
        if span is None:
            span = found[position.partition] = Span(position, position.next_offset, position.next_offset)
        if offset > span.next_offset:
            span.add(Outcome.CONTROL, span.next_offset, offset)
        span.add(item.outcome, offset, offset + 1)
        span.next_offset = offset + 1
    return [found[partition] for partition in sorted(found)]
