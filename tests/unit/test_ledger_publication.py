"""What is published about groups tells nothing certain about one person."""

from collections import defaultdict
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from services.ledger.publication import (
    UNIT_BANDS_MAX,
    UNIT_PEOPLE_MIN,
    Band,
    Count,
    Published,
    band_of,
    bands,
    merge_buckets,
    next_form,
    publish_counts,
    share_of_events,
    wilson,
    withheld,
)

INFINITE = float("inf")


@st.composite
def companies(draw: st.DrawFn) -> dict[str, Count]:
    sizes = draw(st.lists(st.integers(0, 60), min_size=1, max_size=30))
    return {f"team-{number:02}": Count(draw(st.integers(0, size)), size) for number, size in enumerate(sizes)}


def known_range(published: Published, counts: dict[str, Count], unit: str) -> range:
    """What a reader can work out about one unit from the total's band and all the units' bands."""
    assert published.total is not None
    low = {name: published.units[name].low if name in published.units else 0 for name in counts}
    high = {
        name: published.units[name].high if name in published.units else counts[name].of for name in counts
    }
    others_low, others_high = sum(low.values()) - low[unit], sum(high.values()) - high[unit]
    least = max(low[unit], published.total.low - others_high)
    return range(least, min(high[unit], published.total.high - others_low) + 1)


@given(st.integers(1, 500), st.integers(1, 60))
def test_every_band_could_come_from_at_least_two_counts(of: int, bands_max: int) -> None:
    found = bands(of, bands_max)
    assert len(found) <= bands_max
    assert [c for band in found for c in range(band.low, band.high + 1)] == list(range(of + 1))
    assert all(band.high > band.low for band in found)


@given(companies())
def test_a_published_band_holds_the_true_count_and_no_small_unit_is_shown(counts: dict[str, Count]) -> None:
    published = publish_counts(counts)
    assert published.units.keys() | published.withheld.keys() == counts.keys()
    assert not published.units.keys() & published.withheld.keys()
    for unit, band in published.units.items():
        assert counts[unit].of == band.of >= UNIT_PEOPLE_MIN
        assert band.low <= counts[unit].count <= band.high


@given(companies())
def test_from_all_bands_together_no_unit_follows_to_be_all_or_nobody(counts: dict[str, Count]) -> None:
    published = publish_counts(counts)
    if published.total is None:
        return
    for unit, value in counts.items():
        if value.of:
            assert list(known_range(published, counts, unit)) not in ([0], [value.of], [])


@given(companies(), st.data())
def test_one_person_of_a_small_team_changes_no_unit_s_cell(
    counts: dict[str, Count], data: st.DataObject
) -> None:
    small = sorted(unit for unit, value in counts.items() if 0 < value.of < UNIT_PEOPLE_MIN)
    if not small:
        return
    unit = data.draw(st.sampled_from(small))
    before = counts[unit]
    after = Count(before.count + (1 if before.count < before.of else -1), before.of)
    one, other = publish_counts(counts), publish_counts({**counts, unit: after})
    if one.total == other.total:
        assert one == other
    assert unit in one.withheld
    assert unit in other.withheld


def test_for_every_person_another_company_gives_the_same_cells() -> None:
    """All companies of a team of five, a team of six and a pair, over two nested figures and a third one.

    A person is never recognised, long ago, within 30 days, or within 7: everything published counts these.
    """
    sizes = {"north": 5, "pair": 2, "south": 6}
    consistent: dict[object, list[dict[str, tuple[int, ...]]]] = defaultdict(list)
    for mixes in product(*(list(_mixes(size)) for size in sizes.values())):
        company = dict(zip(sizes, mixes, strict=True))
        consistent[_everything_published(company)].append(company)
    assert len(consistent) > 10
    for companies_alike in consistent.values():
        for unit, people in sizes.items():
            for count in (lambda mix: mix[0], lambda mix: mix[2] + mix[3], lambda mix: mix[3]):
                seen = {count(company[unit]) for company in companies_alike}
                # One count strictly between: two people can change places. Else two counts: one of them differs.
                assert seen not in ({0}, {people})


def _mixes(people: int) -> list[tuple[int, int, int, int]]:
    counts = range(people + 1)
    return [mix for mix in product(counts, counts, counts, counts) if sum(mix) == people]


def _everything_published(company: dict[str, tuple[int, ...]]) -> object:
    figures = (lambda mix: mix[0], lambda mix: mix[2] + mix[3], lambda mix: mix[3])
    cells = [
        publish_counts({unit: Count(figure(mix), sum(mix)) for unit, mix in company.items()})
        for figure in figures
    ]
    return tuple(
        (
            cell.total,
            tuple(sorted(cell.units.items(), key=lambda pair: pair[0])),
            tuple(sorted(cell.withheld)),
        )
        for cell in cells
    )


@given(st.dictionaries(st.text("abc", min_size=1, max_size=4), st.integers(0, 30), max_size=12))
def test_units_left_out_are_none_or_five_people_together(sizes: dict[str, int]) -> None:
    out = withheld(sizes)
    hidden = sum(sizes[unit] for unit in out)
    assert hidden == 0 or hidden >= UNIT_PEOPLE_MIN or len(out) == len(sizes)
    assert all(unit in out for unit, people in sizes.items() if people < UNIT_PEOPLE_MIN)


def test_a_single_small_team_takes_the_smallest_other_with_it() -> None:
    assert withheld({"a": 30, "b": 4, "c": 6}) == {"b": "too_few_people", "c": "complement"}
    assert withheld({"a": 30, "b": 4, "c": 3, "d": 6}) == {"b": "too_few_people", "c": "too_few_people"}


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 12))
def test_a_roster_keeps_its_form_until_five_people_have_changed(stay: int, leave: int, join: int) -> None:
    old = frozenset(range(stay + leave))
    current = frozenset(range(leave, stay + leave + join))
    assert next_form(old, current) == (current if leave + join >= UNIT_PEOPLE_MIN else old)


def test_the_first_form_of_a_unit_is_its_roster() -> None:
    assert next_form(None, frozenset("abc")) == frozenset("abc")


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
    band = band_of(Count(data.draw(st.integers(0, of)), of), UNIT_BANDS_MAX)
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


def test_a_share_of_events_of_few_people_or_of_a_whole_unit_of_five_is_not_said() -> None:
    assert share_of_events(3, 40, contributors=4, people=9) is None
    assert share_of_events(3, 40, contributors=5, people=5) is None
    assert share_of_events(3, 9, contributors=5, people=9) is None
    assert share_of_events(3, 40, contributors=5, people=6) == (0.0, 0.2)
