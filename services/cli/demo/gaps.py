"""Gaps, as the running ledger tells them over HTTP: figures by team, and names only to the team's own lead."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from services.cli.company import PlantedGap

UNITS_PER_PAGE = 500
PAGES_MAX = 20
_LABELS = {
    "coverage_7d": "thanked within 7 days",
    "coverage_30d": "thanked within 30 days",
    "never_recognised": "never thanked by anyone",
    "manager_coverage": "thanked by their own lead within 30 days",
    "giver_participation": "thanked somebody within 30 days",
    "effort_mix": "of thanks are for effort",
    "growth_gap": "without a step forward in 180 days",
    "purpose_gap": "of recognitions without a goal",
    "purpose_people": "without a recognition for a goal in 90 days",
    "ownership_gap": "without anything to lead in 180 days",
    "notice_ratio": "of deeds answered within a week",
}
_TITLES = {
    "coverage_7d": "who was thanked this week",
    "coverage_30d": "who was thanked this month",
    "manager_coverage": "who hears it from their own lead",
    "effort_mix": "thanks for results only, or for effort only",
    "growth_gap": "who does not move forward",
    "purpose_gap": "thanks that name no goal",
    "purpose_people": "who does not hear what it is for",
    "notice_ratio": "deeds nobody answers",
}
_LESS_IS_BETTER = ("growth_gap", "purpose_gap", "purpose_people")
Token = Callable[[str, Sequence[str]], str]
"""(subject, scopes) → a bearer token."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One gap. where: the team. what: one phrase. planted: its kind, if it was planted.

    figure: what shows it; company: the same of everybody; fine: what would be. All in words.
    """

    where: str
    what: str
    figure: str
    company: str
    fine: str
    planted: str | None = None


@dataclass(frozen=True, slots=True)
class Findings:
    """All gaps found, planted ones first; those planted but not found, in words; the whole organisation in words."""

    found: Sequence[Finding]
    not_found: Sequence[str]
    organisation: Sequence[str]


class Ledger:
    """The ledger's API, asked with tokens for those who may ask."""

    def __init__(self, http: httpx.AsyncClient, url: str, token: Token) -> None:
        self._http, self._url, self._token = http, url, token

    async def gaps(self) -> dict[str, Any]:
        """The organisation's answer with the figures of all units. Raises httpx.HTTPError."""
        whole: dict[str, Any] = {}
        after = ""
        for _ in range(PAGES_MAX):
            page = await self._get(f"/v1/gaps?limit={UNITS_PER_PAGE}&after={after}", "demo", ["ops"])
            whole = {**page, "units": [*whole.get("units", []), *page["units"]]}
            if page["next"] is None:
                break
            after = page["next"]
        return whole

    async def team(self, team: str, lead: str) -> dict[str, Any]:
        """Named gaps of a lead's own team. Raises httpx.HTTPError."""
        return await self._get(f"/v1/teams/{team}/gaps", lead, ["team"])

    async def _get(self, path: str, subject: str, scopes: Sequence[str]) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self._token(subject, scopes)}"}
        answer: dict[str, Any] = (
            (await self._http.get(self._url + path, headers=headers)).raise_for_status().json()
        )
        return answer


async def find(ledger: Ledger, planted: Sequence[PlantedGap], lead_of: dict[str, str]) -> Findings:
    """Ask the ledger and mark what was planted. Raises httpx.HTTPError."""
    answer = await ledger.gaps()
    figures = {(u["unit"], f["metric"]): f for u in answer["units"] for f in u["figures"]}
    found, not_found = [], []
    for gap in planted:
        if gap.kind == "newcomer-forgotten":
            finding = await _forgotten(ledger, gap, lead_of)
        else:
            finding = _shown(gap, figures.get((gap.team, gap.metric.replace("-", "_"))), answer)
        if finding is None:
            not_found.append(f"{gap.kind} in {gap.team}")
        else:
            found.append(finding)
    marked = {(gap.team, gap.metric.replace("-", "_")) for gap in planted}
    others = [
        _finding(unit, _TITLES[metric], figure, answer)
        for (unit, metric), figure in sorted(figures.items(), key=_worst_first)
        if figure["verdict"] == "gap" and (unit, metric) not in marked
    ]
    return Findings([*found, *others], not_found, summary(answer))


async def _forgotten(ledger: Ledger, gap: PlantedGap, lead_of: dict[str, str]) -> Finding | None:
    """Whether the lead of somebody who was never thanked is told so."""
    [employee] = gap.employees
    team = await ledger.team(gap.team, lead_of[employee])
    days = {person["employee"]: person["days"] for person in team["never"]}
    if employee not in days:
        return None
    # The name is their lead's to see; here it is nobody's.
    figure = f"{days[employee]} days here, {_LABELS['never_recognised']}"
    return Finding(gap.team, gap.what, figure, "", "named to their lead on day 21", gap.kind)


def _shown(gap: PlantedGap, figure: dict[str, Any] | None, answer: dict[str, Any]) -> Finding | None:
    if figure is None or figure["verdict"] != "gap":
        return None
    return _finding(gap.team, gap.what, figure, answer, gap.kind)


def _finding(
    unit: str, what: str, figure: dict[str, Any], answer: dict[str, Any], planted: str | None = None
) -> Finding:
    """A unit's figure beside the organisation's and what would be fine."""
    metric = figure["metric"]
    overall = next(
        (f for f in answer["organisation"] if f["metric"] == metric and f["low"] is not None), None
    )
    fine = next(m for m in answer["metrics"] if m["metric"] == metric)
    return Finding(
        where=unit,
        what=what,
        figure=f"{_band(figure)} {_LABELS[metric]}",
        company=_band(overall) if overall else "",
        fine=_fine(fine["fine_from"], fine["fine_to"]),
        planted=planted,
    )


def summary(answer: dict[str, Any]) -> list[str]:
    """The organisation as it is now, in words, without names."""
    lines = []
    if answer["eligible"] is not None:
        lines.append(f"{answer['eligible']:,} people here for 30 days or more")
    if answer["median_at_most_days"] is not None:
        lines.append(f"half of them thanked within the last {answer['median_at_most_days']:.0f} days")
    lines += [f"{_percent(share)} {_LABELS[metric]}" for metric, share in answer["live"].items()]
    return lines


def _band(figure: dict[str, Any]) -> str:
    low, high = round(100 * figure["low"]), round(100 * figure["high"])
    return f"{low}–{high} %" if low != high else f"{low} %"


def _percent(share: float) -> str:
    return f"{round(100 * share)} %"


def _fine(least: float, most: float) -> str:
    if least == 0:
        return f"up to {_percent(most)}"
    return f"from {_percent(least)}" if most == 1 else f"{_percent(least)} to {_percent(most)}"


def _worst_first(item: tuple[tuple[str, str], dict[str, Any]]) -> tuple[float, str, str]:
    (unit, metric), figure = item
    low = figure["low"] if figure["low"] is not None else 1.0
    return (1 - low if metric in _LESS_IS_BETTER else low, unit, metric)
