"""Over a changing company, nobody's value follows from the figures; from those of a weaker module it would."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from services.ledger import gap_cells, publication
from services.ledger.publication import Band, Count, Form, Published
from tests.unit.attacker import Company, Rosters, Vector, succeeds

UNITS = ("east", "north", "west")
Patch = pytest.MonkeyPatch


@st.composite
def companies(draw: st.DrawFn) -> Company:
    """Two or three units of up to eight people, up to four days of publishing with people coming, going and moving."""
    units = UNITS[: draw(st.integers(2, 3))]
    sizes = [draw(st.sampled_from((6, 5, 7, 8, 3, 4, 2))) for _ in units]
    rosters = {unit: {f"{unit}-{n}" for n in range(size)} for unit, size in zip(units, sizes, strict=True)}
    everybody = set().union(*rosters.values())
    days = [draw(st.integers(40, 45))]
    told: dict[int, Rosters] = {days[0]: {unit: frozenset(people) for unit, people in rosters.items()}}
    for _ in range(draw(st.sampled_from((2, 3, 1, 0)))):
        days.append(days[-1] + draw(st.sampled_from((8, 1, 31, 3, 20))))
        for _ in range(draw(st.integers(0, 2))):
            _change(draw, rosters, everybody, days[-1])
        told[days[-1]] = {unit: frozenset(people) for unit, people in rosters.items()}
    near = st.builds(
        lambda day, before: day - before, st.sampled_from(days), st.sampled_from((1, 2, 6, 9, 25))
    )
    happenings = tuple(sorted(draw(st.sets(near, min_size=1, max_size=3))))
    return Company(told, happenings, _values(draw, sorted(everybody), len(happenings)))


def _change(draw: st.DrawFn, rosters: dict[str, set[str]], everybody: set[str], day: int) -> None:
    unit, other = draw(st.permutations(sorted(rosters)))[:2]
    people = sorted(rosters[unit])[: draw(st.sampled_from((1, 2, 5, 6)))]
    kind = draw(st.sampled_from(("join", "leave", "move", "move and join")))
    if kind != "join":
        rosters[unit] -= set(people)
    if kind.startswith("move"):
        rosters[other] |= set(people)
    if kind.endswith("join"):
        new = {f"new-{day}-{len(everybody)}-{n}" for n in range(draw(st.sampled_from((5, 6, 2, 1))))}
        rosters[other] |= new
        everybody |= new


def _values(draw: st.DrawFn, people: list[str], days: int) -> Mapping[str, Vector]:
    """Values that are dangerous: of most groups all or nobody, but for one."""
    groups = sorted({person.rsplit("-", 1)[0] for person in people})
    usual = {group: [draw(st.booleans()) for _ in range(days)] for group in groups}
    odd = draw(st.sets(st.sampled_from(people), max_size=3))
    return {
        person: tuple(
            value != (person in odd) for value in usual[person.rsplit("-", 1)[0]]
        )
        for person in people
    }  # fmt: skip


@given(companies())
@settings(max_examples=150, derandomize=True, database=None)
def test_nobody_s_value_follows_from_everything_published(company: Company) -> None:
    assert not succeeds(company)


def four_people(patch: Patch) -> None:
    patch.setattr(publication, "UNIT_PEOPLE_MIN", 4)


def exact_counts(patch: Patch) -> None:
    patch.setattr(publication, "bands", lambda of: [Band(n, n, of) for n in range(of + 1)])


def outermost_bands_of_one_count(patch: Patch) -> None:
    def bands(of: int) -> list[Band]:
        edges = [0, 1, *range(3, of, 2), of, of + 1]
        return [Band(low, after - 1, of) for low, after in pairwise(sorted(set(edges)))]

    patch.setattr(publication, "bands", bands)


def outermost_bands_of_two_counts(patch: Patch) -> None:
    publication.bands.cache_clear()
    patch.setattr(publication, "bands", publication.bands.__wrapped__)
    patch.setattr(publication, "OUTER_COUNTS_MIN", 2)


def no_complement_suppression(patch: Patch) -> None:
    def withheld(sizes: Mapping[str, int]) -> dict[str, str]:
        return {unit: "too_few_people" for unit, n in sizes.items() if n < publication.UNIT_PEOPLE_MIN}

    patch.setattr(publication, "withheld", withheld)


def rosters_of_the_day(patch: Patch) -> None:
    def next_forms(old: Mapping[str, Form], current: Rosters, day: date) -> dict[str, Form]:
        return {unit: Form(people, None) for unit, people in current.items() if people}

    patch.setattr(publication, "next_forms", next_forms)


def people_in_two_forms(patch: Patch) -> None:
    def next_forms(old: Mapping[str, Form], current: Rosters, day: date) -> dict[str, Form]:
        kept = {u: f for u, f in old.items() if not publication.has_changed(f, current.get(u, frozenset()))}
        new = {u: Form(p, day if old else None) for u, p in current.items() if p and u not in kept}
        return {**new, **kept}

    patch.setattr(publication, "next_forms", next_forms)


def no_silence_after_a_change_of_form(patch: Patch) -> None:
    patch.setattr("services.ledger.daily.is_silent", lambda form, day, reach_days: False)


def silence_that_ends_a_window_too_early(patch: Patch) -> None:
    def is_silent(form: Form, day: date, reach_days: int) -> bool:
        return form.since is not None and day - timedelta(days=1) < form.since

    patch.setattr("services.ledger.daily.is_silent", is_silent)


def the_total_exactly(patch: Patch) -> None:
    def publish_counts(counts: Mapping[str, Count], silent: object = ()) -> Published:
        found = publication.publish_counts(counts, silent)  # type: ignore[arg-type]
        shown = [counts[unit] for unit in found.units]
        count, of = sum(c.count for c in shown), sum(c.of for c in shown)
        return Published(Band(count, count, of) if shown else None, found.units, found.withheld)

    patch.setattr(gap_cells, "publish_counts", publish_counts)


def shares_of_events_from_six_people_on(patch: Patch) -> None:
    patch.setattr(publication, "EVENTS_PEOPLE_MIN", 6)


WEAKER: tuple[Callable[[Patch], None], ...] = (
    four_people,
    exact_counts,
    outermost_bands_of_one_count,
    outermost_bands_of_two_counts,
    no_complement_suppression,
    rosters_of_the_day,
    people_in_two_forms,
    no_silence_after_a_change_of_form,
    silence_that_ends_a_window_too_early,
    the_total_exactly,
    shares_of_events_from_six_people_on,
)


@pytest.mark.parametrize("weaken", WEAKER, ids=lambda weaken: weaken.__name__)
def test_the_same_attacker_succeeds_against_a_weaker_module(
    weaken: Callable[[Patch], None], monkeypatch: Patch
) -> None:
    weaken(monkeypatch)
    once = settings(max_examples=2_000, derandomize=True, database=None, phases=[Phase.generate])
    assert succeeds(find(companies(), succeeds, settings=once))
