"""What may be published about groups of people. Pure; every figure about a unit passes through here.

Safe means: for every person and day there are two companies consistent with every cell ever published in which
that person's value differs. It rests on four rules, none of which looks at a value the reader does not see:

1. A unit has at least `UNIT_PEOPLE_MIN` people, and the units left out have together at least as many, so that
   the total minus the others is no small unit either (`withheld`).
2. A count is published as a band that at least two counts could give, the outermost included: "nobody" and
   "everybody" are never said. Between the extremes two people can always change places unseen (`Band`).
3. Bands may not add up to more than they say: given the band of the total, every unit keeps at least two possible
   counts. Bands that *could* break this are joined, or the unit is left out, judged by what is already
   published alone, so that doing so tells nothing (`publish_counts`).
4. A unit's roster is frozen, and keeps its old form until at least five people of it have changed, so that two
   days' figures cannot be subtracted to one person (`next_form`).
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from typing import Literal, TypeVar

UNIT_PEOPLE_MIN = 5
UNIT_BANDS_MAX = 5
ORGANISATION_BANDS_MAX = 50
# Two-sided 95 %.
_WILSON_Z = 1.96

Reason = Literal["too_few_people", "complement", "too_few_contributors"]
U = TypeVar("U", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Band:
    """A count of people is somewhere in `low..high`, of `of` people. At least two counts unless `of` is 0."""

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
    """Cells of one figure on one day: the total's band, each unit's band, and why a unit has none."""

    total: Band | None
    units: Mapping[str, Band]
    withheld: Mapping[str, Reason]


def bands(of: int, bands_max: int) -> list[Band]:
    """Split the counts `0..of` into at most `bands_max` bands as even as possible, each of two counts or more.

    of: people, >= 1. They depend on the number of people alone, never on the count.
    """
    parts = max(1, min(bands_max, (of + 1) // 2))
    edges = [round(part * (of + 1) / parts) for part in range(parts + 1)]
    return [Band(low, after - 1, of) for low, after in pairwise(edges)]


def band_of(value: Count, bands_max: int) -> Band:
    """The band a count falls in."""
    return next(band for band in bands(value.of, bands_max) if band.low <= value.count <= band.high)


def share_of_events(part: float, whole: float, contributors: int, people: int) -> tuple[float, float] | None:
    """Band of a share of events (not of people), by fifths: `(low, high)` in 0–1, or None if it may not be said.

    part, whole: counts, which stay unpublished. contributors: the people the events belong to, of `people`.
    None unless at least five contribute; in a unit of just five that would say "everybody", so never there.
    With ten events or more, every fifth is one that at least two counts could give.
    """
    if contributors < UNIT_PEOPLE_MIN or people <= UNIT_PEOPLE_MIN or whole < 2 * UNIT_BANDS_MAX:
        return None
    fifth = min(UNIT_BANDS_MAX - 1, int(UNIT_BANDS_MAX * part / whole))
    return fifth / UNIT_BANDS_MAX, (fifth + 1) / UNIT_BANDS_MAX


def next_form(old: frozenset[U] | None, current: frozenset[U]) -> frozenset[U]:
    """The roster to count over: the old one until at least five people have joined or left it."""
    return current if old is None or len(old ^ current) >= UNIT_PEOPLE_MIN else old


def withheld(sizes: Mapping[str, int]) -> dict[str, Reason]:
    """Units that get no figure, by their sizes alone: small ones, and those that would give them away.

    If the units left out have fewer than five people together, the total minus the others would be a figure of
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


def publish_counts(counts: Mapping[str, Count]) -> Published:
    """Decide the cells of one figure: the total first, then unit by unit in order of name.

    counts: every unit of the company, the small ones too, each with the people it has for this figure.
    """
    of = sum(value.of for value in counts.values())
    if of < UNIT_PEOPLE_MIN:
        return Published(None, {}, dict.fromkeys(counts, "too_few_people"))
    total = band_of(Count(sum(value.count for value in counts.values()), of), ORGANISATION_BANDS_MAX)
    left_out = withheld({unit: value.of for unit, value in counts.items()})
    published: dict[str, Band] = {}
    # What a reader knows of the sum of all units so far: each unit is somewhere between its least and greatest.
    least, greatest = 0, of
    for unit in sorted(counts.keys() - left_out.keys()):
        people = counts[unit].of
        # Where one band would begin or end just at what the total leaves, the two beside it become one.
        tellable = _join(
            bands(people, UNIT_BANDS_MAX),
            never_begin=total.high - least,
            never_end=total.low - greatest + people,
        )
        if len(tellable) == 1:
            left_out[unit] = "complement"
            continue
        published[unit] = next(band for band in tellable if band.low <= counts[unit].count <= band.high)
        least += published[unit].low
        greatest -= people - published[unit].high
    return Published(total, published, left_out)


def _join(parts: Sequence[Band], never_begin: int, never_end: int) -> list[Band]:
    """Join neighbours until no band begins at one count or ends at the other, the outermost ends apart."""
    joined = [parts[0]]
    for band in parts[1:]:
        if band.low == never_begin or joined[-1].high == never_end:
            joined[-1] = Band(joined[-1].low, band.high, band.of)
        else:
            joined.append(band)
    return joined


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
