"""What each kind of event brings to whom."""

from datetime import date, timedelta
from typing import Any

import pytest

from schemas.models.entries import DeedV1, GrowthV1, RecognitionV1
from schemas.models.people import PersonV1
from schemas.models.preferences import PreferencesV1
from services.recognition.domain.entries import TITLE_CHARS_MAX
from services.recognition.domain.facts import Removal, Verdict
from services.recognition.domain.people import SKILLS_MAX, Person
from tests.unit.recognition_world import (
    NOON,
    SOURCE,
    START,
    World,
    achieved,
    body_of,
    leaves,
    thanked,
)

# --- achievements ---------------------------------------------------------------------------------------------


def test_a_small_achievement_becomes_a_deed_and_is_announced_to_nobody() -> None:
    world = World("ada")
    assert achieved(world) is Verdict.APPLIED
    assert world.told() == ["deed"]


@pytest.mark.parametrize("size", ["notable", "major"])
def test_a_larger_achievement_is_recognised_by_rule_and_answers_its_deed(size: str) -> None:
    world = World("ada")
    achieved(world, size=size, id_="a-1", description="Three nights.")
    assert world.told() == ["deed", "recognition/achievement"]
    recognition = body_of(world, "recognition/achievement", RecognitionV1)
    assert (recognition.by, recognition.words, recognition.giver) == ("rule", "Three nights.", None)
    assert (recognition.answers.source, recognition.answers.id) == (SOURCE, "a-1")


def test_credit_flows_to_each_helper_once_and_never_to_oneself() -> None:
    world = World("ada", "bo", "cy")
    achieved(world, helped_by=["bo", "ada", "cy", "bo"])
    assert world.told("bo") == world.told("cy") == ["recognition/help"]
    assert world.told("ada") == ["deed"]
    assert body_of(world, "deed", DeedV1).helped_by == ("bo", "cy")


def test_the_title_of_a_credit_is_cut_to_what_a_title_may_hold() -> None:
    world = World("ada", "bo")
    achieved(world, title="x" * TITLE_CHARS_MAX, helped_by=["bo"])
    title = body_of(world, "recognition/help", RecognitionV1).title
    assert len(title) == TITLE_CHARS_MAX
    assert title.endswith("…")


def test_a_deed_stands_without_a_helper_who_had_left_or_was_erased() -> None:
    world = World("ada", "bo", "cy")
    leaves(world, "bo", NOON.date() - timedelta(days=1))
    world.happens("erasure", employee="cy")
    assert achieved(world, helped_by=["bo", "cy"]) is Verdict.APPLIED
    assert world.told() == ["deed"]
    assert body_of(world, "deed", DeedV1).helped_by == ("bo",)
    assert sum(world.state.changes.uncredited.values()) == 2


# --- firsts ---------------------------------------------------------------------------------------------------


def test_the_first_skill_is_growth_and_a_further_one_is_courage_too() -> None:
    world = World("ada")
    achieved(world, skills=["rust", "sql", "rust"])
    achieved(world, skills=["sql"])
    achieved(world, skills=["sql", "singing", "drawing"])
    assert world.told() == [
        "deed", "growth/first-skill", "deed", "deed", "growth/first-skill", "recognition/courage",
    ]  # fmt: skip
    first, later = (e.body for e in world.entries() if isinstance(e.body, GrowthV1))
    assert (first.skills, later.skills) == (("rust", "sql"), ("singing", "drawing"))
    assert later.title == "First use of singing, drawing"


def test_skills_of_whoever_started_before_our_record_are_learnt_silently() -> None:
    world = World()
    world.bring("ada", statuses=[{"since": START - timedelta(days=1), "status": "active"}])
    achieved(world, skills=["rust"])
    assert world.told() == ["deed"]
    assert world.state.person("ada").skills == {"rust"}


def test_somebody_who_starts_on_the_first_day_of_our_record_is_covered() -> None:
    world = World()
    world.bring("ada", statuses=[{"since": START, "status": "active"}])
    achieved(world, skills=["rust"])
    assert world.told() == ["deed", "growth/first-skill"]


