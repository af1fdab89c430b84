"""What may be published about groups of people. Pure; every figure of more than one person passes through here.

Safe means: for every person and day there are two companies consistent with every cell ever published in which
that person's value differs, even for a reader who knows one other person's values (their own). By construction:

1. A unit's roster is frozen into a form, and keeps it until five people of it, and a quarter, have changed. Nobody is
   in two forms at once (`next_forms`).
2. A new form is silent until its windows begin after the old one's last day (`is_silent`): no event is ever counted
   over two forms, so that no two cells can be subtracted. What has no window is not published by unit at all.
3. So the people of a form are interchangeable: swapping two of them changes no cell. Somebody's value could follow
   only from "nobody" or "everybody", and counts are told as bands of which the outermost hold three counts, the
   others two (`bands`): whoever knows their own value still finds two counts possible.
4. What is said of everybody on a subject that units have figures of, daily or live, is the sum of their bands and says
   nothing that these do not (`sum_of`): an exact total could show that every unit is at the end of its band. Other
   figures of everybody are steps of a twentieth, from fifty people on, over a form of their own (`publish_share`).
5. A unit has at least five people, and the units left out have together as many or none (`withheld`).

What is left out of the figures of people is decided by rosters, days and published cells, never by what is not seen;
a share of events also needs five contributors and ten events, of seven people or more (`share_of_events`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise
from math import floor, sqrt
from types import MappingProxyType
from typing import Literal

UNIT_PEOPLE_MIN = 5
FORM_CHANGED_SHARE_MIN = 0.25
"""A form is renewed late, for each renewal silences the unit; at most one in four counted is somewhere else by now."""
OUTER_COUNTS_MIN = 3
EVENTS_PEOPLE_MIN = UNIT_PEOPLE_MIN + 2
"""Five contributors of six would be all the others, for the one who knows not to be among them."""
EVENTS_MIN = 10
UNIT_BANDS_MAX = 5
ORGANISATION_PEOPLE_MIN = 50
STEPS = 20
"""Of fifty people or more, a twentieth holds two counts, and the outermost three."""
# Two-sided 95 %.
_WILSON_Z = 1.96

Reason = Literal["too_few_people", "complement", "too_few_contributors", "roster_changed", "no_manager"]


@dataclass(frozen=True, slots=True)
class Form:
    """The people a unit's figures are counted over. since: the day it replaced another; None if nothing came before."""

    members: frozenset[str]
    since: date | None


@dataclass(frozen=True, slots=True)
class Band:
    """A count of people is somewhere in `low..high`, of `of` people."""

    low: int
    high: int
    of: int

    @property
    def ratio_low(self) -> float:
        """Least share, 0–1."""
        return self.low / self.of

    @property
    def ratio_high(self) -> float:
        """Greatest share, 0–1."""
        return self.high / self.of

    @property
    def ratio_middle(self) -> float:
        """Middle of the band, 0–1: for a display that wants one number."""
        return (self.low + self.high) / (2 * self.of)


@dataclass(frozen=True, slots=True)
class Count:
    """How many of a unit's people something is true of: `0 <= count <= of`."""

    count: int
    of: int


@dataclass(frozen=True, slots=True)
class Published:
    """Cells of one figure on one day: each unit's band, why a unit has none, and the sum of the bands (or None)."""

    total: Band | None
    units: Mapping[str, Band]
    withheld: Mapping[str, Reason]


def next_forms(old: Mapping[str, Form], current: Mapping[str, frozenset[str]], day: date) -> dict[str, Form]:
    """The forms of all units on `day`: a unit keeps its old one until enough people have joined or left it.

    current: who is in which unit, each person in one. Whoever is still held by another unit's form is not there yet.
    """
    held = {person: unit for unit, form in old.items() for person in form.members}

    def arrived(unit: str) -> frozenset[str]:
        return frozenset(p for p in current.get(unit, ()) if held.get(p, unit) == unit)

    forms = {unit: form for unit, form in old.items() if not has_changed(form, arrived(unit))}
    kept = frozenset(forms)
    for unit in sorted(current.keys() - kept):
        free = frozenset(p for p in current[unit] if held.get(p) not in kept)
        if free:
            forms[unit] = Form(free, day if old else None)
    return forms


def has_changed(form: Form, current: frozenset[str]) -> bool:
    """Whether a form is renewed: five people and a quarter of it have changed, or it was too small to be published."""
    changed = len(form.members ^ current)
    if len(form.members) < UNIT_PEOPLE_MIN:
        return changed > 0
    return changed >= max(UNIT_PEOPLE_MIN, FORM_CHANGED_SHARE_MIN * len(form.members))


def next_everybody(old: Form | None, current: frozenset[str], day: date) -> Form:
    """The same for the organisation as a whole."""
    if old is not None and not has_changed(old, current):
        return old
    return Form(current, day if old else None)


def is_silent(form: Form, day: date, reach_days: int) -> bool:
    """Whether a figure of `day` would count events of the days of an earlier form. reach_days: its longest window."""
    return form.since is not None and day - timedelta(days=reach_days) < form.since


