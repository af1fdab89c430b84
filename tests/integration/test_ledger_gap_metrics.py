"""Each figure of a day is what its formula says, read from the projections."""

from datetime import date, timedelta

from prometheus_client import CollectorRegistry, generate_latest

from services.kit.sql import Pool
from services.ledger import daily, gap_metrics
from services.ledger.gap_catalogue import METRICS
from services.ledger.publication import Count, band_of
from services.ledger.snapshot import Snapshots
from tests.integration.ledger_gap_rig import DAY, NOW, ago, cells_of, company, pool, team
from tests.integration.ledger_read_company import Company

__all__ = ["company", "pool"]
PEOPLE = 12


async def expect(pool: Pool, metric: str, counts: dict[str, int], of: int = PEOPLE) -> None:
    """Each unit's band is that of its count."""
    found = await cells_of(pool, DAY, metric)
    bands = {unit: band_of(Count(count, of)) for unit, count in counts.items()}
    assert {unit: found[unit] for unit in counts} == {
        unit: (band.ratio_low, band.ratio_high) for unit, band in bands.items()
    }


async def test_manager_coverage_counts_those_their_own_manager_recognised_in_30_days(
    company: Company, pool: Pool
) -> None:
    yes, no = await team(company, "yes", PEOPLE), await team(company, "no", PEOPLE)
    for member in yes:
        await company.thanks(member, "boss", ago(29), giver_is_manager=True)
        # A later word, after the windows ended, hides nothing.
        await company.thanks(member, "boss", ago(-0.2), giver_is_manager=True)
    for member in no:
        await company.thanks(member, "peer", ago(3))
        await company.thanks(member, "boss", ago(31), giver_is_manager=True)
        await company.thanks(member, "boss", ago(-0.1), giver_is_manager=True)
    await company.fold()
    await daily.publish_day(pool, DAY)
    await expect(pool, "manager_coverage", {"yes": PEOPLE, "no": 0})


async def test_growth_and_ownership_look_180_days_back_and_not_beyond_midnight(
    company: Company, pool: Pool
) -> None:
    for name, days in (("fresh", (179,)), ("stale", (181, -0.2)), ("both", (100, -0.2))):
        for member in await team(company, name, PEOPLE):
            for number in days:
                await company.entry("growth", member, ago(number), "training", title="Course")
                await company.entry(
                    "assignment-noted", member, ago(number), "assigned", lead=True, title="Lead"
                )
    for member in await team(company, "dropped", PEOPLE):
        await company.entry("growth", member, ago(5), "reflection", title="Thoughts")
        await company.entry("assignment-noted", member, ago(5), "dropped", lead=True, title="Lead")
    await company.fold()
    await daily.publish_day(pool, DAY)
    missing = {"fresh": 0, "both": 0, "stale": PEOPLE, "dropped": PEOPLE}
    await expect(pool, "growth_gap", missing)
    await expect(pool, "ownership_gap", missing)


async def test_purpose_counts_recognitions_with_a_goal_by_whomever(company: Company, pool: Pool) -> None:
    for member in await team(company, "told", PEOPLE):
        await company.entry(
            "recognition", member, ago(60), "award", by="rule", basis="effort", goal="clear-water"
        )
        await company.thanks(member, "peer", ago(3), goal="clear-water")
    for member in await team(company, "untold", PEOPLE):
        await company.thanks(member, "peer", ago(91), goal="clear-water")
        await company.thanks(member, "peer", ago(3))
    await company.fold()
    await daily.publish_day(pool, DAY)
    await expect(pool, "purpose_people", {"told": 0, "untold": PEOPLE})
    found = await cells_of(pool, DAY, "purpose_gap")
    assert (found["told"], found["untold"]) == ((0.0, 0.2), (0.8, 1.0))


async def test_giver_participation_counts_those_who_recognised_somebody(company: Company, pool: Pool) -> None:
    givers, silent = await team(company, "givers", PEOPLE), await team(company, "silent", PEOPLE)
    for giver, member in zip(givers, silent, strict=True):
        await company.thanks(member, giver, ago(3))
    await company.fold()
    await daily.publish_day(pool, DAY)
    await expect(pool, "giver_participation", {"givers": PEOPLE, "silent": 0})
    await expect(pool, "coverage_30d", {"givers": 0, "silent": PEOPLE})


def step(value: float) -> tuple[float, float]:
    low = int(value * 20 + 1e-9) / 20
    return low, low + 1 / 20


async def figures_of_everybody(pool: Pool, day: date = DAY) -> dict[str, tuple[float, float]]:
    """Those that no unit has."""
    rows = await pool.fetch(
        "SELECT metric, low, high FROM gap_figure WHERE unit = '' AND day = $1 AND low IS NOT NULL", day
    )
    return {
        row["metric"]: (row["low"], row["high"])
        for row in rows
        if METRICS[row["metric"]].scope == "organisation"
    }


