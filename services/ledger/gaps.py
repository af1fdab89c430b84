"""Gap metrics: where recognition is missing. Formulas and thresholds with their sources; pure, numbers in, numbers out.

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

ELIGIBLE_TENURE_DAYS = 30
NEVER_TENURE_DAYS = 90
SHORT_WINDOW_DAYS = 7
LONG_WINDOW_DAYS = 30
ANSWER_DAYS = 7
QUIET_DAYS = 30
NEVER_WARN_DAYS = 21
# Upper bounds of the histogram of days since last received; the thresholds 14 and 30 are among them.
DAYS_BOUNDS = (1.0, 3.0, 7.0, 14.0, 21.0, 30.0, 45.0, 60.0, 90.0, 180.0, float("inf"))

MetricName = Literal["coverage_7d", "coverage_30d", "never_recognised", "effort_mix", "notice_ratio"]
Verdict = Literal["gap", "fine", "unclear"]


@dataclass(frozen=True, slots=True)
class GapMetric:
    """One share between 0 and 1. It is fine from `least` to `most`; formula and source are for people to read."""

    name: MetricName
    formula: str
    least: float
    most: float
    source: str


METRICS: dict[MetricName, GapMetric] = {
    metric.name: metric
    for metric in (
        GapMetric(
            "coverage_7d",
            "distinct people who received recognition from a person in 7 days ÷ eligible people",
            0.25,
            1.0,
            "Amber below 25 %, goal 50 % (own). Gallup Q12: about one in four agree that they were recognised in"
            " the last seven days; a survey, not platform events.",
        ),
        GapMetric(
            "coverage_30d",
            "distinct people who received recognition from a person in 30 days ÷ eligible people",
            0.80,
            1.0,
            "At least 80 % (own). Recognize: 80–100 % a year; Gallup's floor: a few times a month.",
        ),
        GapMetric(
            "never_recognised",
            "people never recognised by a person ÷ people here for at least 90 days",
            0.0,
            0.0,
            "Nobody. Leads are warned at day 21 (after Lattice's nudge for new hires).",
        ),
        GapMetric(
            "effort_mix",
            "recognitions for effort ÷ (for effort + for a result), those for both counting half on each side,"
            " by a person, in 30 days",
            0.30,
            0.70,
            "Between 30 % and 70 % (own).",
        ),
        GapMetric(
            "notice_ratio",
            "deeds answered by a person within 7 days ÷ deeds, of the 30 days that ended 7 days ago",
            0.50,
            1.0,
            "At least 50 % (own).",
        ),
    )
}


def verdict(metric: GapMetric, low: float, high: float) -> Verdict:
    """Judge a share known to be in `low..high` (0–1): a gap or fine only if the whole band says so."""
    if high < metric.least or low > metric.most:
        return "gap"
    return "fine" if metric.least <= low and high <= metric.most else "unclear"


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
