"""Bodies of the API's answers, with examples for its reference page."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, JsonValue

from services.ledger import gaps
from services.ledger.publication import Reason
from services.ledger.view import Entry

_ANSWER = ConfigDict(frozen=True, use_attribute_docstrings=True)


def _with_example(example: dict[str, JsonValue]) -> ConfigDict:
    return ConfigDict(frozen=True, use_attribute_docstrings=True, json_schema_extra={"examples": [example]})


class ProblemAnswer(BaseModel):
    """An RFC 9457 problem."""

    model_config = _with_example(
        {
            "type": "about:blank",
            "title": "Not Found",
            "status": 404,
            "code": "NOT_FOUND",
            "detail": "There is nothing here, or not for you.",
        }
    )

    type: str
    """Always `about:blank`: `code` tells which problem it is."""
    title: str
    """The status in words."""
    status: int
    """The HTTP status."""
    code: str
    """Stable, in capitals."""
    detail: str
    """One sentence for a person."""


class HistoryPage(BaseModel):
    """Part of a person's history, newest first."""

    model_config = _with_example(
        {
            "entries": [
                {
                    "id": "01a124d7-cd48-82f1-9dc7-f4f958d34824",
                    "kind": "recognition",
                    "sort": "thanks",
                    "occurred_at": "2026-10-10T08:04:45Z",
                    "by": "person",
                    "giver": "e-1155",
                    "giver_name": "Ines Marchetti",
                    "title": "Sat with the flood alarms until both false ones were understood",
                    "words": "You found out why instead, and wrote it down so that I could follow.",
                    "impact": "I drove out with the right spare part, once, and not three times.",
                    "basis": "effort",
                    "size": "small",
                    "visibility": "private",
                    "skills": ["incident-response"],
                    "value": "care",
                }
            ],
            "next": "AaEk181Igvqdx_T5WNNIJA",
        }
    )

    entries: list[Entry]
    """At most `limit` of them."""
    next: str | None
    """Cursor of the following page; null on the last one."""


class Metric(BaseModel):
    """What a figure means."""

    model_config = _ANSWER

    metric: gaps.MetricName
    """Its name."""
    formula: str
    """How it is computed."""
    fine_from: float
    """Least share that is fine."""
    fine_to: float
    """Greatest share that is fine."""
    is_trend: bool
    """There is no threshold: watch how it changes."""
    source: str
    """Where the threshold comes from."""


class Figure(BaseModel):
    """One published figure of a unit: a band of shares in 0–1, or why there is none."""

    model_config = _ANSWER

    metric: gaps.MetricName
    """Which figure."""
    low: float | None = None
    """Least it can be."""
    high: float | None = None
    """Greatest it can be."""
    people: int | None = None
    """People counted, of the roster frozen at the window's start."""
    interval_low: float | None = None
    """Lower end of the 95 % Wilson interval around the band, of shares of people."""
    interval_high: float | None = None
    """Upper end of it."""
    verdict: gaps.Verdict | None = None
    """A gap or fine if the whole band says so; null where there is no threshold."""
    stands_out: Literal["below", "above"] | None = None
    """The unit's band lies outside p ± 2√(p(1−p)/n), p the organisation's share."""
    withheld: Reason | None = None
    """Why there is no figure."""


class UnitFigures(BaseModel):
    """The figures of one unit."""

    model_config = _ANSWER

    unit: str
    """The team."""
    figures: list[Figure]
    """One per metric."""


class Bucket(BaseModel):
    """People whose last recognition lies at most so many days back, and more than the bucket before says."""

    model_config = _ANSWER

    at_most_days: float | None
    """Upper bound; null for no bound."""
    people: int
    """Five or more, or none."""


