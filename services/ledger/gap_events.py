"""Gaps open and close, once each: of teams by their published figures alone, of single persons for their lead's eyes.

With hysteresis, so that nothing flutters:

- A team's gap opens when the whole published band was beyond the threshold on three days running, and closes when no
  band was on the last seven days (or there was no figure for thirty).
- A person's gap opens 30 days after a person last thanked them, 21 days after their start if nobody has, 180 days
  after they last grew (or started), and closes when they have been thanked in the last 14 days, at all, or have grown
  in the last 150 days; or when they leave, move to another team, or are erased.
- When a person's growth gap has been open for two quarters (182 days) it is told once more, with the question of
  whether the job can be redefined.

The moment a person's gap opened is that of the threshold, not of the looking, and so is that of the question: what is
found late, by a backfill or a database made anew, is told with its old time and under the same id, and notifies nobody.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from uuid import UUID

from schemas.models.gaps import GapClosedV1, GapOpenedV1
from services.kit import outbox
from services.kit.batch import Outgoing
from services.kit.sql import AnyConnection, Queries
from services.ledger import gaps
from services.ledger.gap_records import gap_id, record

TEAM_OPENS_DAYS = 3
TEAM_CLOSES_DAYS = 7
TEAM_NO_FIGURE_DAYS = 30
PERSON_CLOSES_DAYS = 14
GROWTH_CLOSES_DAYS = 150
ROLE_QUESTION_DAYS = 182
# A day's bound; what is left comes the day after. Only a company's first day comes near it.
GAPS_MAX = 10_000
# Figure → its name in events, and what its share is of.
_TEAM_METRICS: Mapping[gaps.MetricName, tuple[str, str]] = {
    "coverage_7d": ("coverage-7d", "were thanked by a person in 7 days"),
    "coverage_30d": ("coverage-30d", "were thanked by a person in 30 days"),
    "manager_coverage": ("manager-coverage", "were thanked by their own manager in 30 days"),
    "effort_mix": ("effort-mix", "of the thanks were for effort rather than a result"),
    "growth_gap": ("growth", "had no training, goal step, first skill, mentoring or stretch in 180 days"),
    "purpose_people": ("purpose", "had no recognition that names a goal in 90 days"),
    "notice_ratio": ("notice-ratio", "of the deeds were answered within a week"),
}
_SQL = Queries(Path(__file__).parent / "sql" / "gap_events.sql")
_Row = Any
# Figure, when it opened, what is told.
_Opened = tuple[str, datetime, GapOpenedV1]


async def tell(connection: AnyConnection, day: date) -> int:
    """Open and close gaps as of 00:00 UTC of `day`; return how many events. Must come last: see the outbox."""
    found = await _close(connection, day)
    found += await _open_teams(connection, day)
    found += await _open_persons(connection, day)
    found += await _ask(connection, day)
    await outbox.append(connection, found)
    return len(found)


async def _close(connection: AnyConnection, day: date) -> list[Outgoing]:
    rows = [
        *await connection.fetch(
            _SQL["close_teams"], day, TEAM_CLOSES_DAYS, *_thresholds(), TEAM_NO_FIGURE_DAYS
        ),
        *await connection.fetch(_SQL["close_persons"], day, PERSON_CLOSES_DAYS, GROWTH_CLOSES_DAYS),
    ]
    await connection.execute(_SQL["forget_erased"])
    return [closed(row["gap_id"], row["team"], row["metric"], _midnight(day)) for row in rows]


def closed(id_: UUID, team: str, metric: str, at: datetime) -> Outgoing:
    """The event that a gap is one no more. metric: of the figure or of the event. at: UTC."""
    gap = str(id_)
    body = GapClosedV1(team=team, gap=gap, metric=_event_metric(metric))
    return record("gap-closed", body, gap, team=team, at=at, correlation=gap)


async def _open_teams(connection: AnyConnection, day: date) -> list[Outgoing]:
    rows = await connection.fetch(_SQL["teams_to_open"], day, TEAM_OPENS_DAYS, *_thresholds())
    at = _midnight(day)
    bodies = [
        (
            row["metric"],
            at,
            GapOpenedV1(
                team=row["team"],
                gap=str(gap_id(at, row["metric"], row["team"], "")),
                metric=_event_metric(row["metric"]),
                lead=row["lead"],
                evidence=team_evidence(row["metric"], row["low"], row["high"]),
            ),
        )
        for row in rows
    ]
    return await _opened(connection, bodies)


async def _open_persons(connection: AnyConnection, day: date) -> list[Outgoing]:
    rows = await connection.fetch(
        _SQL["persons_to_open"],
        day,
        gaps.QUIET_DAYS,
        gaps.NEVER_WARN_DAYS,
        gaps.GROWTH_DAYS,
        gaps.ELIGIBLE_TENURE_DAYS,
        GAPS_MAX,
    )
    # Thousands on a company's first days: not on the event loop.
    return await _opened(connection, await asyncio.to_thread(_person_bodies, rows))


def _person_bodies(rows: Sequence[_Row]) -> list[_Opened]:
    return [
        (
            row["metric"],
            row["opened_at"],
            GapOpenedV1(
                team=row["team"],
                gap=str(gap_id(row["opened_at"], row["metric"], row["team"], row["employee"])),
                metric=row["metric"],
                employee=row["employee"],
                lead=row["lead"],
                evidence=person_evidence(row["metric"], row["since"]),
            ),
        )
        for row in rows
    ]


async def _opened(connection: AnyConnection, bodies: Sequence[_Opened]) -> list[Outgoing]:
    """Remember these gaps, and make events of those not known yet. Each with its figure and when it opened."""
    rows = await connection.fetch(
        _SQL["add_gaps"],
        [UUID(body.gap) for _, _, body in bodies],
        [body.team for _, _, body in bodies],
        [metric for metric, _, _ in bodies],
        [body.employee or "" for _, _, body in bodies],
        [at for _, at, _ in bodies],
        [body.evidence for _, _, body in bodies],
    )
    new = {str(row["gap_id"]) for row in rows}
    return await asyncio.to_thread(_opened_records, [(at, body) for _, at, body in bodies if body.gap in new])


def _opened_records(found: Sequence[tuple[datetime, GapOpenedV1]]) -> list[Outgoing]:
    return [
        record("gap-opened", body, body.gap, team=body.team, at=at, correlation=body.gap)
        for at, body in found
    ]


async def _ask(connection: AnyConnection, day: date) -> list[Outgoing]:
    rows = await connection.fetch(_SQL["ask_about_roles"], day, ROLE_QUESTION_DAYS, GAPS_MAX)
    return await asyncio.to_thread(_questions, rows)


def _questions(rows: Sequence[_Row]) -> list[Outgoing]:
    return [
        record(
            "gap-opened",
            GapOpenedV1(
                team=row["team"],
                gap=str(row["gap_id"]),
                metric="growth",
                employee=row["employee"],
                lead=row["lead"] or None,
                evidence=f"No step forward has been noted for two quarters, open since {_day(row['opened_at'])}."
                " Is there room to grow in this role, or can the job be redefined?",
            ),
            str(row["gap_id"]),
            "role",
            team=row["team"],
            at=row["asked_at"],
            correlation=str(row["gap_id"]),
        )
        for row in rows
    ]


def team_evidence(metric: gaps.MetricName, low: float, high: float) -> str:
    """What was seen, by the published band alone. low, high: 0–1."""
    known = gaps.METRICS[metric]
    says = _TEAM_METRICS[metric][1]
    band = f"{round(100 * low)} to {round(100 * high)} %"
    if known.most == 1:
        fine = f"from {round(100 * known.least)} %"
    elif known.least == 0:
        fine = f"up to {round(100 * known.most)} %"
    else:
        fine = f"{round(100 * known.least)} to {round(100 * known.most)} %"
    return f"{band} {says}, {TEAM_OPENS_DAYS} days running; {fine} would be fine."


def person_evidence(metric: str, since: datetime) -> str:
    """What was seen of one person, without a score. since: of the last time, or of their start."""
    if metric == "days-since-last":
        return f"Nobody has thanked them since {_day(since)}."
    if metric == "never-recognised":
        return f"Here since {_day(since)}, and nobody has said thank you yet."
    return f"No training, goal step, first use of a skill, mentoring or stretch since {_day(since)}."


def _thresholds() -> tuple[list[str], list[float], list[float]]:
    known = [gaps.METRICS[name] for name in _TEAM_METRICS]
    return [m.name for m in known], [m.least for m in known], [m.most for m in known]


def _event_metric(metric: str) -> Any:
    """A figure's name, or already that of an event → that of an event; the contract checks it."""
    return next((said for name, (said, _) in _TEAM_METRICS.items() if name == metric), metric)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def _day(at: datetime) -> str:
    return f"{at.day} {at:%B %Y}"
