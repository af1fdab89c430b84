"""Every gap metric: formula, threshold and source, as help texts and the API say them.

A share of people is of a unit's frozen roster, or of the organisation's. "Own" marks a default of ours, to be tuned.
"""

from dataclasses import dataclass
from typing import Literal

MetricName = Literal[
    "coverage_7d",
    "coverage_30d",
    "never_recognised",
    "manager_coverage",
    "giver_participation",
    "effort_mix",
    "growth_gap",
    "purpose_gap",
    "purpose_people",
    "ownership_gap",
    "notice_ratio",
    "gini",
    "gini_by_chance",
    "ripple",
    "top_decile_share",
    "reciprocity",
    "one_sided_giving",
    "isolation",
    "equity_tenure_1y",
    "equity_tenure_3y",
]
Scope = Literal["units", "organisation"]


@dataclass(frozen=True, slots=True)
class GapMetric:
    """One figure. It is fine from `least` to `most`; formula and source are for people to read.

    days: how far back the events reach that it counts. scope: `units`: published by unit; else of everybody only.
    trend: there is no threshold, every share is as good as another.
    """

    name: MetricName
    formula: str
    least: float
    most: float
    source: str
    days: int
    scope: Scope = "units"
    trend: bool = False


_TREND = "Read the trend; there is no threshold."

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
            days=7,
        ),
        GapMetric(
            "coverage_30d",
            "distinct people who received recognition from a person in 30 days ÷ eligible people",
            0.80,
            1.0,
            "At least 80 % (own). Recognize: 80–100 % a year; Gallup's floor: a few times a month.",
            days=30,
        ),
        GapMetric(
            "never_recognised",
            "people not once recognised by a person ÷ people; of units whose people have all been here for 90 days or"
            " more. After a change of a unit's roster, not once since then, from 90 days later on",
            0.0,
            0.0,
            "Nobody. Leads are warned at day 21 (after Lattice's nudge for new hires).",
            days=0,
            scope="organisation",
        ),
        GapMetric(
            "manager_coverage",
            "people whom their own manager recognised in 30 days ÷ people who have a manager",
            0.50,
            1.0,
            "Amber below 50 % (own). After Nectar's manager report.",
            days=30,
        ),
        GapMetric(
            "giver_participation",
            "distinct people who recognised somebody in 30 days ÷ eligible people",
            0.0,
            1.0,
            f"Recognize: 60–100 % a year. {_TREND}",
            days=30,
            trend=True,
        ),
        GapMetric(
            "effort_mix",
            "recognitions for effort ÷ (for effort + for a result), those for both counting half on each side,"
            " by a person, in 30 days",
            0.30,
            0.70,
            "Between 30 % and 70 % (own).",
            days=30,
        ),
        GapMetric(
            "growth_gap",
            "people without a growth event in 180 days ÷ eligible people; growth is training, a goal's step, the"
            " first use of a skill, mentoring received, a stretch begun",
            0.0,
            0.20,
            "Below 20 % (own). Gallup Q12: talk about progress in the last six months.",
            days=180,
        ),
        GapMetric(
            "purpose_gap",
            "recognitions that carry no goal ÷ recognitions, in 30 days",
            0.0,
            0.30,
            "Below 30 % (own). Gallup Q12: the mission makes one's job feel important.",
            days=30,
        ),
        GapMetric(
            "purpose_people",
            "people without a recognition that carries a goal in 90 days ÷ eligible people",
            0.0,
            0.30,
            "Below 30 % (own). Gallup Q12: the mission makes one's job feel important.",
            days=90,
        ),
        GapMetric(
            "ownership_gap",
            "people without an assignment to lead in 180 days ÷ eligible people",
            0.0,
            1.0,
            _TREND,
            days=180,
            trend=True,
        ),
        GapMetric(
            "notice_ratio",
            "deeds answered by a person within 7 days ÷ deeds, of the 30 days that ended 7 days ago",
            0.50,
            1.0,
            "At least 50 % (own).",
            days=37,
        ),
        GapMetric(
            "gini",
            "Σᵢ(2i−n−1)xᵢ ÷ (n Σx) × n/(n−1), x the recognitions of each eligible person in 90 days, ascending,"
            " zeros included; none below n = 20",
            0.0,
            1.0,
            "Above `gini_by_chance` is a gap (own). The factor n/(n−1) corrects for small n (Deltas 2003).",
            days=90,
            scope="organisation",
            trend=True,
        ),
        GapMetric(
            "gini_by_chance",
            "95th percentile of the same, were as many recognitions given to people drawn at random",
            0.0,
            1.0,
            "By seeded simulation (own).",
            days=90,
            scope="organisation",
            trend=True,
        ),
        GapMetric(
            "ripple",
            "of people who gave nothing for 30 days and then received: the share who thank a third person within 14"
            " days, minus the share of those in the same team who gave as little and did not receive",
            0.0,
            1.0,
            "Above 0. Receivers did 278 % more prosocial acts in one study (N = 111).",
            days=74,
            scope="organisation",
        ),
        GapMetric(
            "top_decile_share",
            "recognitions received by the tenth of people who received most ÷ all, in 90 days",
            0.0,
            0.40,
            "Above 40 % is a gap (own); compare with chance.",
            days=90,
            scope="organisation",
        ),
        GapMetric(
            "reciprocity",
            "directed pairs (giver, recipient) whose reverse is there too ÷ pairs, in 90 days",
            0.0,
            1.0,
            f"Watch a rise. {_TREND}",
            days=90,
            scope="organisation",
            trend=True,
        ),
        GapMetric(
            "one_sided_giving",
            "people more than half of whose giving goes to one person ÷ people who gave four times or more, in 90"
            " days",
            0.0,
            1.0,
            f"Watch a rise (own). {_TREND}",
            days=90,
            scope="organisation",
            trend=True,
        ),
        GapMetric(
            "isolation",
            "people who neither gave nor received across a team's border in 90 days ÷ eligible people",
            0.0,
            1.0,
            _TREND,
            days=90,
            scope="organisation",
            trend=True,
        ),
        GapMetric(
            "equity_tenure_1y",
            "30-day coverage of people here for less than a year ÷ that of all others, both ten people or more",
            0.80,
            1.25,
            "0.8 to 1.25 (own). Tenure is the one cohort the directory knows; protected characteristics are in no"
            " contract.",
            days=30,
            scope="organisation",
        ),
        GapMetric(
            "equity_tenure_3y",
            "30-day coverage of people here for three years or more ÷ that of all others, both ten people or more",
            0.80,
            1.25,
            "0.8 to 1.25 (own). See `equity_tenure_1y`.",
            days=30,
            scope="organisation",
        ),
    )
}
