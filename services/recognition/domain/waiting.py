"""Parked parts: found by whom they wait for, by the event they are part of, and by whom they mention."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from services.recognition.domain.facts import EventKey, Part, PartKey


@dataclass(frozen=True, slots=True)
class Parked:
    """A part that waits for somebody's directory record."""

    part: Part
    waits_for: str
    since: datetime | None = None
    """When it was first parked; None in the batch that parks it."""
    stored: bool = False
    """It was loaded: there is a row of it."""
    in_turn: bool = True
    """All older ones of its queue were loaded with it; False for one that was loaded for its event's sake."""


class Waiting:
    """What a batch knows of what is parked."""

    def __init__(self) -> None:
        self.queues: dict[str, dict[PartKey, Parked]] = {}
        """By whom they wait for, oldest first."""
        self._by_event: dict[EventKey, dict[PartKey, Parked]] = {}
        self._by_mention: dict[str, dict[PartKey, Parked]] = {}

    def __iter__(self) -> Iterator[Parked]:
        for queue in self.queues.values():
            yield from queue.values()

    def add(self, parked: Parked) -> None:
        """At the end of its queue."""
        key = parked.part.key
        self.queues.setdefault(parked.waits_for, {})[key] = parked
        self._by_event.setdefault(parked.part.fact.key, {})[key] = parked
        for employee in parked.part.mentions:
            self._by_mention.setdefault(employee, {})[key] = parked

    def remove(self, parked: Parked) -> None:
        """It waits no longer."""
        key = parked.part.key
        del self.queues[parked.waits_for][key]
        del self._by_event[parked.part.fact.key][key]
        for employee in parked.part.mentions:
            del self._by_mention[employee][key]

    def __contains__(self, parked: Parked) -> bool:
        return self.queues.get(parked.waits_for, {}).get(parked.part.key) is parked

    def of_event(self, key: EventKey) -> list[Parked]:
        """Every part of this event."""
        return list(self._by_event.get(key, {}).values())

    def mentioning(self, employee: str) -> list[Parked]:
        """Every part that says something about this person."""
        return list(self._by_mention.get(employee, {}).values())
