"""What is published about groups: bands, rosters, silence, sums. (What follows from all of it: test_ledger_attack.)"""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.ledger.publication import (
    FORM_CHANGED_SHARE_MIN,
    ORGANISATION_PEOPLE_MIN,
    OUTER_COUNTS_MIN,
    STEPS,
    UNIT_BANDS_MAX,
    UNIT_PEOPLE_MIN,
    Band,
    Count,
    Form,
    band_of,
    bands,
    has_changed,
    is_silent,
    merge_buckets,
    next_everybody,
    next_forms,
    publish_counts,
    publish_index,
    publish_share,
    share_of_events,
    wilson,
    withheld,
)

INFINITE = float("inf")
DAY = date(2026, 11, 23)


@st.composite
def companies(draw: st.DrawFn) -> dict[str, Count]:
    sizes = draw(st.lists(st.integers(0, 60), min_size=1, max_size=30))
    return {f"team-{number:02}": Count(draw(st.integers(0, size)), size) for number, size in enumerate(sizes)}


@given(st.integers(1, 500))
def test_bands_split_all_counts_and_the_outermost_hold_three(of: int) -> None:
    found = bands(of)
    assert [count for band in found for count in range(band.low, band.high + 1)] == list(range(of + 1))
    assert len(found) <= UNIT_BANDS_MAX
    if len(found) > 1:
        for outermost in (found[0], found[-1]):
            assert outermost.high - outermost.low + 1 >= OUTER_COUNTS_MIN
    assert all(band.high > band.low for band in found)


@given(companies())
def test_each_unit_has_a_band_that_holds_its_count_or_a_reason(counts: dict[str, Count]) -> None:
    published = publish_counts(counts)
    assert published.units.keys() | published.withheld.keys() == counts.keys()
    assert not published.units.keys() & published.withheld.keys()
    for unit, band in published.units.items():
        assert counts[unit].of == band.of >= UNIT_PEOPLE_MIN
        assert band.low <= counts[unit].count <= band.high


@given(companies())
def test_the_total_is_the_sum_of_the_bands_and_says_nothing_more(counts: dict[str, Count]) -> None:
    published = publish_counts(counts)
    if not published.units:
        assert published.total is None
        return
    shown = published.units.values()
    assert published.total == Band(
        sum(b.low for b in shown), sum(b.high for b in shown), sum(b.of for b in shown)
    )


def test_a_unit_whose_form_is_too_young_is_silent_with_a_reason() -> None:
    counts = {"a": Count(3, 9), "b": Count(4, 9)}
    published = publish_counts(counts, silent={"a": "roster_changed"})
    assert published.withheld == {"a": "roster_changed"}
    assert published.total == published.units["b"]


@given(st.dictionaries(st.text("abc", min_size=1, max_size=4), st.integers(0, 30), max_size=12))
def test_units_left_out_are_none_or_five_people_together(sizes: dict[str, int]) -> None:
    out = withheld(sizes)
    hidden = sum(sizes[unit] for unit in out)
    assert hidden == 0 or hidden >= UNIT_PEOPLE_MIN or len(out) == len(sizes)
    assert all(unit in out for unit, people in sizes.items() if people < UNIT_PEOPLE_MIN)


def test_a_single_small_team_takes_the_smallest_other_with_it() -> None:
    assert withheld({"a": 30, "b": 4, "c": 6}) == {"b": "too_few_people", "c": "complement"}
    assert withheld({"a": 30, "b": 4, "c": 3, "d": 6}) == {"b": "too_few_people", "c": "too_few_people"}


def people(unit: str, first: int, after: int) -> frozenset[str]:
    return frozenset(f"{unit}-{n}" for n in range(first, after))


@given(st.integers(0, 40), st.integers(0, 12), st.integers(0, 12))
def test_a_roster_keeps_its_form_until_five_people_and_a_quarter_have_changed(
    stay: int, leave: int, join: int
) -> None:
    old = Form(people("a", 0, stay + leave), None)
    current = people("a", leave, stay + leave + join)
    found = next_forms({"a": old}, {"a": current}, DAY).get("a")
    size, changed = stay + leave, leave + join
    if changed and (size < UNIT_PEOPLE_MIN or changed >= max(UNIT_PEOPLE_MIN, FORM_CHANGED_SHARE_MIN * size)):
        assert found == (Form(current, DAY) if current else None)
    else:
        assert found == (old if old.members or not current else Form(current, DAY))


def test_the_first_forms_are_the_rosters_and_nothing_came_before_them() -> None:
    assert next_forms({}, {"a": people("a", 0, 3)}, DAY) == {"a": Form(people("a", 0, 3), None)}
    assert next_everybody(None, people("a", 0, 3), DAY) == Form(people("a", 0, 3), None)