async def test_who_thanks_whom_is_told_of_everybody_from_fifty_people_on(
    company: Company, pool: Pool
) -> None:
    one = await team(company, "one", 30)
    two = await team(company, "two", 30, start=DAY - timedelta(days=200))
    for number in range(30):
        # Everybody of one thanks a neighbour; twenty are thanked back; ten of two hear from one's people.
        await company.thanks(one[(number + 1) % 30], one[number], ago(50))
        if number < 20:
            await company.thanks(one[number], one[(number + 1) % 30], ago(40))
        if number < 10:
            await company.thanks(two[number], one[number], ago(20))
    await company.fold()
    await daily.publish_day(pool, DAY)
    found = await figures_of_everybody(pool)
    # 60 directed pairs, 40 of them mutual; 20 people of 60 gave or received across the border.
    assert found["reciprocity"] == step(40 / 60)
    assert found["isolation"] == step(40 / 60)
    # Received in 90 days: of one 20 twice and 10 once, of two 10 once and 20 never.
    assert found["top_decile_share"] == step(12 / 60)
    ranked = sorted([2] * 20 + [1] * 20 + [0] * 20)
    gini = sum((2 * i - 61) * x for i, x in enumerate(ranked, 1)) / (60 * 60) * 60 / 59
    assert found["gini"] == step(gini)
    assert "gini_by_chance" in found
    # In 30 days, of the 30 here for less than a year 10 were thanked, of the others none: no ratio.
    assert "equity_tenure_1y" not in found


async def test_of_forty_people_nothing_of_the_kind_is_told(company: Company, pool: Pool) -> None:
    members = await team(company, "one", 40)
    for member in members:
        await company.thanks(member, members[0], ago(5))
    await company.fold()
    await daily.publish_day(pool, DAY)
    assert await figures_of_everybody(pool) == {}


async def test_equity_compares_the_coverage_of_new_and_long_serving_people(
    company: Company, pool: Pool
) -> None:
    new = await team(company, "new", 30, start=DAY - timedelta(days=200))
    old = await team(company, "old", 30, start=date(2020, 3, 1))
    for member in [*new[:12], *old[:24]]:
        await company.thanks(member, "peer", ago(5))
    await company.fold()
    await daily.publish_day(pool, DAY)
    found = await figures_of_everybody(pool)
    assert found["equity_tenure_1y"] == (0.5, 0.55)
    assert found["equity_tenure_3y"] == (2.0, 2.05)


async def test_ripple_compares_recipients_with_others_of_their_team_who_gave_as_little(
    company: Company, pool: Pool
) -> None:
    members = await team(company, "one", 60)
    received, others = members[:30], members[30:]
    for number, member in enumerate(received):
        await company.thanks(member, "giver", ago(25))
        if number < 15:
            await company.thanks("third", member, ago(20))  # half of them thank a third person
        elif number < 25:
            await company.thanks("giver", member, ago(20))  # thanks in return are no ripple
    for member in others[1:7]:
        await company.thanks("somebody", member, ago(20))  # so do six of those who received nothing
    await company.fold()
    await daily.publish_day(pool, DAY)
    found = await figures_of_everybody(pool)
    # Of the thirty others, six thanked somebody: 15/30 − 6/30.
    assert found["ripple"] == (0.3, 0.35)


async def test_figures_of_everybody_are_silent_after_their_roster_changed(
    company: Company, pool: Pool
) -> None:
    members = await team(company, "one", 60)
    for member in members:
        await company.thanks(member, members[0], ago(5))
    await company.fold()
    await daily.publish_day(pool, DAY)
    assert "gini" in await figures_of_everybody(pool)
    await team(company, "acquired", 20)
    await daily.publish_day(pool, DAY + timedelta(days=1))
    assert await figures_of_everybody(pool, DAY + timedelta(days=1)) == {}


async def test_no_person_is_in_any_metric(company: Company, pool: Pool) -> None:
    for name in ("one", "two"):
        for number in range(30):
            await company.person(f"canary-{name}-{number}", "Canary", team=name, manager=f"canary-{name}-0")
            await company.thanks(
                f"canary-{name}-{number}", "canary-giver", ago(3), title="Canary", goal="canary-goal"
            )
    await company.fold()
    await daily.publish_day(pool, DAY)
    snapshots = Snapshots(pool, lambda: NOW)
    await snapshots.refresh()
    registry = CollectorRegistry()
    gap_metrics.register(snapshots, registry)
    body = generate_latest(registry).decode()
    assert 'ledger_unit_coverage_ratio_low{unit="one",window="7d"}' in body
    assert "ledger_day_gini_low" in body
    assert "canary" not in body.lower()
