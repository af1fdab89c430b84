"""The made-up company: valid, repeatable, and with its gaps really in the data."""

import json
import random
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.cli.company import Company, PlantedGap, generate, trickle
from services.cli.intake import check
from services.kit.cloudevents import Event, to_structured

NOW = datetime(2026, 11, 23, 9, 41, tzinfo=UTC)
WEEK = timedelta(days=7)
WEEKS = 26


@pytest.fixture(scope="module", params=[1, 7, 2026])
def company(request: pytest.FixtureRequest) -> Company:
    return generate(request.param, NOW)


def bodies(company: Company, name: str) -> list[tuple[Event, dict[str, Any]]]:
    return [
        (event, json.loads(event.data))
        for event in company.events()
        if event.type == f"dev.waystone.{name}.v1"
    ]


def gap(company: Company, kind: str) -> PlantedGap:
    return next(gap for gap in company.gaps if gap.kind == kind)


def teams(company: Company) -> dict[str, str]:
    return {person.employee: person.team.id for person in company.people}


def healthy_teams(company: Company) -> set[str]:
    return {person.team.id for person in company.people if person.team.climate == "healthy"}


def assert_valid(event: Event, now: datetime) -> None:
    outcome = check(json.dumps(to_structured(event)).encode(), now)
    assert isinstance(outcome, Event), (event, outcome)
    assert outcome.partitionkey == event.partitionkey


def test_every_event_keeps_its_contract(company: Company) -> None:
    for event in company.events():
        assert_valid(event, NOW)


def test_every_event_has_an_id_of_its_own(company: Company) -> None:
    assert len({(event.source, event.id) for event in company.told}) == len(company.told)


