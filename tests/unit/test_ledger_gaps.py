"""Gap formulas, what a lead is told, and the cells of a day."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from services.ledger import gap_metrics, gaps
from services.ledger.compose import gaps_answer
from services.ledger.gap_cells import ORGANISATION, Cell, UnitCounts, cells
from services.ledger.gaps import METRICS, Member, WaitingDeed, named_gaps
from services.ledger.live import LiveUnit, live_figures
from services.ledger.publication import UNIT_PEOPLE_MIN
from services.ledger.snapshot import Snapshot

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def member(employee: str, *, received_days_ago: float | None, tenure_days: int = 400) -> Member:
    received = None if received_days_ago is None else ago(received_days_ago)
    return Member(employee, employee.title(), NOW.date() - timedelta(days=tenure_days), received)


def deed(number: int, days_ago: float) -> WaitingDeed:
    return WaitingDeed(UUID(int=number), "ann", "Ann", "Swept the floor", "small", ago(days_ago))


def test_days_since_counts_from_the_last_recognition_or_else_from_the_start() -> None:
    assert gaps.days_since(ago(12.5), date(2020, 1, 1), NOW) == 12.5
    assert gaps.days_since(None, date(2026, 11, 1), NOW) == 22
    assert gaps.days_since(NOW + timedelta(minutes=3), date(2020, 1, 1), NOW) == 0
    assert gaps.days_since(None, date(2026, 12, 1), NOW) == 0


def test_effort_and_result_together_count_half_on_each_side() -> None:
    effort, whole = gaps.effort_halves(effort=3, result=4, both=2)
    assert effort / whole == pytest.approx((3 + 0.5 * 2) / 9)


@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))
def test_the_effort_mix_mirrors_the_mix_of_results(effort: int, result: int, both: int) -> None:
    one, whole = gaps.effort_halves(effort, result, both)
    other, same = gaps.effort_halves(result, effort, both)
    assert one + other == whole == same


@pytest.mark.parametrize(
    ("metric", "low", "high", "verdict"),
    [
        ("coverage_7d", 0.0, 0.2, "gap"),
        ("coverage_7d", 0.2, 0.4, "unclear"),
        ("coverage_7d", 0.4, 0.6, "fine"),
        ("coverage_30d", 0.6, 0.79, "gap"),
        ("never_recognised", 0.0, 0.1, "unclear"),
        ("never_recognised", 0.1, 0.2, "gap"),
        ("effort_mix", 0.0, 0.2, "gap"),
        ("effort_mix", 0.4, 0.6, "fine"),
        ("effort_mix", 0.8, 1.0, "gap"),
        ("notice_ratio", 0.2, 0.4, "gap"),
    ],
)
def test_a_band_is_a_gap_or_fine_only_if_all_of_it_is(
    metric: gaps.MetricName, low: float, high: float, verdict: str
) -> None:
    assert gaps.verdict(METRICS[metric], low, high) == verdict


def test_a_unit_stands_out_when_its_whole_band_is_two_deviations_off() -> None:
    assert gaps.stands_out(0.0, 0.19, people=20, overall=0.6) == "below"
    assert gaps.stands_out(0.4, 0.59, people=20, overall=0.6) is None
    assert gaps.stands_out(0.9, 1.0, people=20, overall=0.6) == "above"


@given(st.lists(st.integers(0, 20), min_size=1, max_size=11), st.floats(0.01, 1.0))
def test_a_quantile_s_bucket_has_enough_people_up_to_it_and_too_few_before(
    counts: list[int], quantile: float
) -> None:
    buckets = [(float(number), people) for number, people in enumerate(counts)]
    bound = gaps.quantile_bound(buckets, quantile)
    if bound is None:
        assert sum(counts) == 0
        return
    place = int(bound)
    assert (
        sum(counts[: place + 1]) >= quantile * sum(counts) > sum(counts[:place]) or sum(counts[:place]) == 0
    )


def test_a_lead_is_told_who_has_gone_quiet_and_who_was_never_recognised() -> None:
    people = [
        member("ann", received_days_ago=29),
        member("bob", received_days_ago=30),
        member("cai", received_days_ago=90),
        member("dee", received_days_ago=None, tenure_days=20),
        member("eve", received_days_ago=None, tenure_days=21),
    ]
    found = named_gaps(people, [], NOW)
    assert [m.employee for m in found.quiet] == ["cai", "bob"]
    assert [m.employee for m in found.never] == ["eve"]


def test_a_deed_is_unanswered_after_seven_days_the_oldest_first() -> None:
    found = named_gaps([], [deed(1, 6.9), deed(2, 7), deed(3, 40)], NOW)
    assert [d.id.int for d in found.unanswered] == [3, 2]


def unit(people: int, *, short: int = 0, long: int = 0, **more: int) -> UnitCounts:
    """Counts of a unit whose people all have a manager; what is not said is 0."""
    counts = dict.fromkeys(UnitCounts.__dataclass_fields__, 0)
    return UnitCounts(
        **counts
        | {"people": people, "managed": people, "received_short": short, "received_long": long}
        | more
    )


def cell(found: list[Cell], metric: str, name: str) -> Cell:
    return next(c for c in found if c.metric == metric and c.unit == name)


def test_a_night_shift_nobody_thanks_shows_as_a_gap_and_stands_out() -> None:
    day = {f"team-{n}": unit(20, short=12, long=18) for n in range(8)} | {"night-shift": unit(20)}
    found = cells(day, {})
    answer = gaps_answer(None, NOW.date(), sorted(found, key=lambda c: (c.unit, c.metric)), None)
    night = next(u for u in answer.units if u.unit == "night-shift")
    covered = next(f for f in night.figures if f.metric == "coverage_30d")
    assert (covered.verdict, covered.stands_out) == ("gap", "below")
    assert covered.low == 0.0
    assert covered.high is not None
    assert covered.high > 0.0


def test_a_lead_who_recognises_results_only_shows_in_the_effort_mix() -> None:
    day = {f"team-{n}": unit(12, long=8, effort=20, result=20) for n in range(6)}
    day |= {"sales": unit(12, long=11, result=40), "care": unit(12, long=11, effort=20, result=20)}
    found = cells(day, {})
    assert (cell(found, "effort_mix", "sales").low, cell(found, "effort_mix", "sales").high) == (0.0, 0.2)
    assert (cell(found, "effort_mix", "care").low, cell(found, "effort_mix", "care").high) == (0.4, 0.6)


def test_what_few_received_or_did_is_not_told_by_unit() -> None:
    day = {
        "quiet": unit(12, long=4, result=40, deeds=30, answered=30, doers=4),
        "lively": unit(12, long=9, result=40, deeds=30, answered=30, doers=9),
    }
    found = cells(day, {})
    for metric in ("effort_mix", "notice_ratio"):
        assert cell(found, metric, "quiet").reason == "too_few_contributors"
        assert cell(found, metric, "lively").low is not None


def test_a_company_without_people_has_no_cell() -> None:
    assert [c for c in cells({"a": unit(2)}, {}) if c.low is not None] == []


@given(
    st.dictionaries(
        st.sampled_from("abcdefgh"),
        st.integers(1, 40).flatmap(
            lambda n: st.builds(
                unit, st.just(n), short=st.integers(0, n), long=st.integers(0, n), gave=st.integers(0, n)
            )
        ),
        min_size=1,
    )
)
def test_a_day_s_cells_say_nothing_of_units_below_five_and_name_no_extreme(
    units: dict[str, UnitCounts],
) -> None:
    for found in cells(units, {}):
        if found.low is None:
            assert found.reason is not None
            continue
        assert found.high is not None
        assert found.low < found.high
        if found.unit != ORGANISATION:
            assert units[found.unit].people >= UNIT_PEOPLE_MIN


def test_a_unit_with_somebody_without_a_manager_has_no_manager_coverage() -> None:
    found = cells({"a": unit(9, by_manager=5), "b": unit(9, by_manager=5, managed=8), "c": unit(9)}, {})
    assert cell(found, "manager_coverage", "a").low is not None
    assert cell(found, "manager_coverage", "b").reason == "no_manager"


def test_a_unit_is_silent_in_the_figures_its_roster_is_too_young_for() -> None:
    day = {"a": unit(12, short=6, long=9, effort=30), "b": unit(12, short=6, long=9, effort=30)}
    found = cells(day, {"coverage_30d": {"a"}, "effort_mix": {"a"}})
    assert cell(found, "coverage_7d", "a").low is not None
    assert cell(found, "coverage_30d", "a").reason == "roster_changed"
    assert cell(found, "effort_mix", "a").reason == "roster_changed"
    assert cell(found, "coverage_30d", ORGANISATION).people == 12


def test_the_gini_is_judged_by_what_chance_gives() -> None:
    def answer(gini: float) -> str | None:
        found = [
            Cell("gini", ORGANISATION, gini, gini + 0.05, None, None),
            Cell("gini_by_chance", ORGANISATION, 0.4, 0.45, None, None),
            Cell("ownership_gap", ORGANISATION, 0.9, 1.0, 60, None),
        ]
        figures = {f.metric: f.verdict for f in gaps_answer(None, NOW.date(), found, None).organisation}
        assert figures["ownership_gap"] is None
        return figures["gini"]

    assert [answer(gini) for gini in (0.3, 0.4, 0.45, 0.6)] == ["fine", "unclear", "gap", "gap"]


def live(name: str, within_7: int, within_30: int, *, since: date | None = None, never: int = 0) -> LiveUnit:
    """A unit of twenty people, all here for long."""
    within = [0, 0, within_7, within_7, within_7, within_30, within_30, within_30, within_30, within_30]
    return LiveUnit(name, since, 20, within, never, tenured=True)


def test_live_figures_are_sums_of_the_units_bands() -> None:
    figures = live_figures([live("a", 6, 11, never=1), live("b", 2, 19, never=9)], NOW.date())
    assert figures.eligible == 40
    # Of twenty: 4–7 and 0–3 within seven days, 8–12 and 17–20 within thirty; 0–3 and 8–12 never.
    assert figures.shares == {"coverage_7d": 14 / 80, "coverage_30d": 57 / 80, "never_recognised": 8 / 40}
    assert sum(people for _, people in figures.days_since) == 40
    assert all(people == 0 or people >= UNIT_PEOPLE_MIN for _, people in figures.days_since)


def test_a_unit_with_a_new_roster_is_live_only_as_far_back_as_that_reaches() -> None:
    old, new = live("a", 6, 11), live("b", 18, 18, since=NOW.date() - timedelta(days=10))
    figures = live_figures([old, new], NOW.date())
    assert figures.shares["coverage_30d"] == 10 / 20
    assert figures.shares["coverage_7d"] == (5.5 + 18.5) / 40
    assert "never_recognised" in figures.shares
    later = live_figures([new], NOW.date())
    assert later.shares.keys() == {"coverage_7d"}


def test_a_company_whose_units_are_all_small_has_no_live_figures() -> None:
    small = LiveUnit("a", None, 4, [4] * 10, 0, tenured=True)
    assert live_figures([small], NOW.date()).eligible is None


def test_metrics_carry_units_only_as_bands_and_never_a_sum_of_days() -> None:
    class Taken:
        def latest(self) -> tuple[Snapshot, float]:
            published = [
                Cell("coverage_7d", "firmware", 0.2, 0.4, 20, None),
                Cell("gini", ORGANISATION, 0.35, 0.4, None, None),
            ]
            buckets = [(7.0, 30), (30.0, 12), (float("inf"), 6)]
            return Snapshot(
                NOW, 48, buckets, {"coverage_7d": 0.62, "never_recognised": 0.03}, published, NOW.date()
            ), 3.0

    registry = CollectorRegistry()
    gap_metrics.register(Taken(), registry)  # type: ignore[arg-type]
    lines = generate_latest(registry).decode().splitlines()
    values = {line.rsplit(" ", 1)[0]: line.rsplit(" ", 1)[1] for line in lines if not line.startswith("#")}
    assert values == {
        "ledger_gap_snapshot_age_seconds": "3.0",
        "ledger_gap_day_age_seconds": str(9.5 * 3600 + 3),
        "ledger_eligible_people": "48.0",
        'ledger_days_since_last_received_bucket{le="7.0"}': "30.0",
        'ledger_days_since_last_received_bucket{le="30.0"}': "42.0",
        'ledger_days_since_last_received_bucket{le="+Inf"}': "48.0",
        "ledger_days_since_last_received_gcount": "48.0",
        'ledger_coverage_ratio{window="7d"}': "0.62",
        "ledger_never_recognised_ratio": "0.03",
        "ledger_day_gini_low": "0.35",
        "ledger_day_gini_high": "0.4",
        'ledger_unit_coverage_ratio_low{unit="firmware",window="7d"}': "0.2",
        'ledger_unit_coverage_ratio_high{unit="firmware",window="7d"}': "0.4",
    }


def test_a_scrape_is_small_however_large_the_company() -> None:
    """Fifty units with the longest names there are, every figure of each, and all of everybody's."""
    units = [f"{number:02}-{'u' * 61}" for number in range(50)]
    by_unit = [m.name for m in METRICS.values() if m.scope == "units"]
    published = [Cell(metric, unit, 0.2, 0.4, 20, None) for metric in by_unit for unit in units]
    published += [Cell(metric, ORGANISATION, 0.2, 0.4, 99, None) for metric in METRICS]
    buckets = [(bound, 10_000) for bound in gaps.DAYS_BOUNDS]
    shares = dict.fromkeys(METRICS, 0.123456789)

    class Taken:
        def latest(self) -> tuple[Snapshot, float]:
            return Snapshot(NOW, 110_000, buckets, shares, published, NOW.date()), 3.0

    registry = CollectorRegistry()
    gap_metrics.register(Taken(), registry)  # type: ignore[arg-type]
    body = generate_latest(registry)
    assert len(body) <= 200 * 1024
    assert body.count(b'unit="') == 2 * len(by_unit) * len(units)