def test_skills_remembered_of_one_person_are_bounded() -> None:
    full = Person("ada", skills=frozenset(f"s{n}" for n in range(SKILLS_MAX - 1)))
    assert full.new_skills(("a", "b")) == ("a",)


# --- thanks ---------------------------------------------------------------------------------------------------


def test_a_note_reaches_each_recipient_once_with_its_words_untouched() -> None:
    world = World("ada", "bo", "cy")
    assert thanked(world, "ada", "bo", "cy", "bo", impact="We slept.") is Verdict.APPLIED
    assert [e.employee for e in world.entries()] == ["bo", "cy"]
    bodies = [e.body for e in world.entries()]
    assert {(b.words, b.impact, b.giver, b.by) for b in bodies if isinstance(b, RecognitionV1)} == {
        ("You stayed.\n <b>Thank you</b>", "We slept.", "ada", "person")
    }


def test_a_note_answers_the_deed_it_is_about() -> None:
    world = World("ada", "bo")
    thanked(world, "ada", "bo", about={"source": "urn:git", "id": "c-1"})
    assert body_of(world, "recognition/thanks", RecognitionV1).answers.id == "c-1"


def test_thanks_come_from_a_lead_only_if_they_led_on_that_day() -> None:
    world = World("ada", "bo")
    world.bring("bo", NOON + timedelta(hours=1), managers=[
        {"since": NOON.date() - timedelta(days=9), "manager": "ada"},
        {"since": NOON.date() + timedelta(days=1)},
    ])  # fmt: skip
    thanked(world, "ada", "bo")
    thanked(world, "ada", "bo", at=NOON + timedelta(days=1))
    led = [(e.body.giver_is_manager, e.body.title) for e in world.entries()
           if isinstance(e.body, RecognitionV1)]  # fmt: skip
    assert led == [(True, "Thanks from your lead"), (False, "Thanks from a colleague")]


def test_nobody_thanks_themselves_not_even_among_others() -> None:
    world = World("ada", "bo")
    assert thanked(world, "ada", "bo", "ada") == "RULE_SELF_RECOGNITION"
    assert world.entries() == []


@pytest.mark.parametrize(("giver", "recipient"), [("ada", "ada-old"), ("ada-old", "ada")])
@pytest.mark.parametrize("known_first", [True, False])
def test_nobody_thanks_themselves_under_a_former_id(giver: str, recipient: str, known_first: bool) -> None:
    world = World("bo", "ada-old")
    if known_first:
        world.bring("ada", formerly=["ada-old"])
    answer = thanked(world, giver, "bo", recipient, id_="n-1")
    if known_first:
        assert answer == "RULE_SELF_RECOGNITION"
    else:
        world.bring("ada", formerly=["ada-old"])
        ((_, refusal),) = world.state.changes.dead.values()
        assert refusal.code == "RULE_SELF_RECOGNITION"
    assert world.told("ada") == world.told("ada-old") == []


@pytest.mark.parametrize("who", ["ada", "bo", "cy"])
def test_a_note_from_or_to_somebody_who_had_left_is_refused_whole(who: str) -> None:
    world = World("ada", "bo", "cy")
    leaves(world, who, NOON.date() - timedelta(days=1))
    assert thanked(world, "ada", "bo", "cy") == "RULE_PERSON_LEFT"
    assert world.entries() == []


def test_the_last_day_still_counts_and_so_does_a_note_about_a_day_before_it() -> None:
    world = World("ada", "bo")
    leaves(world, "bo", NOON.date())
    assert thanked(world, "ada", "bo") is Verdict.APPLIED
    assert thanked(world, "ada", "bo", at=NOON + timedelta(days=1)) == "RULE_PERSON_LEFT"


def test_whoever_returned_can_be_thanked_again() -> None:
    world = World("ada")
    world.bring("bo", statuses=[
        {"since": date(2025, 6, 1), "status": "active"},
        {"since": date(2025, 9, 1), "status": "left"},
        {"since": date(2026, 1, 1), "status": "active"},
    ])  # fmt: skip
    assert thanked(world, "ada", "bo") is Verdict.APPLIED


# --- other work -----------------------------------------------------------------------------------------------

