"""Markers at the end of a quiet partition are stored as `control`.

A producer's transaction ends in a marker, which the log counts and nobody is shown. Left alone, a partition that falls
quiet would stand one before its end for ever: once retention has removed what is behind it, that looks like a loss.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from aiokafka import TopicPartition

from services.kit import metrics
from services.kit.batch import Outcome, Position, Span
from services.kit.errors import Stop
from services.kit.fetch import SteadyConsumer

# In a busy partition the next record's batch takes the markers along.
_QUIET_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Stretch:
    """From where the store stands to `until` the client found no record; first seen at `since` (monotonic)."""

    position: Position
    stored: int
    until: int
    since: float


class QuietPartitions:
    """Finds what may be passed over, and has it stored once it has stayed so for a moment."""

    def __init__(
        self, consumer: SteadyConsumer, pass_over: Callable[[Sequence[Span]], Awaitable[None]]
    ) -> None:
        """pass_over: stores that stretches of the log hold no record."""
        self._consumer = consumer
        self._pass_over = pass_over
        self._stretches: dict[TopicPartition, _Stretch] = {}
        self._due: list[_Stretch] = []

    async def look(self, positions: Iterable[Position]) -> None:
        """See which stretches are due. Raises Stop `OFFSET_LOST` where the client was sent over a hole."""
        earlier, self._stretches, self._due = self._stretches, {}, []
        now = time.monotonic()
        for position in list(positions):
            partition, stored = position.partition, position.next_offset
            until = await self._consumer.empty_until(partition, stored)
            if position.lost or until <= stored:
                continue
            known = earlier.get(partition)
            if known is None or (known.position, known.stored, known.until) != (position, stored, until):
                known = _Stretch(position, stored, until, now)
            self._stretches[partition] = known
            if now - known.since >= _QUIET_SECONDS:
                self._due.append(known)
        if self._due:
            self._refuse_holes(
                await self._consumer.beginning_offsets([s.position.partition for s in self._due])
            )

    async def pass_over(self) -> None:
        """Store what is due; a partition whose records came meanwhile has moved on, and is left alone."""
        due = [s for s in self._due if not s.position.lost and s.position.next_offset == s.stored]
        self._due = []
        if not due:
            return
        due.sort(key=lambda stretch: stretch.position.partition)
        await self._pass_over([_span(stretch) for stretch in due])
        for stretch in due:
            if stretch.position.next_offset >= stretch.until:
                self._consumer.passed_over(stretch.position.partition, stretch.until)

    def _refuse_holes(self, beginnings: dict[TopicPartition, int]) -> None:
        """Where the log still has the stored offset, the client has read all that follows; else it was sent ahead."""
        for stretch in self._due:
            beginning, partition = beginnings[stretch.position.partition], stretch.position.partition
            if beginning > stretch.stored and stretch.position.next_offset == stretch.stored:
                metrics.OFFSET_LOST.set(1)
                where = f"{partition.topic}[{partition.partition}]"
                raise Stop(
                    "OFFSET_LOST", f"{where}: the log begins at {beginning} now, {stretch.stored} was next"
                )


def _span(stretch: _Stretch) -> Span:
    span = Span(stretch.position, stretch.stored, stretch.until)
    span.add(Outcome.CONTROL, stretch.stored, stretch.until)
    return span
