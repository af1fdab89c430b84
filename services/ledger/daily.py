"""Figures by unit: computed once a day for windows that ended at 00:00 UTC, kept, and never computed again.

A day is computed when the consumer has kept up for a while, so that a backlog does not pass for a gap.
"""

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from services.kit import logs
from services.kit.remedy import TROUBLE
from services.kit.sql import AnyConnection, Pool, Queries
from services.ledger import gaps
from services.ledger.publication import Count, Published, Reason, next_form, publish_counts, share_of_events

ORGANISATION = ""
CHECK_SECONDS = 15.0
_ELIGIBLE, _TENURED = 1, 2
# By unit and population.
Rosters = dict[tuple[str, int], frozenset[str]]
_SQL = Queries(Path(__file__).parent / "sql" / "gaps.sql")
_log = logs.get("daily")


@dataclass(frozen=True, slots=True)
class UnitCounts:
    """What a unit's figures are made of. Counts of people, but for effort … answered, which count events."""

    people: int
    received_short: int
    received_long: int
    never: int
    effort: int
    result: int
    both_sides: int
    deeds: int
    answered: int
    doers: int


@dataclass(frozen=True, slots=True)
class Cell:
    """One published figure of a unit (`''`: the organisation): a band of shares in 0–1, or why there is none."""

    metric: gaps.MetricName
    unit: str
    low: float | None
    high: float | None
    people: int | None
    reason: Reason | None


def cells(eligible: Mapping[str, UnitCounts], tenured: Mapping[str, UnitCounts]) -> list[Cell]:
    """Every figure of a day, from the counts of each unit over its two forms. Pure."""
    short = publish_counts({unit: Count(n.received_short, n.people) for unit, n in eligible.items()})
    long = publish_counts({unit: Count(n.received_long, n.people) for unit, n in eligible.items()})
    never = publish_counts({unit: Count(n.never, n.people) for unit, n in tenured.items()})
    return [
        *_people_cells("coverage_7d", short),
        *_people_cells("coverage_30d", long),
        *_people_cells("never_recognised", never),
        *_event_cells(eligible, long),
    ]


def _people_cells(metric: gaps.MetricName, published: Published) -> Iterator[Cell]:
    bands = dict(published.units)
    if published.total is not None:
        bands[ORGANISATION] = published.total
    for unit, band in bands.items():
        yield Cell(metric, unit, band.ratio_low, band.ratio_high, band.of, None)
    for unit, reason in published.withheld.items():
        yield Cell(metric, unit, None, None, None, reason)


def _event_cells(counts: Mapping[str, UnitCounts], coverage: Published) -> Iterator[Cell]:
    """Effort mix and notice ratio, where the unit may have figures at all."""
    bands = dict(coverage.units)
    if coverage.total is not None:
        bands[ORGANISATION] = coverage.total
    everybody = {ORGANISATION: sum_of(counts.values()), **counts}
    for unit, reason in coverage.withheld.items():
        yield Cell("effort_mix", unit, None, None, None, reason)
        yield Cell("notice_ratio", unit, None, None, None, reason)
    for unit, band in bands.items():
        n = everybody[unit]
        # How many received is known from the published coverage only: saying more here would say more there.
        effort, altogether = gaps.effort_halves(n.effort, n.result, n.both_sides)
        yield _event_cell("effort_mix", unit, share_of_events(effort, altogether, band.low, n.people))
        yield _event_cell("notice_ratio", unit, share_of_events(n.answered, n.deeds, n.doers, n.people))


def _event_cell(metric: gaps.MetricName, unit: str, share: tuple[float, float] | None) -> Cell:
    if share is None:
        return Cell(metric, unit, None, None, None, "too_few_contributors")
    return Cell(metric, unit, share[0], share[1], None, None)


def sum_of(counts: Iterable[UnitCounts]) -> UnitCounts:
    """Counts of several units together; somebody in two units' forms counts in both."""
    columns = zip(*(astuple(n) for n in counts), strict=True)
    return UnitCounts(*(sum(column) for column in columns))


async def publish_day(pool: Pool, day: date) -> bool:
    """Compute and keep the figures of windows that ended at 00:00 UTC of `day`.

    Returns False, and keeps nothing, if they were there already or if no unit has anybody to count yet.
    """
    async with pool.acquire() as connection, connection.transaction():
        rosters = await _rosters(connection, day)
        if not rosters or await connection.fetchval(_SQL["claim_day"], day) is None:
            return False
        await _renew_forms(connection, day, rosters)
        rows = await connection.fetch(
            _SQL["unit_counts"], day, gaps.SHORT_WINDOW_DAYS, gaps.LONG_WINDOW_DAYS, gaps.ANSWER_DAYS
        )
        found: dict[int, dict[str, UnitCounts]] = {_ELIGIBLE: {}, _TENURED: {}}
        for row in rows:
            unit, population, *numbers = row
            found[population][unit] = UnitCounts(*numbers)
        decided = await asyncio.to_thread(cells, found[_ELIGIBLE], found[_TENURED])
        await connection.execute(
            _SQL["keep_figures"],
            day,
            [cell.metric for cell in decided],
            [cell.unit for cell in decided],
            [cell.low for cell in decided],
            [cell.high for cell in decided],
            [cell.people for cell in decided],
            [cell.reason for cell in decided],
        )
    _log.info("figures by unit computed", count=len(decided))
    return True


async def _rosters(connection: AnyConnection, day: date) -> Rosters:
    """Who was in which unit when the longest window began, and who of them is tenured when it ends."""
    first = day - timedelta(days=gaps.LONG_WINDOW_DAYS)
    rosters: Rosters = {}
    for row in await connection.fetch(_SQL["rosters"], first, gaps.NEVER_TENURE_DAYS, day):
        rosters[row["unit"], _ELIGIBLE] = frozenset(row["eligible"])
        rosters[row["unit"], _TENURED] = frozenset(row["tenured"])
    return rosters


async def _renew_forms(connection: AnyConnection, day: date, rosters: Rosters) -> None:
    """Replace the forms of units whose roster has changed enough."""
    old = {
        (r["unit"], r["population"]): frozenset(r["members"]) for r in await connection.fetch(_SQL["forms"])
    }
    changed = {}
    for key in sorted(rosters.keys() | old.keys()):
        form = next_form(old.get(key), rosters.get(key, frozenset()))
        if form != old.get(key):
            changed[key] = form
    await connection.execute(
        _SQL["keep_forms"],
        day,
        [unit for unit, _ in changed],
        [population for _, population in changed],
        [json.dumps(sorted(members)) for members in changed.values()],
    )


async def run(
    pool: Pool,
    caught_up: Callable[[], bool],
    settled_seconds: float,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Compute each day's figures once the consumer has kept up for `settled_seconds`; runs until cancelled."""
    calm = 0
    while True:
        calm = calm + 1 if caught_up() else 0
        if calm * CHECK_SECONDS >= settled_seconds:
            try:
                await publish_day(pool, now().date())
            except TROUBLE as error:
                _log.warning("figures by unit must wait", error=logs.error_name(error))
        await asyncio.sleep(CHECK_SECONDS)
