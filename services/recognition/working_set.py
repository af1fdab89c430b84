"""What one batch needs from the store, in a fixed number of queries, and what it writes back."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from schemas.models.achievements import AchievementV1
from schemas.models.corrections import WithdrawalV1
from schemas.models.erasures import ErasureV1
from schemas.models.people import PersonV1
from schemas.models.preferences import PreferencesV1
from services.kit.errors import Retry
from services.kit.sql import AnyConnection
from services.recognition import erased, records, store
from services.recognition.domain.facts import EventKey, Fact, Part, Removal, parts_of
from services.recognition.domain.people import Person
from services.recognition.domain.state import Awaiting, Limits, State
from services.recognition.domain.waiting import Parked

# What is parked was not ahead of the clock when it came; the clock may have been set back since.
_AFTER_ALL_TIME = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Needs:
    """What has to be loaded."""

    people: set[str] = field(default_factory=set)
    named: set[str] = field(default_factory=set)
    """People of whom only has to be known whether they are erased: nothing of them changes, so they are not locked."""
    learners: set[str] = field(default_factory=set)
    """People whose skills are looked at."""
    arriving: set[str] = field(default_factory=set)
    """People for whom waiting parts may be released."""
    erased: set[str] = field(default_factory=set)
    events: set[EventKey] = field(default_factory=set)
    originals: set[EventKey] = field(default_factory=set)
    """Events that may be taken back, or whose parked parts are looked at."""

    def add(self, happened: Fact | Removal) -> None:
        """What the fold looks at when it takes this in."""
        if isinstance(happened, Removal):
            self.people.add(happened.employee)
            return
        self.events.add(happened.key)
        match happened.body:
            case WithdrawalV1(of=of, by=by):
                self.originals.add((of.source, of.id))
                self.people.update(() if by is None else (by,))
            case ErasureV1(employee=employee):
                self.people.add(employee)
                self.erased.add(employee)
            case PersonV1(employee=employee, formerly=formerly):
                self.people.update((employee, *formerly))
                self.arriving.add(employee)
            case PreferencesV1(employee=employee):
                self.people.add(employee)
            case body:
                for part in parts_of(happened):
                    self.people.update(part.mentions)
                    self.named.update(part.named)
                if isinstance(body, AchievementV1) and body.skills:
                    self.learners.add(body.employee)


@dataclass(frozen=True, slots=True)
class Reader:
    """How the working set is read."""

    limits: Limits
    released_max: int
    history_since: date | None
    digest_key: bytes

    async def load(self, connection: AnyConnection, needs: Needs) -> State:
        """Lock whoever the batch may touch, then read all it looks at.

        Raises Retry when somebody parked something in between that mentions further people.
        """
        selection = store.Selection(
            frozenset(needs.arriving), frozenset(needs.erased), frozenset(needs.originals), self.released_max
        )
        mentioned = await store.mentioned_by_parked(connection, selection) if selection else set()
        formers = await erased.read_formers(connection, needs.erased) if needs.erased else set()
        people = await store.lock_people(connection, needs.people | mentioned | formers)
        if any(not people.keys() >= set(people[employee].formers) for employee in needs.erased):
            raise Retry("known by further ids meanwhile")
        state = State(
            covered_since=self.history_since or await store.read_beginning(connection),
            limits=self.limits,
            people=people,
        )
        state.inbox, state.closed = await store.read_inbox(connection, needs.events | needs.originals)
        state.places = frozenset(key for key, digest in state.inbox.items() if digest is None) | state.closed
        if selection:
            await self._load_parked(connection, state, selection)
        await _load_named(connection, state, needs.named)
        awaited = needs.originals | state.places
        if needs.erased:
            awaited |= await erased.find_awaited_by(connection, needs.erased)
        if awaited:
            state.emitted = await store.read_emitted(connection, awaited)
            await self._load_awaiting(connection, state, awaited)
        if needs.originals or any(not p.known or p.waiting for p in people.values()):
            state.parked_total = await store.count_waiting(connection, self.limits.parked_max + 1)
        await _load_skills(connection, state, needs.learners)
        return state

    async def _load_parked(self, connection: AnyConnection, state: State, selection: store.Selection) -> None:
        for row in await store.read_parked(connection, selection):
            fact = self._fact(row.record)
            part = next(part for part in parts_of(fact) if part.recipient == row.key[2])
            if not state.people.keys() >= {*part.mentions, row.waits_for}:
                raise Retry("parked meanwhile")
            state.waiting.add(Parked(part, row.waits_for, row.parked_at, stored=True, in_turn=row.in_turn))

    async def _load_awaiting(
        self, connection: AnyConnection, state: State, originals: Iterable[EventKey]
    ) -> None:
        for original, packed in await store.read_awaiting(connection, originals):
            fact = self._fact(packed)
            state.awaiting.setdefault(original, {})[fact.key] = Awaiting(fact, stored=True)

    def _fact(self, packed: bytes) -> Fact:
        """A parked record kept its contract when it came, and released contracts never change."""
        fact = records.read(records.unpack(packed), _AFTER_ALL_TIME, self.digest_key)
        if not isinstance(fact, Fact):
            raise TypeError("a parked record no longer keeps its contract")
        return fact


async def _load_named(connection: AnyConnection, state: State, named: set[str]) -> None:
    missing = named.union(*(parked.part.named for parked in state.waiting)) - state.people.keys()
    if missing:
        stored = await store.read_people(connection, missing)
        state.people |= {employee: stored.get(employee, Person(employee)) for employee in missing}


async def _load_skills(connection: AnyConnection, state: State, learners: set[str]) -> None:
    released = {p.part.recipient for p in state.waiting if isinstance(p.part.fact.body, AchievementV1)}
    if learners | released:
        for employee, skills in (await store.read_skills(connection, learners | released)).items():
            state.people[employee] = replace(state.people[employee], skills=skills)


async def save(connection: AnyConnection, state: State) -> dict[str, int]:
    """Write what the fold changed: each table in its turn, rows in order of their keys.

    Returns how many skills were forgotten, by employee. Raises Retry when another batch accepted the same event, or
    took back the same entry, meanwhile.
    """
    changes = state.changes
    forgotten: dict[str, int] = {}
    waiting_less = await _save_parked(connection, state)
    if changes.people:
        people = (state.people[employee] for employee in changes.people)
        await store.update_people(connection, (_counted(p, waiting_less) for p in people))
    if changes.skills_forgotten:
        forgotten = await store.delete_skills(connection, changes.skills_forgotten)
    if changes.skills:
        await store.insert_skills(connection, changes.skills)
    await _save_inbox(connection, state)
    await _save_awaiting(connection, state)
    if changes.closed:
        await erased.close_originals(connection, changes.closed)
    await _save_emitted(connection, state)
    return forgotten


async def _save_parked(connection: AnyConnection, state: State) -> dict[str, int]:
    """Returns by whom how many parts less wait than the fold counted, because they had been parked before."""
    if state.changes.unparked:
        await store.delete_parked(connection, state.changes.unparked)
    added = [parked for parked in state.waiting if not parked.stored]
    less: dict[str, int] = {}
    if added:
        written = await store.insert_parked(
            connection, [(_parked_row(parked), parked.part.mentions) for parked in added]
        )
        for parked in added:
            if parked.part.key not in written:
                less[parked.waits_for] = less.get(parked.waits_for, 0) + 1
    return less


def _parked_row(parked: Parked) -> store.ParkedRow:
    part: Part = parked.part
    return store.ParkedRow(part.key, parked.waits_for, records.pack(part.fact.origin), parked.since)


def _counted(person: Person, waiting_less: dict[str, int]) -> Person:
    return replace(person, waiting=person.waiting - waiting_less.get(person.employee, 0))


async def _save_inbox(connection: AnyConnection, state: State) -> None:
    changes = state.changes
    if changes.inbox_forgotten:
        await store.delete_inbox(connection, changes.inbox_forgotten)
    if not changes.inbox:
        return
    written = await store.insert_inbox(connection, changes.inbox)
    filled = state.places - changes.inbox_forgotten
    if written != {key: key not in filled for key in changes.inbox}:
        raise Retry("accepted meanwhile")


async def _save_awaiting(connection: AnyConnection, state: State) -> None:
    gone = [(*original, *key) for original, keys in state.changes.unawaited.items() for key in keys]
    if gone:
        await store.delete_awaiting(connection, gone)
    added = [
        store.AwaitingRow(original, key, awaiting.by, records.pack(awaiting.fact.origin))
        for original, waiting in state.awaiting.items()
        for key, awaiting in waiting.items()
        if not awaiting.stored
    ]
    if added:
        await store.insert_awaiting(connection, added)


async def _save_emitted(connection: AnyConnection, state: State) -> None:
    changes = state.changes
    if changes.emitted:
        rows = [(key, state.emitted[key][entry]) for entry, key in changes.emitted.items()]
        await store.insert_emitted(connection, rows)
    earlier = {e: key for e, key in changes.withdrawn.items() if e not in changes.emitted}
    if earlier and await store.mark_withdrawn(connection, earlier) != len(earlier):
        raise Retry("taken back meanwhile")
