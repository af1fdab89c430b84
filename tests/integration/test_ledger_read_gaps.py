"""Gap figures read from the projections: the SQL agrees with the formulas, and days are published once."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import astuple
from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest
import pytest_asyncio

from services.kit.sql import Pool
from services.ledger import daily, gaps
from services.ledger.gap_cells import Cell
from services.ledger.publication import UNIT_PEOPLE_MIN, Count, band_of, sum_of
from services.ledger.snapshot import read_snapshot
from tests.conftest import Database
from tests.integration.ledger_read_company import Company

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
DAY = NOW.date()
MIDNIGHT = datetime(2026, 11, 23, tzinfo=UTC)


@pytest_asyncio.fixture
async def pool(database: Database) -> AsyncIterator[Pool]:
    made = await asyncpg.create_pool(await database("ledger"), min_size=0, max_size=4)
    yield made
    await made.close()


@pytest_asyncio.fixture
async def company(pool: Pool) -> AsyncIterator[Company]:
    async with pool.acquire() as connection:
        yield Company(connection)  # type: ignore[arg-type]


async def team(company: Company, name: str, people: int, recognised: int = 0, days_ago: float = 3) -> None:
    for number in range(people):
        await company.person(f"{name}-{number:02}", team=name)
        if number < recognised:
            await company.thanks(f"{name}-{number:02}", "giver", NOW - timedelta(days=days_ago))


async def figure(
    pool: Pool, day: date, metric: str, unit: str
) -> tuple[float | None, float | None, int | None]:
    row = await pool.fetchrow(
        "SELECT low, high, people FROM gap_figure WHERE day = $1 AND metric = $2 AND unit = $3",
        day,
        metric,
        unit,
    )
    assert row is not None
    return row["low"], row["high"], row["people"]


async def test_live_counts_agree_with_the_formulas_counted_person_by_person(
    company: Company, pool: Pool
) -> None:
    chance = random.Random(7)
    received: dict[str, list[float]] = {}
    for number in range(120):
        start = DAY - timedelta(days=chance.choice([5, 29, 45, 89, 90, 400]))
        status = chance.choice(["active", "active", "active", "on-leave", "left"])
        changes = [] if status == "active" else [(DAY - timedelta(days=45), status)]
        former = [f"old-{number}"] if number % 10 == 0 else []
        unit = f"team-{number % 4}"
        await company.person(f"e-{number}", team=unit, start=start, status=changes, formerly=former)
        days = chance.choice([None, 0.5, 6.9, 7.1, 29.9, 30.1, 100])
        if days is not None:
            await company.thanks(former[0] if former else f"e-{number}", "giver", NOW - timedelta(days=days))
        await company.entry(
            "recognition", f"e-{number}", NOW - timedelta(days=1), "award", by="rule", basis="effort"
        )
        if start <= DAY - timedelta(days=gaps.LONG_WINDOW_DAYS) and status == "active":
            received.setdefault(unit, []).append(float("inf") if days is None else days)
    await company.fold()
    await daily.publish_day(pool, DAY)
    taken = await read_snapshot(pool, NOW)
    assert taken.eligible == sum(len(days) for days in received.values())
    metrics: tuple[tuple[gaps.MetricName, int], ...] = (("coverage_7d", 7), ("coverage_30d", 30))
    for metric, within in metrics:
        bands = [band_of(Count(sum(d < within for d in days), len(days))) for days in received.values()]
        total = sum_of(bands)
        assert total is not None
        assert taken.shares[metric] == total.ratio_middle
    assert sum(people for _, people in taken.days_since) == taken.eligible


async def test_awards_by_rule_are_not_received(company: Company, pool: Pool) -> None:
    await team(company, "firmware", 20)
    for number in range(20):
        await company.entry("recognition", f"firmware-{number:02}", NOW, "award", by="rule", basis="effort")
    await company.fold()
    await daily.publish_day(pool, DAY)
    taken = await read_snapshot(pool, NOW)
    assert taken.shares["coverage_7d"] < 0.1
    assert taken.shares["never_recognised"] > 0.8


async def test_an_empty_company_has_no_figures_and_is_not_published(pool: Pool) -> None:
    taken = await read_snapshot(pool, NOW)
    assert (taken.eligible, list(taken.days_since), dict(taken.shares), list(taken.cells), taken.day) == (
        None,
        [],
        {},
        [],
        None,
    )
    assert not await daily.publish_day(pool, DAY)
    assert await pool.fetchval("SELECT count(*) FROM gap_day") == 0


async def test_four_people_have_no_live_figures(company: Company, pool: Pool) -> None:
    await team(company, "firmware", 4, recognised=4)
    await company.fold()
    await daily.publish_day(pool, DAY)
    taken = await read_snapshot(pool, NOW)
    assert (taken.eligible, list(taken.days_since), dict(taken.shares)) == (None, [], {})


async def test_a_day_is_published_once_and_never_changed(company: Company, pool: Pool) -> None:
    await team(company, "firmware", 20, recognised=3)
    await team(company, "sales", 20, recognised=17)
    await company.fold()
    assert await daily.publish_day(pool, DAY)
    before = await pool.fetch("SELECT * FROM gap_figure ORDER BY metric, unit")
    for number in range(20):
        await company.thanks(f"firmware-{number:02}", "giver", NOW - timedelta(days=2))
    await company.fold()
    assert not await daily.publish_day(pool, DAY)
    assert await pool.fetch("SELECT * FROM gap_figure ORDER BY metric, unit") == before
    low, high, people = await figure(pool, DAY, "coverage_7d", "firmware")
    assert people == 20
    assert low is not None
    assert high is not None
    assert low <= 3 / 20 <= high < 17 / 20


async def test_two_processes_publish_a_day_between_them_once(company: Company, pool: Pool) -> None:
    await team(company, "firmware", 8, recognised=3)
    await company.fold()
    assert sorted(await asyncio.gather(*(daily.publish_day(pool, DAY) for _ in range(2)))) == [False, True]


async def test_windows_end_at_midnight_whatever_came_since(company: Company, pool: Pool) -> None:
    await team(company, "firmware", 20)
    await team(company, "sales", 20)
    for number in range(20):
        await company.thanks(f"firmware-{number:02}", "giver", MIDNIGHT)
        await company.thanks(f"sales-{number:02}", "giver", MIDNIGHT - timedelta(milliseconds=1))
    await company.fold()
    await daily.publish_day(pool, DAY)
    assert (await figure(pool, DAY, "coverage_7d", "firmware"))[0] == 0.0
    assert (await figure(pool, DAY, "coverage_7d", "sales"))[1] == 1.0


async def test_a_unit_keeps_its_old_roster_until_a_quarter_has_changed_and_then_is_silent(
    company: Company, pool: Pool
) -> None:
    await team(company, "firmware", 12)
    await team(company, "sales", 12)
    await company.fold()
    await daily.publish_day(pool, DAY)
    for number in range(4):
        await company.person(f"new-{number}", team="firmware")
    await daily.publish_day(pool, DAY + timedelta(days=1))
    assert (await figure(pool, DAY + timedelta(days=1), "coverage_7d", "firmware"))[2] == 12
    await company.person("new-4", team="firmware")
    for later, people in ((2, None), (8, None), (9, 17)):
        await daily.publish_day(pool, DAY + timedelta(days=later))
        assert (await figure(pool, DAY + timedelta(days=later), "coverage_7d", "firmware"))[2] == people
        assert (await figure(pool, DAY + timedelta(days=later), "coverage_30d", "firmware"))[2] is None
        assert (await figure(pool, DAY + timedelta(days=later), "coverage_7d", "sales"))[2] == 12


async def test_people_who_came_after_the_window_s_start_are_not_in_it(company: Company, pool: Pool) -> None:
    await team(company, "firmware", 8)
    for number in range(9):
        await company.person(f"new-{number}", team="firmware", start=DAY - timedelta(days=29))
        await company.person(
            f"away-{number}", team="firmware", status=[(DAY - timedelta(days=40), "on-leave")]
        )
    await company.fold()
    await daily.publish_day(pool, DAY)
    assert (await figure(pool, DAY, "coverage_7d", "firmware"))[2] == 8


async def test_deeds_count_as_noticed_when_answered_within_seven_days(company: Company, pool: Pool) -> None:
    for name, days in (("prompt", 3.0), ("late", 9.0)):
        await team(company, name, 8)
        for number in range(24):
            employee, cause = f"{name}-{number % 8:02}", (name, str(number))
            done = MIDNIGHT - timedelta(days=20)
            await company.entry("deed", employee, done, title="x", cause=cause, visibility="team")
            await company.thanks(employee, "giver", done + timedelta(days=days), answers=cause)
    await company.fold()
    await daily.publish_day(pool, DAY)
    assert await figure(pool, DAY, "notice_ratio", "prompt") == (0.8, 1.0, None)
    assert await figure(pool, DAY, "notice_ratio", "late") == (0.0, 0.2, None)


async def test_only_the_fifty_largest_units_are_labelled(company: Company, pool: Pool) -> None:
    for number in range(52):
        await team(company, f"team-{number:02}", 5 if number < 2 else 6)
    await company.fold()
    await daily.publish_day(pool, DAY)
    units = {cell.unit for cell in (await read_snapshot(pool, NOW)).cells if cell.unit}
    assert units == {f"team-{number:02}" for number in range(2, 52)}


async def test_the_database_itself_refuses_a_cell_of_fewer_than_five(pool: Pool) -> None:
    await pool.execute("INSERT INTO gap_day (day) VALUES ($1)", DAY)
    insert = "INSERT INTO gap_figure (day, metric, unit, low, high, people) VALUES ($1, 'coverage_7d', 'x', $2, $3, $4)"
    for low, high, people in ((0.0, 0.5, UNIT_PEOPLE_MIN - 1), (0.5, 0.5, 20), (0.5, 1.1, 20)):
        with pytest.raises(asyncpg.CheckViolationError):
            await pool.execute(insert, DAY, low, high, people)


async def test_two_companies_that_differ_in_one_person_of_a_small_team_publish_the_same_units(
    database: Database,
) -> None:
    seen = []
    for recognised in (False, True):
        pool = await asyncpg.create_pool(await database("ledger"), min_size=0, max_size=2)
        async with pool.acquire() as connection:
            company = Company(connection)  # type: ignore[arg-type]
            await team(company, "firmware", 20, recognised=9)
            await team(company, "sales", 20, recognised=8)
            await team(company, "board", 3, recognised=1)
            if recognised:
                await company.thanks("board-02", "giver", NOW - timedelta(days=3))
            await company.fold()
        await daily.publish_day(pool, DAY)
        rows = await pool.fetch(
            "SELECT metric, unit, low, high, people, reason FROM gap_figure ORDER BY 1, 2"
        )
        seen.append([tuple(row) for row in rows if row["unit"]])
        await pool.close()
    assert seen[0] == seen[1]
    assert astuple(Cell("coverage_7d", "board", None, None, None, "too_few_people"))[1:] in [
        (row[1], *row[2:]) for row in seen[0]
    ]


async def test_figures_wait_until_everything_was_stored_for_a_while(
    company: Company, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await team(company, "firmware", 8, recognised=3)
    await company.fold()
    monkeypatch.setattr(daily, "CHECK_SECONDS", 0.01)
    answers = [True, False, True, True, True]
    days_seen: list[date | None] = []

    async def caught_up() -> bool:
        days_seen.append(await pool.fetchval("SELECT max(day) FROM gap_day"))
        return answers.pop(0)

    running = asyncio.create_task(daily.run(pool, caught_up, 0.03, lambda: NOW))
    while await pool.fetchval("SELECT max(day) FROM gap_day") is None:
        await asyncio.sleep(0.01)
    running.cancel()
    assert days_seen == [None] * 5
    assert answers == []
