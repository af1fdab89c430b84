"""Inequality: the formulas agree with their definitions, and chance is what chance gives."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ledger.gap_formulas import GINI_PEOPLE_MIN, gini, gini_by_chance, top_share
from services.ledger.network import coverage_ratio
from services.ledger.publication import Count

received = st.lists(st.integers(0, 30), min_size=GINI_PEOPLE_MIN, max_size=80)


@given(received)
def test_the_gini_agrees_with_its_definition_summed_person_by_person(values: list[int]) -> None:
    n, volume = len(values), sum(values)
    found = gini(Counter(values))
    if volume == 0:
        assert found is None
        return
    ranked = sum((2 * i - n - 1) * x for i, x in enumerate(sorted(values), 1))
    assert found == pytest.approx(ranked / (n * volume) * n / (n - 1))
    assert -1e-9 <= found <= 1 + 1e-9


def test_the_gini_is_0_when_all_have_the_same_and_1_when_one_has_all() -> None:
    assert gini({4: 30}) == 0
    assert gini({0: 29, 7: 1}) == pytest.approx(1)


def test_of_fewer_than_twenty_people_or_of_nothing_there_is_no_gini() -> None:
    assert gini({1: GINI_PEOPLE_MIN - 1}) is None
    assert gini({0: 40}) is None
    assert gini_by_chance(GINI_PEOPLE_MIN - 1, 50) is None
    assert top_share({0: 40}) is None


@given(received)
def test_the_top_tenth_is_that_of_those_who_received_most(values: list[int]) -> None:
    if sum(values) == 0:
        return
    top = sorted(values, reverse=True)[: len(values) // 10]
    assert top_share(Counter(values)) == pytest.approx(sum(top) / sum(values))


@pytest.mark.parametrize(("people", "volume"), [(30, 60), (200, 500), (4_000, 6_000)])
def test_one_random_company_in_twenty_is_above_the_threshold_of_chance(people: int, volume: int) -> None:
    threshold = gini_by_chance(people, volume)
    assert threshold is not None
    chance = random.Random(11)
    above = 0
    companies = 200
    for _ in range(companies):
        counts = Counter(chance.choices(range(people), k=volume))
        frequencies = Counter(counts.values())
        frequencies[0] = people - len(counts)
        value = gini(frequencies)
        assert value is not None
        above += value > threshold
    assert 1 <= above <= 26  # 5 % of 200 is 10; a threshold by simulation is not exact


def test_the_threshold_of_chance_never_changes_by_itself() -> None:
    gini_by_chance.cache_clear()
    first = gini_by_chance(60, 100)
    gini_by_chance.cache_clear()
    assert gini_by_chance(60, 100) == first


def test_an_equity_ratio_needs_ten_people_on_both_sides() -> None:
    assert coverage_ratio(Count(5, 10), Count(8, 10)) == pytest.approx(0.625)
    assert coverage_ratio(Count(5, 9), Count(8, 10)) is None
    assert coverage_ratio(Count(5, 10), Count(8, 9)) is None
    assert coverage_ratio(Count(5, 10), Count(0, 10)) is None
