"""Gaps open and close, of teams by their published figures, of single persons for their lead, once each."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from services.kit.sql import Pool
from services.ledger import daily, gap_events
from tests.integration.ledger_gap_rig import DAY, Told, ago, company, pool, team, told
from tests.integration.ledger_read_company import Company

__all__ = ["company", "pool"]


async def day(pool: Pool, number: int) -> list[Told]:
    """What the figures of the day `number` days after DAY tell."""
    assert await daily.publish_day(pool, DAY + timedelta(days=number))
    return await told(pool)


def of(events: list[Told], metric: str, employee: str | None = None) -> list[Told]:
    return [e for e in events if e.data["metric"] == metric and e.data.get("employee") == employee]


async def thank_all(company: Company, members: list[str], at: datetime) -> None:
    for member in members:
        await company.thanks(member, "somebody", at)
    await company.fold()


async def test_a_team_s_gap_opens_after_three_days_and_closes_after_a_week_without(
    company: Company, pool: Pool
) -> None:
    members = await team(company, "firmware", 12)
    await thank_all(company, members, ago(20))
    seen = [of(await day(pool, number), "coverage-7d") for number in range(4)]
    assert [len(events) for events in seen] == [0, 0, 1, 0]
    [opened] = seen[2]
    assert (opened.name, opened.key, opened.data["lead"]) == ("gap-opened", "firmware", "firmware-lead")
    assert opened.data["evidence"] == (
        "0 to 17 % were thanked by a person in 7 days, 3 days running; from 25 % would be fine."
    )
    await thank_all(company, members, ago(-4))
    seen = [of(await day(pool, number), "coverage-7d") for number in range(4, 20)]
    closed = [(number, events[0]) for number, events in enumerate(seen, 4) if events]
    # Thanked on day 4, so no gap from day 5 on: on day 11 these are seven days.
    assert [(number, event.name) for number, event in closed][:1] == [(11, "gap-closed")]
    assert closed[0][1].data["gap"] == opened.data["gap"]


async def test_a_team_without_published_figures_has_no_gap(company: Company, pool: Pool) -> None:
    await team(company, "firmware", 4)
    await team(company, "sales", 12)  # would give firmware away, as everybody minus support
    await team(company, "support", 13)
    await company.fold()
    events = [event for number in range(4) for event in await day(pool, number)]
    teams = {event.key for event in events if event.data.get("employee") is None}
    assert teams == {"support"}


@pytest.mark.parametrize(
    ("metric", "threshold"), [("days-since-last", 30), ("growth", 180), ("never-recognised", 21)]
)
async def test_a_person_s_gap_is_told_to_their_lead_when_the_threshold_passes(
    company: Company, pool: Pool, metric: str, threshold: int
) -> None:
    start = DAY - timedelta(days=20) if metric == "never-recognised" else date(2024, 3, 1)
    await team(company, "firmware", 12)
    await company.person("ann", "Ann", team="firmware", manager="firmware-lead", start=start)
    if metric == "days-since-last":
        await company.thanks("ann", "somebody", ago(29.5))
    elif metric == "growth":
        await company.entry("growth", "ann", ago(179.5), "training", title="Course")
    await company.fold()
    assert of(await day(pool, 0), metric, "ann") == []
    [opened] = of(await day(pool, 1), metric, "ann")
    assert opened.data["lead"] == "firmware-lead"
    assert opened.at <= datetime.combine(DAY + timedelta(days=1), time(), UTC)
    assert of(await day(pool, 2), metric, "ann") == []
    if metric == "growth":
        await company.entry("growth", "ann", ago(-2.5), "goal-step", title="Step")
    else:
        await company.thanks("ann", "somebody", ago(-2.5))
    await company.fold()
    [closed] = of(await day(pool, 3), metric, None)
    assert (closed.name, closed.data["gap"]) == ("gap-closed", opened.data["gap"])
    assert threshold > 0


async def test_a_gap_does_not_flutter_while_thanks_are_neither_fresh_nor_long_ago(
    company: Company, pool: Pool
) -> None:
    await team(company, "firmware", 12)
    await company.person("ann", "Ann", team="firmware", manager="firmware-lead")
    await company.thanks("ann", "somebody", ago(31))
    await company.fold()
    assert len(of(await day(pool, 0), "days-since-last", "ann")) == 1
    # Thanks of twenty days ago come in late: no gap would open by them, but none closes either.
    await company.thanks("ann", "somebody", ago(20))
    await company.fold()
    assert of(await day(pool, 1), "days-since-last") == []
    assert of(await day(pool, 2), "days-since-last", "ann") == []


async def test_a_growth_gap_of_two_quarters_asks_whether_the_job_can_be_redefined(
    company: Company, pool: Pool
) -> None:
    await team(company, "firmware", 12)
    await company.person(
        "ann", "Ann", team="firmware", manager="firmware-lead", start=DAY - timedelta(days=361)
    )
    await company.fold()
    first = of(await day(pool, 0), "growth", "ann")
    second = of(await day(pool, 1), "growth", "ann")
    assert len(first) == len(second) == 1
    assert "can the job be redefined?" in second[0].data["evidence"]
    assert second[0].data["gap"] == first[0].data["gap"]
    assert second[0].id != first[0].id
    assert of(await day(pool, 2), "growth", "ann") == []


async def test_somebody_without_a_present_lead_has_nobody_to_tell(company: Company, pool: Pool) -> None:
    await team(company, "firmware", 12)
    await company.person("ann", "Ann", team="firmware", manager="gone")
    await company.person("gone", "Gone", team="firmware", status=[(DAY - timedelta(days=9), "left")])
    await company.fold()
    assert [event for event in await day(pool, 0) if event.data.get("employee") in ("ann", "gone")] == []


async def test_a_leaver_s_gap_closes(company: Company, pool: Pool) -> None:
    await team(company, "firmware", 12)
    await company.person(
        "ann", "Ann", team="firmware", manager="firmware-lead", status=[(DAY + timedelta(days=1), "left")]
    )
    await company.fold()
    opened = {e.data["gap"] for e in await day(pool, 0) if e.data.get("employee") == "ann"}
    assert len(opened) == 2  # never recognised, and no growth
    assert {e.data["gap"] for e in await day(pool, 1) if e.name == "gap-closed"} == opened


async def test_told_again_after_a_database_was_made_anew_it_is_the_same_event(
    company: Company, pool: Pool
) -> None:
    await team(company, "firmware", 12)
    await company.fold()
    first = {event.id: event.at for event in await day(pool, 0) if event.data.get("employee")}
    await pool.execute("TRUNCATE gap, gap_day, gap_figure, gap_form")
    again = {event.id: event.at for event in await day(pool, 1) if event.data.get("employee")}
    assert first == again
    # Eleven people, never recognised and without growth for so long that the question is due, too.
    assert len(first) == 33


async def test_a_day_tells_no_more_than_its_bound_and_the_next_day_the_rest(
    company: Company, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await team(company, "firmware", 12)
    await company.fold()
    monkeypatch.setattr(gap_events, "GAPS_MAX", 10)
    seen = [{e.data["gap"] for e in await day(pool, n) if e.data.get("employee")} for n in range(4)]
    assert len(set().union(*seen)) == 22
    assert [len(gaps - set().union(*seen[:n])) for n, gaps in enumerate(seen)] == [10, 10, 2, 0]
