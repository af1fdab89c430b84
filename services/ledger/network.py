"""Figures of everybody that no unit has: how recognition is spread, who thanks whom, whether thanks travel on.

Computed once a day, of companies of fifty people or more; each as the step of a twentieth that it lies in.
"""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

from services.kit.sql import AnyConnection, Queries
from services.ledger import gap_formulas, gaps
from services.ledger.gap_cells import ORGANISATION, Cell
from services.ledger.publication import Count, Form, is_silent, publish_index, publish_share

PAIR_DAYS_KEPT = 120
NETWORK_DAYS = 90
RIPPLE_DAYS = 14
COHORT_PEOPLE_MIN = 10
LONG_QUERY_SECONDS = 600.0
"""For what a day's figures read once; the pool's own time-out is for the hot path."""
RIPPLE_RECIPIENTS_MIN = 20
RIPPLE_RECIPIENTS_MAX = 2_000
"""A sample: each is compared with everybody of their team."""
EQUITY_MAX = 10.0
_SQL = Queries(Path(__file__).parent / "sql" / "network.sql")


async def fill_pairs(connection: AnyConnection, day: date) -> None:
    """Bring the pairs of (giver, recipient, day) up to `day`, that day not included."""
    since = await connection.fetchval(_SQL["oldest_missing_day"], day, PAIR_DAYS_KEPT)
    await connection.execute(_SQL["empty_days"], since, day, PAIR_DAYS_KEPT)
    await connection.execute(_SQL["fill_days"], since, day, timeout=LONG_QUERY_SECONDS)


async def cells(connection: AnyConnection, everybody: Form, day: date) -> list[Cell]:
    """The figures of windows that ended at 00:00 UTC of `day`, but for those for which the form is too young."""
    people = sorted(everybody.members)
    found = [
        *await _spread(connection, people, day),
        *await _pairs(connection, people, day),
        *await _ripple(connection, len(people), day),
        *await _equity(connection, people, day),
    ]
    return [cell for cell in found if not is_silent(everybody, day, gaps.METRICS[cell.metric].days)]


async def _spread(connection: AnyConnection, people: Sequence[str], day: date) -> list[Cell]:
    rows = await connection.fetch(_SQL["receipts"], people, day - timedelta(days=NETWORK_DAYS), day)
    frequencies = {row["received"]: row["people"] for row in rows}
    volume = sum(value * number for value, number in frequencies.items())
    chance = await asyncio.to_thread(gap_formulas.gini_by_chance, len(people), volume)
    return [
        *_cell("gini", publish_index(gap_formulas.gini(frequencies), len(people))),
        *_cell("gini_by_chance", publish_index(chance, len(people))),
        *_cell("top_decile_share", publish_index(gap_formulas.top_share(frequencies), len(people))),
    ]


async def _pairs(connection: AnyConnection, people: Sequence[str], day: date) -> list[Cell]:
    since = day - timedelta(days=NETWORK_DAYS)
    pairs = await connection.fetchrow(_SQL["reciprocity"], since, day)
    giving = await connection.fetchrow(_SQL["one_sided_giving"], since, day)
    apart = await connection.fetchrow(_SQL["isolation"], since, day, people)
    assert pairs is not None
    assert giving is not None
    assert apart is not None
    return [
        *_cell("reciprocity", publish_share(pairs["mutual"], pairs["pairs"], len(people))),
        *_cell("one_sided_giving", publish_share(giving["one_sided"], giving["givers"], len(people))),
        *_cell("isolation", publish_share(apart["isolated"], apart["people"], len(people))),
    ]


async def _ripple(connection: AnyConnection, people: int, day: date) -> list[Cell]:
    until = day - timedelta(days=RIPPLE_DAYS)
    since = until - timedelta(days=gaps.LONG_WINDOW_DAYS)
    row = await connection.fetchrow(
        _SQL["ripple"],
        since,
        until,
        gaps.LONG_WINDOW_DAYS,
        RIPPLE_DAYS,
        RIPPLE_RECIPIENTS_MAX,
        timeout=LONG_QUERY_SECONDS,
    )
    assert row is not None
    if row["recipients"] < RIPPLE_RECIPIENTS_MIN:
        return []
    return list(_cell("ripple", publish_index(row["passed_on"] - row["others"], people, least=-1.0)))


async def _equity(connection: AnyConnection, people: Sequence[str], day: date) -> list[Cell]:
    since = day - timedelta(days=gaps.LONG_WINDOW_DAYS)
    rows = await connection.fetch(_SQL["equity"], since, day, people)
    by_tenure = {row["tenure"]: Count(row["received"], row["people"]) for row in rows}
    found: list[Cell] = []
    cohorts: tuple[tuple[gaps.MetricName, int], ...] = (("equity_tenure_1y", 0), ("equity_tenure_3y", 2))
    for metric, tenure in cohorts:
        inside = by_tenure.get(tenure, Count(0, 0))
        others = [count for other, count in by_tenure.items() if other != tenure]
        outside = Count(sum(c.count for c in others), sum(c.of for c in others))
        ratio = coverage_ratio(inside, outside)
        found += _cell(metric, publish_index(ratio, len(people), most=EQUITY_MAX))
    return found


def coverage_ratio(one: Count, other: Count) -> float | None:
    """Coverage of one cohort ÷ that of the other; None unless both have ten people and the other has some."""
    if min(one.of, other.of) < COHORT_PEOPLE_MIN or other.count == 0:
        return None
    return (one.count / one.of) / (other.count / other.of)


def _cell(metric: gaps.MetricName, step: tuple[float, float] | None) -> Iterator[Cell]:
    if step is not None:
        yield Cell(metric, ORGANISATION, *step, None, None)