@lru_cache(maxsize=1024)
def bands(of: int) -> tuple[Band, ...]:
    """Split the counts `0..of` into at most five bands as even as possible: outermost of three counts or more, others
    of two or more; fewer than six counts are one band.

    of: people, >= 1. They depend on the number of people alone, never on the count.
    """
    for parts in range(min(UNIT_BANDS_MAX, (of + 1) // 2), 1, -1):
        edges = [round(part * (of + 1) / parts) for part in range(parts + 1)]
        edges[1] = max(edges[1], OUTER_COUNTS_MIN)
        edges[-2] = min(edges[-2], of + 1 - OUTER_COUNTS_MIN)
        outer = min(edges[1], of + 1 - edges[-2])
        if outer >= OUTER_COUNTS_MIN and all(after - low >= 2 for low, after in pairwise(edges)):
            return tuple(Band(low, after - 1, of) for low, after in pairwise(edges))
    return (Band(0, of, of),)


def band_of(value: Count) -> Band:
    """The band a count falls in."""
    return next(band for band in bands(value.of) if band.low <= value.count <= band.high)


def sum_of(units: Iterable[Band]) -> Band | None:
    """What may be said of everybody on a subject of which units have bands: their sum; None without any."""
    shown = list(units)
    if not shown:
        return None
    return Band(sum(b.low for b in shown), sum(b.high for b in shown), sum(b.of for b in shown))


def share_of_events(part: float, whole: float, contributors: int, people: int) -> tuple[float, float] | None:
    """Band of a share of events (not of people), by fifths: `(low, high)` in 0–1, or None if it may not be said.

    part, whole: counts, which stay unpublished. contributors: the people the events belong to, of `people`.
    With ten events or more, every fifth is one that at least two counts could give.
    """
    if contributors < UNIT_PEOPLE_MIN or people < EVENTS_PEOPLE_MIN or whole < EVENTS_MIN:
        return None
    fifth = min(UNIT_BANDS_MAX - 1, int(UNIT_BANDS_MAX * part / whole))
    return fifth / UNIT_BANDS_MAX, (fifth + 1) / UNIT_BANDS_MAX


def withheld(sizes: Mapping[str, int]) -> dict[str, Reason]:
    """Units that get no figure, by their sizes alone: small ones, and those that would give them away.

    If the units left out have fewer than five people together, everybody minus the others would be a figure of
    a small unit: the smallest of the others are left out too.
    """
    out: dict[str, Reason] = {
        unit: "too_few_people" for unit, people in sizes.items() if people < UNIT_PEOPLE_MIN
    }
    hidden = sum(sizes[unit] for unit in out)
    for unit in sorted(sizes.keys() - out.keys(), key=lambda unit: (sizes[unit], unit)):
        if hidden == 0 or hidden >= UNIT_PEOPLE_MIN:
            break
        out[unit] = "complement"
        hidden += sizes[unit]
    return out


def publish_counts(
    counts: Mapping[str, Count], silent: Mapping[str, Reason] = MappingProxyType({})
) -> Published:
    """Decide the cells of one figure. counts: every unit of the company, small ones too.

    silent: units that are to have none, and why (see `is_silent`); rosters and days decide that, not what is counted.
    """
    left_out = withheld({unit: value.of for unit, value in counts.items()})
    for unit in sorted(counts.keys() - left_out.keys()):
        if unit in silent:
            left_out[unit] = silent[unit]
    units = {unit: band_of(counts[unit]) for unit in sorted(counts.keys() - left_out.keys())}
    return Published(sum_of(units.values()), units, left_out)


def publish_share(part: float, whole: float, people: int) -> tuple[float, float] | None:
    """A share of everybody, on a subject that units have no figures of, as a step of a twentieth in 0–1.

    part, whole: counts of people, pairs or events. people: whom they belong to. None below fifty of either.
    """
    if whole < ORGANISATION_PEOPLE_MIN:
        return None
    return publish_index(part / whole, people)


def publish_index(
    value: float | None, people: int, *, least: float = 0.0, most: float = 1.0
) -> tuple[float, float] | None:
    """A coefficient, difference or ratio about everybody, as the step of a twentieth it lies in, in `least..most`.

    None below fifty people, or if there is none.
    """
    if value is None or people < ORGANISATION_PEOPLE_MIN:
        return None
    step = floor(min(max(value, least), most) * STEPS + 1e-9) / STEPS
    low = min(step, most - 1 / STEPS)
    return low, low + 1 / STEPS


def merge_buckets(bounds: Sequence[float], counts: Sequence[int]) -> list[tuple[float, int]]:
    """Merge neighbouring histogram buckets until each holds at least five people or none.

    bounds: upper bounds, rising, the last infinite; counts: people per bucket. Returns `(upper bound, people)`;
    nothing if there are people, but fewer than five.
    """
    total = sum(counts)
    if 0 < total < UNIT_PEOPLE_MIN:
        return []
    merged: list[tuple[float, int]] = []
    held = 0
    for bound, count in zip(bounds, counts, strict=True):
        held += count
        if held == 0 or held >= UNIT_PEOPLE_MIN:
            merged.append((bound, held))
            held = 0
    if held:
        # Too few at the end: they join the last bucket that holds anybody, and all between.
        while merged[-1][1] == 0:
            merged.pop()
        merged[-1] = (bounds[-1], merged[-1][1] + held)
    return merged


def wilson(band: Band) -> tuple[float, float]:
    """95 % Wilson score interval (Wilson 1927) around a band: from its least to its greatest share."""
    return _wilson_centre(band.low, band.of, -1), _wilson_centre(band.high, band.of, +1)


def _wilson_centre(count: int, of: int, sign: int) -> float:
    share, z2 = count / of, _WILSON_Z**2
    spread = _WILSON_Z * sqrt(share * (1 - share) / of + z2 / (4 * of**2))
    bound = (share + z2 / (2 * of) + sign * spread) / (1 + z2 / of)
    return min(1.0, max(0.0, bound))
