"""An attacker of published figures: who knows every cell, every roster and one person's values, and looks for more.

A company has a few days on which things happen and a few on which figures are published. A person's value is which of
those days they were thanked on (each time with ten answered deeds, so that figures of events are at stake, too).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from services.ledger import daily, gap_cells, gaps, publication
from services.ledger.gap_cells import ORGANISATION, Cell, UnitCounts
from services.ledger.publication import UNIT_PEOPLE_MIN, Form

FIRST_DAY = date(2026, 1, 1)
NODES_MAX = 20_000
_WINDOWS: Mapping[str, tuple[int, int]] = {
    # Figure → first and last day of its window, in days before the day it is published.
    "coverage_7d": (gaps.SHORT_WINDOW_DAYS, 1),
    "coverage_30d": (gaps.LONG_WINDOW_DAYS, 1),
    "notice_ratio": (gaps.LONG_WINDOW_DAYS + gaps.ANSWER_DAYS, gaps.ANSWER_DAYS + 1),
}
_K = UNIT_PEOPLE_MIN
"""As it ought to be, whatever a weakened version says."""
Rosters = Mapping[str, frozenset[str]]
Vector = tuple[bool, ...]


@dataclass(frozen=True)
class Company:
    """rosters: day of publishing (from the first day on) → unit → people. happenings: days on which people are thanked.
    values: person → on which of these days they were.
    """

    rosters: Mapping[int, Rosters]
    happenings: tuple[int, ...]
    values: Mapping[str, Vector]


@dataclass(frozen=True)
class Said:
    """What a cell tells: of `people`, between low and high have something on one of the `days` (places in happenings);
    the window it is about is [first, last] in days.
    """

    people: frozenset[str]
    days: frozenset[int]
    low: int
    high: int
    first: int
    last: int


def everything_said(company: Company) -> list[Said]:
    """Publish day after day as the service does, and read off what each cell says."""
    said: list[Said] = []
    forms: dict[str, Form] = {}
    for offset, rosters in sorted(company.rosters.items()):
        day = FIRST_DAY + timedelta(days=offset)
        forms = publication.next_forms(forms, rosters, day)
        counts = {unit: _count(company, form, offset) for unit, form in forms.items()}
        cells = gap_cells.cells(counts, daily.silent_units(forms, day))
        said += _read(cells, forms, company.happenings, offset)
    return said


def _window(metric: str, happenings: Sequence[int], offset: int) -> tuple[frozenset[int], int, int]:
    first, last = (offset - days for days in _WINDOWS[metric])
    return frozenset(i for i, day in enumerate(happenings) if first <= day <= last), first, last


def _count(company: Company, form: Form, offset: int) -> UnitCounts:
    found = {}
    for metric in _WINDOWS:
        days, _, _ = _window(metric, company.happenings, offset)
        found[metric] = sum(any(company.values[p][i] for i in days) for p in form.members)
    short, long, doers = found["coverage_7d"], found["coverage_30d"], found["notice_ratio"]
    nothing = dict.fromkeys(UnitCounts.__dataclass_fields__, 0)
    return UnitCounts(
        **nothing
        | {"people": len(form.members), "received_short": short, "received_long": long}
        | {"deeds": 10 * doers, "answered": 10 * doers, "doers": doers}
    )


def _read(
    cells: Sequence[Cell], forms: Mapping[str, Form], happenings: Sequence[int], offset: int
) -> Iterator[Said]:
    for metric in _WINDOWS:
        days, first, last = _window(metric, happenings, offset)
        own = [cell for cell in cells if cell.metric == metric]
        shown = frozenset(
            person
            for cell in own
            if cell.low is not None and cell.unit
            for person in forms[cell.unit].members
        )
        for cell in own:
            people = forms[cell.unit].members if cell.unit != ORGANISATION else shown
            if cell.low is not None and cell.high is not None and cell.people is not None:
                low, high = round(cell.low * cell.people), round(cell.high * cell.people)
                yield Said(people, days, low, high, first, last)
            elif metric == "notice_ratio" and cell.unit != ORGANISATION:
                if cell.low is not None:
                    yield Said(people, days, _K, len(people), first, last)
                elif cell.reason == "too_few_contributors" and len(people) >= publication.EVENTS_PEOPLE_MIN:
                    yield Said(people, days, 0, publication.UNIT_PEOPLE_MIN - 1, first, last)


def left_out_groups(company: Company) -> Iterator[int]:
    """On each day, how many people are in no cell of a figure of which there are others."""
    forms: dict[str, Form] = {}
    for offset, rosters in sorted(company.rosters.items()):
        forms = publication.next_forms(forms, rosters, FIRST_DAY + timedelta(days=offset))
        sizes = {unit: len(form.members) for unit, form in forms.items()}
        out = publication.withheld(sizes)
        if len(out) < len(sizes):
            yield sum(sizes[unit] for unit in out)


def small_group(company: Company, said: Sequence[Said]) -> bool:
    """Whether a cell, the difference of two about common days, or of everybody and all cells, is of few people."""
    told = list({(s.people, s.first, s.last) for s in said})
    if any(len(people) < _K for people, _, _ in told):
        return True
    for i, (one, one_first, one_last) in enumerate(told):
        for other, first, last in told[:i]:
            if first <= one_last and one_first <= last:
                parts = (one - other, other - one, one & other)
                if any(0 < len(part) < _K for part in parts):
                    return True
    return any(0 < people < _K for people in left_out_groups(company))


class Attack:
    """What follows for others' values from everything said and one person's own values."""

    def __init__(self, company: Company, said: Sequence[Said], own: str) -> None:
        self._company = company
        strongest = {(s.people, s.days): s for s in said if s.days}
        for s in said:
            if s.days:
                known = strongest[s.people, s.days]
                strongest[s.people, s.days] = Said(
                    s.people, s.days, max(s.low, known.low), min(s.high, known.high), s.first, s.last
                )
        self._said = list(strongest.values())
        self._own = own

    @cached_property
    def _classes(self) -> list[list[str]]:
        """People of whom exactly the same cells speak: nothing tells them apart. The attacker is alone in theirs."""
        found: dict[object, list[str]] = {}
        for person in sorted(self._company.values):
            signature = (person == self._own, tuple(person in s.people for s in self._said))
            found.setdefault(signature, []).append(person)
        return list(found.values())

    def determined(self) -> str | None:
        """Somebody else whose value in some window follows; None if nobody's does (as far as could be searched)."""
        for members in self._classes:
            if members == [self._own]:
                continue
            for window in {s.days for s in self._said if members[0] in s.people}:
                flags = {_has(self._company.values[p], window) for p in members}
                # If both occur, two of them can change places and nothing that was said changes.
                if len(flags) == 1 and self._impossible(members, window, not flags.pop()):
                    return members[0]
        return None

    def _impossible(self, members: Sequence[str], window: frozenset[int], flag: bool) -> bool:
        """No company that fits everything said has somebody of `members` with this flag."""
        vectors = _vectors(len(self._company.happenings))
        others = [[p for p in c if p != members[0]] for c in self._classes]
        order = [c for c in others if c]
        counts, room = [0] * len(self._said), [len(s.people) for s in self._said]
        self._nodes = 0
        for vector in vectors:
            if _has(vector, window) == flag and self._place(members[0], vector, counts, room):
                fits = self._search(order, 0, 0, 0, counts, room)
                self._take_back(members[0], vector, counts, room)
                if fits or self._nodes > NODES_MAX:
                    return False
        return True

    def _search(
        self,
        order: Sequence[Sequence[str]],
        at_class: int,
        at: int,
        least: int,
        counts: list[int],
        room: list[int],
    ) -> bool:
        """Give everybody left a vector, in rising order within a class; True as soon as all fits (or it takes long)."""
        if at_class == len(order):
            return True
        self._nodes += 1
        if self._nodes > NODES_MAX:
            return True
        members = order[at_class]
        if at == len(members):
            return self._search(order, at_class + 1, 0, 0, counts, room)
        person = members[at]
        vectors = _vectors(len(self._company.happenings))
        for number in range(least, len(vectors)):
            vector = vectors[number]
            if person == self._own and vector != self._company.values[person]:
                continue
            if self._place(person, vector, counts, room):
                if self._search(order, at_class, at + 1, number, counts, room):
                    self._take_back(person, vector, counts, room)
                    return True
                self._take_back(person, vector, counts, room)
        return False

    def _place(self, person: str, vector: Vector, counts: list[int], room: list[int]) -> bool:
        fits = True
        for i, s in enumerate(self._said):
            if person in s.people:
                room[i] -= 1
                counts[i] += _has(vector, s.days)
                fits = fits and counts[i] <= s.high and counts[i] + room[i] >= s.low
        if not fits:
            self._take_back(person, vector, counts, room)
        return fits

    def _take_back(self, person: str, vector: Vector, counts: list[int], room: list[int]) -> None:
        for i, s in enumerate(self._said):
            if person in s.people:
                room[i] += 1
                counts[i] -= _has(vector, s.days)


def _has(vector: Vector, days: frozenset[int]) -> bool:
    return any(vector[i] for i in days)


def _vectors(days: int) -> list[Vector]:
    return [tuple(bool(n >> i & 1) for i in range(days)) for n in range(2**days)]


def succeeds(company: Company) -> bool:
    """Whether any reader of this company's figures learns a person's value, or a figure of fewer than five."""
    said = everything_said(company)
    if small_group(company, said):
        return True
    # One reader of each kind is enough: same units at all times, same values.
    kinds: dict[object, str] = {}
    for person, vector in company.values.items():
        where = tuple(
            next((unit for unit, people in rosters.items() if person in people), None)
            for rosters in company.rosters.values()
        )
        kinds.setdefault((where, vector), person)
    return any(Attack(company, said, own).determined() is not None for own in kinds.values())
