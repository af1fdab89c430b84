"""What may be said of the whole organisation at any moment, from the counts of its units' forms. Pure.

Sums of the units' bands, so that nothing is said that the units' own figures could not say (see publication.py).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from services.ledger import gaps
from services.ledger.publication import (
    Band,
    Count,
    Form,
    band_of,
    is_silent,
    merge_buckets,
    sum_of,
    withheld,
)


@dataclass(frozen=True, slots=True)
class LiveUnit:
    """A unit's form as it stands now. since: see `Form`. received_within: people whom a person recognised within each
    of `gaps.DAYS_BOUNDS` but the infinite one; never: those not recognised at all (since `since`).
    tenured: all have been here for 90 days.
    """

    unit: str
    since: date | None
    people: int
    received_within: Sequence[int]
    never: int
    tenured: bool


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """eligible: people counted, None if none may be. days_since: merged histogram, `(upper bound in days, people)`,
    each number a sum of bands' middles. shares: see `Snapshot`.
    """

    eligible: int | None
    days_since: Sequence[tuple[float, int]]
    shares: Mapping[gaps.MetricName, float]


def live_figures(units: Iterable[LiveUnit], today: date) -> LiveFigures:
    """Decide what is said of all. units: every unit, the small ones too. today: of UTC."""
    every = list(units)
    left_out = withheld({unit.unit: unit.people for unit in every})
    shown = [unit for unit in every if unit.unit not in left_out]
    if not shown:
        return LiveFigures(None, [], {})
    shares: dict[gaps.MetricName, float] = {}
    for metric, days in (
        ("coverage_7d", gaps.SHORT_WINDOW_DAYS),
        ("coverage_30d", gaps.LONG_WINDOW_DAYS),
    ):
        place = gaps.DAYS_BOUNDS.index(days)
        covered = sum_of(_within(unit, place) for unit in shown if not _is_silent(unit, today, days))
        if covered is not None:
            shares[metric] = covered.ratio_middle  # type: ignore[index]
    never = sum_of(
        band_of(Count(unit.never, unit.people))
        for unit in shown
        if unit.tenured and not _is_silent(unit, today, gaps.NEVER_TENURE_DAYS)
    )
    if never is not None:
        shares["never_recognised"] = never.ratio_low
    return LiveFigures(sum(unit.people for unit in shown), _days_since(shown, today), shares)


def _days_since(shown: Sequence[LiveUnit], today: date) -> list[tuple[float, int]]:
    """How many received within each bound; a unit too young for a bound adds what it had at the one before."""
    within = [0.0] * len(gaps.DAYS_BOUNDS)
    for unit in shown:
        reached = 0.0
        for place, bound in enumerate(gaps.DAYS_BOUNDS[:-1]):
            if not _is_silent(unit, today, int(bound)):
                band = _within(unit, place)
                reached = (band.low + band.high) / 2
            within[place] += reached
        within[-1] += unit.people
    counts, before = [], 0
    for value in within:
        counts.append(round(value) - before)
        before = round(value)
    return merge_buckets(gaps.DAYS_BOUNDS, counts)


def _within(unit: LiveUnit, place: int) -> Band:
    return band_of(Count(unit.received_within[place], unit.people))


def _is_silent(unit: LiveUnit, today: date, days: int) -> bool:
    return is_silent(Form(frozenset(), unit.since), today, days)
