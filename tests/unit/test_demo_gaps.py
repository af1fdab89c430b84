"""What the demo makes of the ledger's answers: planted gaps are found by what the ledger says, and only by that."""

from typing import Any

import httpx
import pytest

from services.cli.company import PlantedGap
from services.cli.demo.gaps import Findings, Ledger, find

NIGHT = PlantedGap("night-shift-unthanked", "night", ("e-1", "e-2"), "coverage-30d", "Nobody thanks them.")
NEWCOMER = PlantedGap("newcomer-forgotten", "platform", ("e-9",), "never-recognised", "Not one word.")
METRICS = [
    {"metric": "coverage_30d", "fine_from": 0.8, "fine_to": 1.0},
    {"metric": "effort_mix", "fine_from": 0.3, "fine_to": 0.7},
]


def figure(metric: str, low: float | None, high: float | None, verdict: str | None) -> dict[str, Any]:
    return {"metric": metric, "low": low, "high": high, "verdict": verdict}


def answer(*units: tuple[str, list[dict[str, Any]]], following: str | None = None) -> dict[str, Any]:
    return {
        "eligible": 100,
        "median_at_most_days": 14.0,
        "live": {"coverage_30d": 0.752},
        "organisation": [figure("coverage_30d", 0.74, 0.76, "gap")],
        "units": [{"unit": unit, "figures": figures} for unit, figures in units],
        "metrics": METRICS,
        "next": following,
    }


async def found(
    pages: list[dict[str, Any]], team: dict[str, Any], *planted: PlantedGap
) -> tuple[Findings, list[str]]:
    """What is found when the ledger answers so, and for whom it was asked."""
    asked: list[str] = []
    waiting = list(pages)

    def serve(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.headers['authorization']} {request.url.path}")
        is_team = request.url.path.startswith("/v1/teams/")
        return httpx.Response(200, json=team if is_team else waiting.pop(0))

    async with httpx.AsyncClient(transport=httpx.MockTransport(serve)) as http:
        ledger = Ledger(
            http, "http://ledger.invalid", lambda subject, scopes: f"{subject}+{'+'.join(scopes)}"
        )
        return await find(ledger, planted, {"e-9": "e-1001"}), asked


async def test_a_planted_gap_is_found_by_the_figure_of_its_team() -> None:
    page = answer(("night", [figure("coverage_30d", 0.0, 0.15, "gap")]))
    findings, _ = await found([page], {}, NIGHT)
    [gap] = findings.found
    assert (gap.where, gap.planted) == ("night", "night-shift-unthanked")
    assert (gap.figure, gap.company, gap.fine) == ("0–15 % thanked within 30 days", "74–76 %", "from 80 %")
    assert findings.not_found == []


@pytest.mark.parametrize(
    "figures",
    [
        [],
        [figure("coverage_30d", 0.75, 1.0, "unclear")],
        [figure("coverage_30d", None, None, None)],
        [figure("effort_mix", 0.0, 0.2, "gap")],
    ],
)
async def test_a_planted_gap_is_not_found_without_its_figure(figures: list[dict[str, Any]]) -> None:
    findings, _ = await found([answer(("night", figures))], {}, NIGHT)
    assert findings.not_found == ["night-shift-unthanked in night"]
    assert all(gap.planted is None for gap in findings.found)


async def test_the_forgotten_newcomer_is_named_to_their_lead_alone() -> None:
    team = {"never": [{"employee": "e-9", "name": "Amara", "days": 97}]}
    findings, asked = await found([answer()], team, NEWCOMER)
    assert asked == ["Bearer demo+ops /v1/gaps", "Bearer e-1001+team /v1/teams/platform/gaps"]
    [gap] = findings.found
    assert gap.figure == "97 days here, never thanked by anyone"
    assert "Amara" not in str(gap)
    assert "e-9" not in str(gap)


async def test_a_newcomer_the_ledger_does_not_name_is_not_found() -> None:
    team = {"never": [{"employee": "e-8", "name": "Somebody else", "days": 97}]}
    findings, _ = await found([answer()], team, NEWCOMER)
    assert findings.not_found == ["newcomer-forgotten in platform"]


async def test_units_of_all_pages_are_read_and_the_worst_come_first() -> None:
    first = answer(("apps", [figure("coverage_30d", 0.4, 0.6, "gap")]), following="apps")
    second = answer(
        ("data", [figure("coverage_30d", 0.2, 0.4, "gap")]),
        ("sales", [figure("effort_mix", 0.4, 0.6, "fine")]),
    )
    findings, _ = await found([first, second], {})
    assert [gap.where for gap in findings.found] == ["data", "apps"]


async def test_the_organisation_is_told_in_words() -> None:
    findings, _ = await found([answer()], {})
    assert list(findings.organisation) == [
        "100 people here for 30 days or more",
        "half of them thanked within the last 14 days",
        "75 % thanked within 30 days",
    ]