_WORK = {"title": "Lead the release", "skills": ["release-management"]}


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("milestone", {"kind": "first", "title": "First release"}, ["recognition/milestone"]),
        ("milestone", {"kind": "anniversary", "title": "Ten years"}, ["recognition/anniversary"]),
        ("training", {"title": "First aid", "status": "completed"}, ["growth/training"]),
        ("assignment", _WORK | {"status": "assigned"}, ["assignment-noted"]),
        ("assignment", _WORK | {"status": "assigned", "stretch": True}, ["assignment-noted", "growth/stretch"]),
        ("assignment", _WORK | {"status": "completed"}, ["assignment-noted"]),
        ("assignment", _WORK | {"status": "completed", "lead": True},
         ["assignment-noted", "recognition/milestone"]),
        ("assignment", _WORK | {"status": "dropped", "lead": True, "stretch": True}, ["assignment-noted"]),
        ("goal", {"goal": "g", "title": "See the whole"}, ["growth/goal"]),
        ("goal-step", {"goal": "g", "title": "Paired"}, ["growth/goal-step"]),
        ("reflection", {"question": "What for?", "answer": "The wardens."}, ["growth/reflection"]),
        ("self-rating", {"skill": "rust", "rating": 3, "moment": "before"}, ["growth/self-rating"]),
    ],
)  # fmt: skip
def test_work_and_growth_become_entries(name: str, data: dict[str, Any], told: list[str]) -> None:
    world = World("ada")
    assert world.happens(name, employee="ada", **data) is Verdict.APPLIED
    assert world.told() == told


def test_what_tells_nothing_is_ignored_and_known_when_it_comes_again() -> None:
    world = World("ada")
    asked: dict[str, Any] = {"employee": "ada", "request": "Time", "owner": "bo", "due": START}
    assert world.happens("support-request", id_="r-1", **asked) is Verdict.IGNORED
    assert world.happens("support-request", id_="r-1", **asked) is Verdict.DUPLICATE
    dropped: dict[str, Any] = {"employee": "ada", "goal": "g", "title": "No more", "status": "dropped"}
    assert world.happens("goal", **dropped) is Verdict.IGNORED
    assert world.entries() == []


# --- wishes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wished", "celebrate", "shown"),
    [("public", None, "team"), ("public", "public", "public"), ("team", "public", "team"),
     ("public", "private", "private"), ("team", "not-at-all", "private"), ("private", "public", "private")],
)  # fmt: skip
def test_a_persons_wish_narrows_what_the_sender_would_show(
    wished: str, celebrate: str | None, shown: str
) -> None:
    world = World("ada")
    if celebrate is not None:
        world.happens("preferences", employee="ada", celebrate=celebrate)
    achieved(world, visibility=wished)
    assert body_of(world, "deed", DeedV1).visibility == shown


def test_the_newest_wishes_hold_and_on_a_tie_the_more_private() -> None:
    wishes = [("b", NOON, "team"), ("a", NOON, "public"), ("c", NOON - timedelta(days=1), "private")]
    world = World("ada")
    for id_, at, celebrate in wishes:
        world.happens("preferences", id_=id_, at=at, employee="ada", celebrate=celebrate)
    assert world.state.person("ada").celebrate == "team"
    tied = world.state.person("ada").wishing(PreferencesV1(employee="ada", celebrate="private"), (NOON, "b"))
    assert tied.celebrate == "private"
    assert tied.wishing(PreferencesV1(employee="ada", celebrate="public"), (NOON, "b")) is tied


def test_wishes_and_records_that_are_taken_away_count_no_more() -> None:
    world = World("ada")
    world.happens("preferences", employee="ada", celebrate="public")
    later = NOON + timedelta(days=1)
    assert world.take(Removal("ada", PreferencesV1, NOON - timedelta(days=1))) is Verdict.IGNORED
    assert world.take(Removal("ada", PreferencesV1, later)) is Verdict.APPLIED
    assert world.state.person("ada").celebrate == "team"
    assert world.take(Removal("ada", PersonV1, later)) is Verdict.APPLIED
    assert achieved(world) is Verdict.PARKED
    assert world.bring("ada") is Verdict.IGNORED
    assert world.bring("ada", later + timedelta(days=1)) is Verdict.APPLIED
    assert world.told() == ["deed"]
