"""Gap formulas, and what a lead is told by name. Pure, numbers in, numbers out. What is measured: gap_catalogue.py.

*Eligible* are people who are active, not on leave, and here for at least 30 days. *Received* counts recognitions by
a person; awards by rule and by calendar are not thanks. Days are days of UTC. "Own" marks a default of ours, to be
tuned, not published evidence.

Recognition gets gamed and crowds motivation out when it is paid or ranked: read trends, never people.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from math import sqrt
from typing import Literal
from uuid import UUID

from services.ledger.gap_catalogue import METRICS, GapMetric, MetricName

__all__ = ["METRICS", "GapMetric", "MetricName"]

ELIGIBLE_TENURE_DAYS = 30
NEVER_TENURE_DAYS = 90
SHORT_WINDOW_DAYS = 7
LONG_WINDOW_DAYS = 30
PURPOSE_DAYS = 90
GROWTH_DAYS = 180
ANSWER_DAYS = 7
QUIET_DAYS = 30
NEVER_WARN_DAYS = 21
# Upper bounds of the histogram of days since last received; the thresholds 14 and 30 are among them.
DAYS_BOUNDS = (1.0, 3.0, 7.0, 14.0, 21.0, 30.0, 45.0, 60.0, 90.0, 180.0, float("inf"))

Verdict = Literal["gap", "fine", "unclear"]


def verdict(metric: GapMetric, low: float, high: float) -> Verdict | None:
    """Judge a share known to be in `low..high` (0–1): a gap or fine only if the whole band says so. None of a trend."""
    if metric.trend:
        return None
    if high < metric.least or low > metric.most:
        return "gap"
    return "fine" if metric.least <= low and high <= metric.most else "unclear"


def verdict_by_chance(low: float, high: float, chance_low: float, chance_high: float) -> Verdict:
    """Judge a Gini known to be in `low..high` by what chance gives in one of twenty cases, known as well as that."""
    if low >= chance_high:
        return "gap"
    return "fine" if high <= chance_low else "unclear"


def stands_out(low: float, high: float, people: int, overall: float) -> Literal["below", "above"] | None:
    """Tell whether a unit's band lies wholly outside p ± 2√(p(1−p)/n), p the organisation's share (own).

    people: n >= 1. overall: p, 0–1.
    """
    spread = 2 * sqrt(overall * (1 - overall) / people)
    if high < overall - spread:
        return "below"
    return "above" if low > overall + spread else None


def days_since(last_received: datetime | None, start: date, now: datetime) -> float:
    """Days since a person last received recognition; who never did counts from their start. Never negative."""
    if last_received is not None:
        return max(0.0, (now - last_received).total_seconds() / 86_400)
    return float(max(0, (now.date() - start).days))


def effort_halves(effort: int, result: int, both: int) -> tuple[int, int]:
    """Effort mix as halves: `(on the side of effort, altogether)`; a recognition for both is one half on each side."""
    return 2 * effort + both, 2 * (effort + result + both)


def quantile_bound(buckets: Sequence[tuple[float, int]], quantile: float) -> float | None:
    """Upper bound of the bucket that holds a quantile (0–1]; None without people. Infinite in the last bucket."""
    wanted = quantile * sum(people for _, people in buckets)
    held = 0
    for bound, people in buckets:
        held += people
        if people and held >= wanted:
            return bound
    return None


@dataclass(frozen=True, slots=True)
class Member:
    """A person of a team, present (active, not on leave), as their lead sees them."""

    employee: str
    name: str
    start: date
    last_received: datetime | None


@dataclass(frozen=True, slots=True)
class WaitingDeed:
    """A deed nobody has answered yet."""

    id: UUID
    employee: str
    name: str
    title: str | None
    size: str
    done_at: datetime


@dataclass(frozen=True, slots=True)
class NamedGaps:
    """What a lead can act on. quiet: recognised, but not for 30 days. never: not once, 21 days after their start."""

    quiet: tuple[Member, ...]
    never: tuple[Member, ...]
    unanswered: tuple[WaitingDeed, ...]


@dataclass(frozen=True, slots=True)
class OpenGap:
    """A gap of a team (employee, name: None) or of one person of it, as it was told to the lead."""

    id: UUID
    metric: str
    employee: str | None
    name: str | None
    opened_at: datetime
    evidence: str
    asks_about_role: bool


def named_gaps(members: Iterable[Member], deeds: Iterable[WaitingDeed], now: datetime) -> NamedGaps:
    """Name the gaps of one team, longest first. For the team's own lead only."""
    quiet, never = [], []
    for member in sorted(members, key=lambda m: (-days_since(m.last_received, m.start, now), m.employee)):
        days = days_since(member.last_received, member.start, now)
        if member.last_received is None and days >= NEVER_WARN_DAYS:
            never.append(member)
        elif member.last_received is not None and days >= QUIET_DAYS:
            quiet.append(member)
    unanswered = sorted(
        (deed for deed in deeds if (now - deed.done_at).total_seconds() >= ANSWER_DAYS * 86_400),
        key=lambda deed: (deed.done_at, deed.id),
    )
    return NamedGaps(tuple(quiet), tuple(never), tuple(unanswered))
