"""What one batch knows and changes. Loaded before the fold, altered by it, written after it."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from uuid import UUID

from schemas.models.corrections import WithdrawalV1
from services.kit.errors import Refusal, Stage
from services.recognition.domain.facts import (
    Code,
    Entry,
    Erased,
    EventKey,
    Fact,
    FormerErasure,
    Part,
    PartKey,
)
from services.recognition.domain.people import Person
from services.recognition.domain.waiting import Parked, Waiting

AWAITING_PER_ORIGINAL_MAX = 20
"""Withdrawals that may wait for one original."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be parked: for one person, and in all."""

    parked_per_person_max: int
    parked_max: int


@dataclass(frozen=True, slots=True)
class Awaiting:
    """A withdrawal that waits for its original."""

    fact: Fact
    stored: bool = False

    @property
    def by(self) -> str | None:
        """Who takes it back."""
        assert isinstance(self.fact.body, WithdrawalV1)
        return self.fact.body.by


@dataclass(frozen=True, slots=True)
class Emission:
    """An entry that was published, and whether it was taken back."""

    entry: UUID
    employee: str
    type_name: str
    withdrawn: bool = False


@dataclass(slots=True)
class Changes:
    """What the fold did, for the store."""

    entries: list[Entry] = field(default_factory=list)
    """To publish, in order."""
    people: set[str] = field(default_factory=set)
    skills: dict[str, dict[str, None]] = field(default_factory=dict)
    """Newly seen, by employee, in order."""
    skills_forgotten: set[str] = field(default_factory=set)
    """Employees whose skills go, those newly seen included."""
    inbox: dict[EventKey, bytes | None] = field(default_factory=dict)
    """Digest of what was accepted; None for an original that is awaited."""
    inbox_forgotten: set[EventKey] = field(default_factory=set)
    """Accepted once, refused after all: a redrive is judged afresh."""
    emitted: dict[UUID, EventKey] = field(default_factory=dict)
    """Entries of this batch that a withdrawal can name, and what they came from."""
    withdrawn: dict[UUID, EventKey] = field(default_factory=dict)
    unparked: set[PartKey] = field(default_factory=set)
    """Rows that go. A part parked again has a new row."""
    unawaited: dict[EventKey, set[EventKey]] = field(default_factory=dict)
    """Waiting withdrawals whose rows go, by original."""
    dead: dict[EventKey, tuple[Fact, Refusal]] = field(default_factory=dict)
    """Parked events refused after all, each once."""
    closed: set[EventKey] = field(default_factory=set)
    """Refused because somebody concerned was erased, for the first time."""
    uncredited: dict[Code, int] = field(default_factory=dict)
    """Helpers who could not be credited, by reason."""
    erased: dict[str, Erased] = field(default_factory=dict)
    """Who was erased, by employee: the last and furthest erasure of the batch."""
    erased_formers: dict[str, FormerErasure] = field(default_factory=dict)
    """Former ids to erase, by id."""
    told_of_erased: set[str] = field(default_factory=set)
    """Erased people of whom the directory told again: its topic is to forget that, too."""


