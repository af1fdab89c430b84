"""Composes the API's answers from figures, members and deeds. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from services.ledger import gaps
from services.ledger.answers import (
    Bucket,
    Figure,
    Gaps,
    Metric,
    OpenGap,
    QuietPerson,
    TeamGaps,
    UnansweredDeed,
    UnitFigures,
)
from services.ledger.gap_cells import ORGANISATION, Cell
from services.ledger.publication import Band, wilson
from services.ledger.snapshot import Snapshot


def gaps_answer(
    snapshot: Snapshot | None, day: date | None, cells: Sequence[Cell], following: str | None
) -> Gaps:
    """Live figures and published cells as one answer. cells: in order of unit."""
    overall = {cell.metric: cell for cell in cells if cell.unit == ORGANISATION}
    units: dict[str, list[Figure]] = {}
    for cell in cells:
        units.setdefault(cell.unit, []).append(_figure(cell, overall))
    buckets = snapshot.days_since if snapshot is not None else ()
    return Gaps(
        as_of=snapshot.taken_at if snapshot is not None else None,
        eligible=snapshot.eligible if snapshot is not None else None,
        days_since_last_received=[Bucket(at_most_days=_finite(bound), people=n) for bound, n in buckets],
        median_at_most_days=_finite(gaps.quantile_bound(buckets, 0.5)),
        p90_at_most_days=_finite(gaps.quantile_bound(buckets, 0.9)),
        live=dict(snapshot.shares) if snapshot is not None else {},
        day=day,
        organisation=units.pop(ORGANISATION, []),
        units=[UnitFigures(unit=unit, figures=figures) for unit, figures in units.items()],
        next=following,
        metrics=[
            Metric(
                metric=m.name,
                formula=m.formula,
                fine_from=m.least,
                fine_to=m.most,
                is_trend=m.trend,
                source=m.source,
            )
            for m in gaps.METRICS.values()
        ],
    )


def team_answer(
    team: str,
    members: Sequence[gaps.Member],
    found: gaps.NamedGaps,
    open_gaps: Sequence[gaps.OpenGap],
    now: datetime,
) -> TeamGaps:
    """A team's named gaps, and those told of. now: UTC."""
    return TeamGaps(
        team=team,
        people=len(members),
        quiet=_quiet(found.quiet, now),
        never=_quiet(found.never, now),
        unanswered=[
            UnansweredDeed(
                deed=deed.id,
                employee=deed.employee,
                name=deed.name,
                title=deed.title,
                size=deed.size,
                done_at=deed.done_at,
            )
            for deed in found.unanswered
        ],
        open=[
            OpenGap(
                gap=gap.id,
                metric=gap.metric,
                employee=gap.employee,
                name=gap.name,
                opened_at=gap.opened_at,
                evidence=gap.evidence,
                asks_about_role=gap.asks_about_role,
            )
            for gap in open_gaps
        ],
    )


def _quiet(members: Iterable[gaps.Member], now: datetime) -> list[QuietPerson]:
    return [
        QuietPerson(
            employee=member.employee,
            name=member.name,
            days=int(gaps.days_since(member.last_received, member.start, now)),
        )
        for member in members
    ]


def _figure(cell: Cell, organisation: Mapping[gaps.MetricName, Cell]) -> Figure:
    overall = organisation.get(cell.metric)
    if cell.low is None or cell.high is None:
        return Figure(metric=cell.metric, withheld=cell.reason)
    interval: tuple[float | None, float | None] = (None, None)
    stands_out = None
    if cell.people is not None:
        band = Band(round(cell.low * cell.people), round(cell.high * cell.people), cell.people)
        interval = wilson(band)
        if cell.unit != ORGANISATION and overall is not None and overall.low is not None:
            assert overall.high is not None
            middle = (overall.low + overall.high) / 2
            stands_out = gaps.stands_out(cell.low, cell.high, cell.people, middle)
    return Figure(
        metric=cell.metric,
        low=cell.low,
        high=cell.high,
        people=cell.people,
        interval_low=interval[0],
        interval_high=interval[1],
        verdict=_verdict(cell, organisation),
        stands_out=stands_out,
    )


def _verdict(cell: Cell, organisation: Mapping[gaps.MetricName, Cell]) -> gaps.Verdict | None:
    assert cell.low is not None
    assert cell.high is not None
    if cell.metric != "gini":
        return gaps.verdict(gaps.METRICS[cell.metric], cell.low, cell.high)
    chance = organisation.get("gini_by_chance")
    if chance is None or chance.low is None or chance.high is None:
        return None
    return gaps.verdict_by_chance(cell.low, cell.high, chance.low, chance.high)


def _finite(bound: float | None) -> float | None:
    return None if bound is None or bound == float("inf") else bound