class Gaps(BaseModel):
    """Where recognition is missing. Nothing here is about one person."""

    model_config = _with_example(
        {
            "as_of": "2026-11-23T09:30:15Z",
            "eligible": 236,
            "days_since_last_received": [
                {"at_most_days": 7, "people": 88},
                {"at_most_days": 30, "people": 96},
            ],
            "median_at_most_days": 14,
            "p90_at_most_days": 45,
            "live": {"coverage_7d": 0.373, "coverage_30d": 0.781},
            "day": "2026-11-23",
            "organisation": [
                {"metric": "coverage_7d", "low": 0.36, "high": 0.38, "people": 236, "verdict": "fine"}
            ],
            "units": [
                {
                    "unit": "night-shift",
                    "figures": [
                        {"metric": "coverage_7d", "low": 0.0, "high": 0.15, "people": 20, "verdict": "gap"},
                        {"metric": "effort_mix", "withheld": "too_few_contributors"},
                    ],
                }
            ],
            "next": None,
            "metrics": [],
        }
    )

    as_of: datetime | None
    """When the live figures were read; null before the first reading."""
    eligible: int | None
    """People counted, of the units' frozen rosters; null if no unit may have figures."""
    days_since_last_received: list[Bucket]
    """Histogram over them, from the units' bands; buckets merged until each holds five or none."""
    median_at_most_days: float | None
    """Upper bound of the median's bucket; null without one."""
    p90_at_most_days: float | None
    """Upper bound of the 90th percentile's bucket."""
    live: dict[gaps.MetricName, float]
    """The organisation's shares now, each the middle of its band; of `never_recognised` the least it can be."""
    day: date | None
    """The day at whose start the windows of the figures below ended."""
    organisation: list[Figure]
    """The organisation's figures of that day, over the units' rosters."""
    units: list[UnitFigures]
    """Units by name."""
    next: str | None
    """The unit to give as `after` for the following page; null on the last one."""
    metrics: list[Metric]
    """What the figures mean."""


class QuietPerson(BaseModel):
    """Somebody who has not been recognised for long."""

    model_config = _ANSWER

    employee: str
    """Employee id."""
    name: str
    """Name."""
    days: int
    """Whole days since a person last recognised them, or since their start if nobody has."""


class UnansweredDeed(BaseModel):
    """Something done a week or more ago that nobody has answered."""

    model_config = _ANSWER

    deed: UUID
    """The deed's entry id."""
    employee: str
    """Who did it."""
    name: str
    """Their name."""
    title: str | None
    """What it was; null when it is private."""
    size: str
    """Small, notable or major."""
    done_at: datetime
    """When."""


class OpenGap(BaseModel):
    """A gap that has opened and not closed yet, of the team or of one person of it."""

    model_config = _ANSWER

    gap: UUID
    """Its id; the events that opened and close it name the same."""
    metric: str
    """What is missing."""
    employee: str | None
    """The person; null for the team's own."""
    name: str | None
    """Their name."""
    opened_at: datetime
    """When the threshold was passed."""
    evidence: str
    """What was seen, without a score."""
    asks_about_role: bool
    """Growth has been missing for two quarters: is there room in this role, or can the job be redefined?"""


class TeamGaps(BaseModel):
    """What a lead can act on, in their own team."""

    model_config = _with_example(
        {
            "team": "firmware",
            "people": 9,
            "quiet": [{"employee": "e-1077", "name": "Jonas Weber", "days": 41}],
            "never": [{"employee": "e-1201", "name": "Amara Okafor", "days": 33}],
            "unanswered": [
                {
                    "deed": "01a123f5-e540-807e-8911-5da296df0263",
                    "employee": "e-1120",
                    "name": "Dariusz Lis",
                    "title": "Sat with the flood alarms until both false ones were understood",
                    "size": "small",
                    "done_at": "2026-10-10T03:58:00Z",
                }
            ],
            "open": [
                {
                    "gap": "01a0f00d-5f80-8c1e-9a55-3f0d5e1b7a21",
                    "metric": "growth",
                    "employee": "e-1077",
                    "name": "Jonas Weber",
                    "opened_at": "2026-04-20T00:00:00Z",
                    "evidence": "No training, goal step or first use of a skill since 22 October 2025.",
                    "asks_about_role": True,
                }
            ],
        }
    )

    team: str
    """The team."""
    people: int
    """Present members who report to the reader."""
    quiet: list[QuietPerson]
    """Recognised before, but not for 30 days; longest first."""
    never: list[QuietPerson]
    """Not recognised once, 21 days or more after their start."""
    unanswered: list[UnansweredDeed]
    """Deeds of 7 to 90 days ago without an answer, oldest first; at most 500."""
    open: list[OpenGap]
    """Gaps that opened and have not closed, of the team and of members who report to the reader; newest first."""