def test_somebody_who_moves_is_counted_in_their_old_unit_until_that_is_renewed() -> None:
    forms = next_forms({}, {"a": people("a", 0, 8), "b": people("b", 0, 8)}, DAY)
    moved = people("a", 0, 2)
    rosters = {"a": people("a", 2, 8), "b": people("b", 0, 8) | moved | people("new", 0, 5)}
    forms = next_forms(forms, rosters, DAY)
    assert forms["a"].members == people("a", 0, 8)
    assert forms["b"].members == people("b", 0, 8) | people("new", 0, 5)
    forms = next_forms(forms, {**rosters, "a": people("a", 6, 8)}, DAY)
    assert not forms["a"].members & moved
    assert not forms["b"].members & moved  # b itself has not changed enough yet


@given(st.lists(st.dictionaries(st.sampled_from("abcdefghijklmnopqrst"), st.sampled_from("xyz")), max_size=6))
def test_nobody_is_in_two_forms(days: list[dict[str, str]]) -> None:
    forms: dict[str, Form] = {}
    for number, where in enumerate(days):
        rosters = {unit: frozenset(p for p, u in where.items() if u == unit) for unit in where.values()}
        forms = next_forms(forms, rosters, DAY + timedelta(days=number))
        everybody = [person for form in forms.values() for person in form.members]
        assert len(everybody) == len(set(everybody))


def test_a_new_form_is_silent_until_its_window_begins_after_the_old_one() -> None:
    form = Form(people("a", 0, 9), DAY)
    assert is_silent(form, DAY, 7)
    assert is_silent(form, DAY + timedelta(days=6), 7)
    assert not is_silent(form, DAY + timedelta(days=7), 7)
    assert is_silent(form, DAY + timedelta(days=7), 30)
    assert not is_silent(Form(people("a", 0, 9), None), DAY, 180)


def test_a_unit_too_small_to_be_published_is_renewed_at_any_change() -> None:
    small = Form(people("a", 0, 4), None)
    assert has_changed(small, people("a", 0, 5))
    assert not has_changed(Form(people("a", 0, 5), None), people("a", 0, 6))


@given(st.integers(ORGANISATION_PEOPLE_MIN, 400), st.data())
def test_a_figure_of_everybody_is_a_step_that_two_counts_give_the_outermost_three(
    of: int, data: st.DataObject
) -> None:
    count = data.draw(st.integers(0, of))
    step = publish_share(count, of, of)
    assert step is not None
    assert step[0] - 1e-9 <= count / of <= step[1] + 1e-9
    alike = [n for n in range(of + 1) if publish_share(n, of, of) == step]
    assert len(alike) >= (OUTER_COUNTS_MIN if step[0] in (0, 1 - 1 / STEPS) else 2)


def test_nothing_of_everybody_is_said_of_a_company_below_fifty() -> None:
    assert publish_index(0.5, 49) is None
    assert publish_share(20, 49, 60) is None
    assert publish_index(None, 60) is None
    assert publish_index(-0.3, 60, least=-1.0) == (-0.3, -0.25)
    assert publish_index(7.0, 60, most=2.0) == (1.95, 2.0)


@given(st.lists(st.integers(0, 12), min_size=1, max_size=15))
def test_merged_buckets_hold_five_or_none_and_lose_nobody(counts: list[int]) -> None:
    bounds = [float(n) for n in range(1, len(counts))] + [INFINITE]
    merged = merge_buckets(bounds, counts)
    if 0 < sum(counts) < UNIT_PEOPLE_MIN:
        assert merged == []
        return
    assert sum(people for _, people in merged) == sum(counts)
    assert all(people == 0 or people >= UNIT_PEOPLE_MIN for _, people in merged)
    assert merged[-1][0] == INFINITE
    below = 0
    for bound, people in merged:
        below += people
        assert below == sum(counts[: bounds.index(bound) + 1])


@given(st.integers(1, 200), st.data())
def test_the_wilson_interval_of_a_band_contains_it(of: int, data: st.DataObject) -> None:
    band = band_of(Count(data.draw(st.integers(0, of)), of))
    low, high = wilson(band)
    assert 0 <= low <= band.ratio_low + 1e-9
    assert band.ratio_high - 1e-9 <= high <= 1


def test_the_wilson_interval_agrees_with_the_published_example() -> None:
    low, high = wilson(Band(81, 81, 263))
    assert round(low, 4) == 0.2553
    assert round(high, 4) == 0.3662


@given(st.integers(10, 400), st.data())
def test_a_share_of_events_is_a_fifth_that_two_counts_give(whole: int, data: st.DataObject) -> None:
    part = data.draw(st.integers(0, whole))
    found = share_of_events(part, whole, contributors=6, people=8)
    assert found is not None
    low, high = found
    assert low - 1e-9 <= part / whole <= high + 1e-9
    alike = [c for c in range(whole + 1) if share_of_events(c, whole, contributors=6, people=8) == found]
    assert len(alike) >= 2


def test_a_share_of_events_of_few_people_or_of_all_others_is_not_said() -> None:
    assert share_of_events(3, 40, contributors=4, people=9) is None
    assert share_of_events(3, 40, contributors=5, people=5) is None
    assert share_of_events(3, 40, contributors=5, people=6) is None
    assert share_of_events(3, 9, contributors=5, people=9) is None
    assert share_of_events(3, 40, contributors=5, people=7) == (0.0, 0.2)