def test_the_same_seed_tells_the_same_story_and_another_seed_another() -> None:
    assert generate(5, NOW) == generate(5, NOW)
    assert generate(5, NOW).told != generate(6, NOW).told


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    now=st.datetimes(datetime(2025, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    people=st.integers(120, 400),
)
def test_any_seed_time_and_size_tell_a_valid_story(seed: int, now: datetime, people: int) -> None:
    company = generate(seed, now, people)
    assert len(company.people) == people
    assert len({person.name for person in company.people}) == people
    assert company.start == company.now - timedelta(days=182)
    assert all(company.start <= event.time <= now for event in company.told)
    for event in random.Random(seed).sample(company.told, 200):
        assert_valid(event, now)


def test_people_come_first_then_all_in_order_of_time(company: Company) -> None:
    count = len(company.people)
    assert {event.type for event in company.told[:count]} == {"dev.waystone.person.v1"}
    times = [event.time for event in company.told]
    assert times == sorted(times)


def test_the_size_suits_a_demo(company: Company) -> None:
    assert 6_500 <= len(company.told) <= 15_000
    assert 150 <= sum(NOW - event.time < WEEK for event in company.told) <= 330
    assert len({person.team.id for person in company.people}) == 12


def test_nobody_acts_before_they_came_or_after_they_left(company: Company) -> None:
    by_id = {person.employee: person for person in company.people}
    for event, body in bodies(company, "achievement") + bodies(company, "thank-you-note"):
        for employee in [body.get("employee"), body.get("from"), *body.get("to", ())]:
            assert employee is None or by_id[employee].at_work(event.time.date())


def test_notes_answer_deeds_of_the_person_thanked_that_were_done_before(company: Company) -> None:
    deeds = {(e.source, e.id): (e.time, body["employee"]) for e, body in bodies(company, "achievement")}
    answered = 0
    for event, body in bodies(company, "thank-you-note"):
        assert body["from"] not in body["to"]
        if about := body.get("about"):
            done_at, employee = deeds[about["source"], about["id"]]
            assert done_at < event.time
            assert body["to"] == [employee]
            answered += 1
    assert answered > 1_000


def test_nobody_thanks_the_night_shift(company: Company) -> None:
    planted = gap(company, "night-shift-unthanked")
    assert not any(set(body["to"]) & set(planted.employees) for _, body in bodies(company, "thank-you-note"))
    assert sum(body["employee"] in planted.employees for _, body in bodies(company, "achievement")) > 200


def test_the_results_only_team_is_thanked_for_results_only_though_it_shows_effort(company: Company) -> None:
    planted = gap(company, "results-only-lead")
    bases = [
        body.get("basis", "both")
        for _, body in bodies(company, "thank-you-note")
        if set(body["to"]) & set(planted.employees)
    ]
    assert len(bases) > 40
    assert set(bases) == {"result"}
    efforts = [
        body for _, body in bodies(company, "achievement")
        if body["employee"] in planted.employees and body["basis"] == "effort"
    ]  # fmt: skip
    assert len(efforts) > 30


def test_the_newcomer_has_worked_for_months_and_is_never_recognised(company: Company) -> None:
    [newcomer] = gap(company, "newcomer-forgotten").employees
    person = next(person for person in company.people if person.employee == newcomer)
    assert (NOW.date() - person.joined).days > 90
    assert sum(body["employee"] == newcomer for _, body in bodies(company, "achievement")) >= 3
    for name in ("thank-you-note", "milestone"):
        assert not any(
            newcomer in [*body.get("to", ()), body.get("employee")] for _, body in bodies(company, name)
        )
    own = [body for _, body in bodies(company, "achievement") if body["employee"] == newcomer]
    assert {body["size"] for body in own} == {"small"}
    assert not any(newcomer in body.get("helped_by", ()) for _, body in bodies(company, "achievement"))


def test_no_thanks_cross_the_border_of_the_team_outside_the_network(company: Company) -> None:
    planted = set(gap(company, "team-outside-network").employees)
    inside = [body for _, body in bodies(company, "thank-you-note") if {body["from"], *body["to"]} & planted]
    assert all({body["from"], *body["to"]} <= planted for body in inside)
    assert len(inside) <= WEEKS


def test_healthy_teams_are_thanked_as_one_would_hope(company: Company) -> None:
    team_of, size = teams(company), Counter(teams(company).values())
    weekly: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
    effort: Counter[str] = Counter()
    received: Counter[str] = Counter()
    weight = {"effort": 1.0, "both": 0.5, "result": 0.0}
    for event, body in bodies(company, "thank-you-note"):
        [employee] = body["to"]
        team = team_of[employee]
        weekly[team, (NOW - event.time) // WEEK].add(employee)
        received[team] += 1
        effort[team] += weight[body.get("basis", "both")]  # type: ignore[assignment]
    for team in healthy_teams(company):
        coverage = sum(len(weekly[team, week]) for week in range(WEEKS)) / WEEKS / size[team]
        assert 0.25 <= coverage <= 0.5, team
        assert 0.35 <= effort[team] / received[team] <= 0.65, team


def test_wishes_include_one_not_at_all_and_some_private_ones(company: Company) -> None:
    wishes = Counter(body.get("celebrate", "team") for _, body in bodies(company, "preferences"))
    assert wishes["not-at-all"] == 1
    assert wishes["private"] >= 3


def test_what_is_withdrawn_had_been_told_before(company: Company) -> None:
    told = {(event.source, event.id): event for event in company.events()}
    withdrawn = [
        (event, told[body["of"]["source"], body["of"]["id"]]) for event, body in bodies(company, "withdrawal")
    ]
    assert sorted(original.type for _, original in withdrawn) == [
        "dev.waystone.achievement.v1",
        "dev.waystone.thank-you-note.v1",
    ]
    assert all(original.time < event.time for event, original in withdrawn)


def test_the_last_week_hardly_repeats_itself(company: Company) -> None:
    words = Counter(
        body["deed"] for event, body in bodies(company, "thank-you-note") if NOW - event.time < WEEK
    )
    assert words.total() >= 50
    assert len(words) / words.total() > 0.85


def test_live_events_are_valid_new_and_leave_the_gaps_as_they_are(company: Company) -> None:
    rng, seen = random.Random(3), set()
    untouched = {id_ for g in company.gaps if g.kind != "results-only-lead" for id_ in g.employees}
    for second in range(300):
        now = NOW + timedelta(seconds=second)
        event = trickle(company, rng, now)
        assert event.time == now
        assert_valid(event, now)
        seen.add((event.source, event.id))
        body = json.loads(event.data)
        assert not set(body.get("to", ())) & untouched
    assert len(seen) == 300


def test_a_company_needs_a_time_zone_and_a_sensible_size() -> None:
    with pytest.raises(ValueError, match="time zone"):
        generate(1, NOW.replace(tzinfo=None))
    for people in (119, 701):
        with pytest.raises(ValueError, match="120 to 700"):
            generate(1, NOW, people)