@dataclass(slots=True)
class State:
    """Everything the fold looks at. A person who is mentioned or named is in `people`, be it as unknown."""

    covered_since: date
    """Firsts count for people who started on this day or later."""
    limits: Limits
    people: dict[str, Person]
    inbox: dict[EventKey, bytes | None] = field(default_factory=dict)
    places: frozenset[EventKey] = frozenset()
    """Originals that were awaited when the batch began."""
    closed: set[EventKey] = field(default_factory=set)
    """Originals that were refused because somebody concerned was erased."""
    emitted: dict[EventKey, dict[UUID, Emission]] = field(default_factory=dict)
    awaiting: dict[EventKey, dict[EventKey, Awaiting]] = field(default_factory=dict)
    """Withdrawals, by their original and by their own key."""
    waiting: Waiting = field(default_factory=Waiting)
    """Parked parts, loaded or new."""
    parked_total: int = 0
    """Parts and withdrawals that wait, whether loaded or not."""
    changes: Changes = field(default_factory=Changes)

    def person(self, employee: str) -> Person:
        """Whoever is mentioned or named."""
        return self.people[employee]

    def put_person(self, person: Person) -> None:
        """They changed."""
        self.people[person.employee] = person
        self.changes.people.add(person.employee)

    def learn(self, employee: str, skills: Iterable[str]) -> None:
        """From now on they are known to use these."""
        fresh = dict.fromkeys(skills)
        if fresh:
            person = self.people[employee]
            self.people[employee] = replace(person, skills=person.skills | fresh.keys())
            self.changes.skills.setdefault(employee, {}).update(fresh)

    def forget(self, employee: str, *, given: bool) -> None:
        """Nothing stays of them but the mark of their erasure. given: the words they gave go, too."""
        self.changes.skills.pop(employee, None)
        self.changes.skills_forgotten.add(employee)
        self.put_person(self.people[employee].forgotten(given=given))

    def receive(self, fact: Fact) -> None:
        """It is accepted: the same `(source, id)` counts no more."""
        self.inbox[fact.key] = self.changes.inbox[fact.key] = fact.digest
        self.closed.discard(fact.key)
        self.changes.closed.discard(fact.key)

    def emit(self, entries: Iterable[Entry]) -> None:
        """Publish entries; all but withdrawals can be taken back later."""
        for entry in entries:
            self.changes.entries.append(entry)
            if entry.type_name != "recognition-withdrawn":
                key = entry.cause.key
                emission = Emission(entry.id, entry.employee, entry.type_name)
                self.emitted.setdefault(key, {})[entry.id] = emission
                self.changes.emitted[entry.id] = key

    def mark_withdrawn(self, original: EventKey, emission: Emission) -> None:
        """The entry is taken back."""
        self.emitted[original][emission.entry] = replace(emission, withdrawn=True)
        self.changes.withdrawn[emission.entry] = original

    # --- parked parts -----------------------------------------------------------------------------------------

    def room_for(self, parts: Iterable[tuple[Part, str]]) -> Refusal | None:
        """Refuse unless all these parts may be parked, each for the person named."""
        more: dict[str, int] = {}
        for _, waits_for in parts:
            more[waits_for] = more.get(waits_for, 0) + 1
        for employee, count in more.items():
            if self.people[employee].waiting + count > self.limits.parked_per_person_max:
                return _too_many("too much waits for one person")
        if self.parked_total + sum(more.values()) > self.limits.parked_max:
            return _too_many("too much waits in all")
        return None

    def park(self, parked: Parked) -> None:
        """It waits at the end of the queue."""
        self.waiting.add(parked)
        self._count_waiting(parked.waits_for, 1)

    def unpark(self, parked: Parked) -> None:
        """It waits no longer."""
        self.waiting.remove(parked)
        if parked.stored:
            self.changes.unparked.add(parked.part.key)
        self._count_waiting(parked.waits_for, -1)

    def releasable(self, employee: str) -> list[Parked]:
        """What waits for a person, oldest first. When not all of it was loaded, nothing overtakes the rest."""
        queue = list(self.waiting.queues.get(employee, {}).values())
        if self.people[employee].waiting > len(queue):
            return [parked for parked in queue if parked.stored and parked.in_turn]
        return queue

    def _count_waiting(self, employee: str, change: int) -> None:
        person = self.people[employee]
        self.put_person(replace(person, waiting=person.waiting + change))
        self.parked_total += change

    # --- withdrawals that wait --------------------------------------------------------------------------------

    def await_original(self, original: EventKey, fact: Fact) -> Refusal | None:
        """The withdrawal waits for its original, unless too many do."""
        waiting = self.awaiting.setdefault(original, {})
        if len(waiting) >= AWAITING_PER_ORIGINAL_MAX:
            return _too_many("too many withdrawals wait for one original")
        if self.parked_total >= self.limits.parked_max:
            return _too_many("too much waits in all")
        waiting[fact.key] = Awaiting(fact)
        self.parked_total += 1
        if original not in self.inbox:
            self.inbox[original] = self.changes.inbox[original] = None
        return None

    def stop_awaiting(self, original: EventKey, awaiting: Awaiting) -> None:
        """The withdrawal waits no longer."""
        del self.awaiting[original][awaiting.fact.key]
        self.parked_total -= 1
        if awaiting.stored:
            self.changes.unawaited.setdefault(original, set()).add(awaiting.fact.key)

    def close(self, original: EventKey) -> None:
        """It is refused for good: what waits for it waits no longer, and nothing will."""
        for awaiting in list(self.awaiting.get(original, {}).values()):
            self.stop_awaiting(original, awaiting)
        if original not in self.closed:
            self.closed.add(original)
            self.changes.closed.add(original)
            if self.inbox.get(original) is None:
                self.inbox.pop(original, None)
                self.changes.inbox.pop(original, None)

    # --- refused after all ------------------------------------------------------------------------------------

    def bury(self, fact: Fact, refusal: Refusal) -> None:
        """A parked event leaves by the dead-letter topic, whole: nothing of it waits on. A redrive is judged afresh."""
        for parked in self.waiting.of_event(fact.key):
            self.unpark(parked)
        self.changes.dead.setdefault(fact.key, (fact, refusal))
        self.changes.inbox_forgotten.add(fact.key)
        self.inbox.pop(fact.key, None)
        self.changes.inbox.pop(fact.key, None)


def refuse(code: Code, detail: str) -> Refusal:
    """A refusal by the rules. detail: one line that repeats no value of the event."""
    return Refusal(code, Stage.RULES, detail)


def _too_many(detail: str) -> Refusal:
    return refuse(Code.PARKED_TOO_MANY, detail)
