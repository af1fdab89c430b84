"""What counts once, what waits, what is taken back and what is forgotten."""

from datetime import timedelta

from services.recognition.domain.facts import Verdict
from services.recognition.domain.people import Person
from tests.unit.recognition_world import (
    NOON,
    SOURCE,
    START,
    World,
    achieved,
    leaves,
    takes_back,
    thanked,
    withdrawn_ids,
)

# --- once ----------------------------------------------------------------------------------------------------


def test_the_same_id_with_another_body_is_a_conflict_and_changes_nothing() -> None:
    world = World("ada")
    achieved(world, id_="a-1")
    assert achieved(world, id_="a-1", title="Something else") == "ID_CONFLICT"
    assert world.told() == ["deed"]


def test_a_refused_event_may_come_again_and_is_judged_afresh() -> None:
    world = World("ada", "bo")
    leaves(world, "bo", NOON.date() - timedelta(days=1))
    assert thanked(world, "ada", "bo", id_="n") == "RULE_PERSON_LEFT"
    world.bring("bo", NOON + timedelta(hours=2))
    assert thanked(world, "ada", "bo", id_="n") is Verdict.APPLIED


# --- parking --------------------------------------------------------------------------------------------------


def test_known_recipients_get_theirs_at_once_and_the_others_when_the_directory_brings_them() -> None:
    world = World("ada", "bo")
    assert thanked(world, "ada", "cy", "bo", "di") is Verdict.PARKED
    assert [e.employee for e in world.entries()] == ["bo"]
    world.bring("di")
    world.bring("cy")
    assert [e.employee for e in world.entries()] == ["bo", "di", "cy"]
    assert world.waiting == 0
    assert world.state.person("cy").waiting == 0


def test_what_waits_for_a_person_is_released_in_the_order_in_which_it_came() -> None:
    world = World()
    for number in range(5):
        achieved(world, id_=f"a-{number}", skills=["rust"])
    world.bring("ada")
    assert [e.cause.id for e in world.entries() if e.type_name == "deed"] == [f"a-{n}" for n in range(5)]
    assert world.told().count("growth/first-skill") == 1


def test_a_note_waits_for_its_recipient_and_then_for_its_giver() -> None:
    world = World()
    thanked(world, "ada", "bo")
    world.bring("bo")
    assert world.entries() == []
    assert (world.state.person("bo").waiting, world.state.person("ada").waiting) == (0, 1)
    world.bring("ada")
    assert world.told("bo") == ["recognition/thanks"]


def test_a_known_recipient_is_not_held_up_by_a_note_whose_giver_is_unknown() -> None:
    world = World("bo")
    assert thanked(world, "ada", "bo") is Verdict.PARKED
    assert achieved(world, "bo") is Verdict.APPLIED
    assert world.told() == ["deed"]


def test_a_parked_note_to_somebody_who_had_left_is_refused_when_that_is_known() -> None:
    world = World("ada")
    thanked(world, "ada", "bo", id_="n-1")
    leaves(world, "bo", NOON.date() - timedelta(days=1))
    assert world.entries() == []
    ((fact, refusal),) = world.state.changes.dead.values()
    assert (fact.id, refusal.code) == ("n-1", "RULE_PERSON_LEFT")
    assert (SOURCE, "n-1") not in world.state.inbox


def test_a_parked_note_is_refused_whole_and_once() -> None:
    world = World("ada")
    thanked(world, "ada", "bo", "cy", "di", id_="n-1")
    leaves(world, "bo", NOON.date() - timedelta(days=1))
    leaves(world, "cy", NOON.date() - timedelta(days=1))
    world.bring("di")
    assert world.entries() == []
    assert [fact.id for fact, _ in world.state.changes.dead.values()] == ["n-1"]
    assert world.waiting == world.state.parked_total == 0


def test_a_note_withdrawn_after_it_was_refused_in_part_is_taken_back_when_it_comes_again() -> None:
    world = World("ada", "bo")
    thanked(world, "ada", "bo", "cy", id_="n-1")
    leaves(world, "cy", NOON.date() - timedelta(days=1))
    assert takes_back(world, "n-1") is Verdict.APPLIED
    world.bring("cy", NOON + timedelta(hours=2))
    assert thanked(world, "ada", "bo", "cy", id_="n-1") is Verdict.APPLIED
    thanks = {str(e.id) for e in world.entries() if e.type_name == "recognition"}
    assert len(thanks) == 2
    assert set(withdrawn_ids(world)) == thanks
    assert world.state.parked_total == 0


def test_no_more_waits_for_one_person_than_the_bound_and_a_note_is_parked_whole_or_not_at_all() -> None:
    world = World("ada", person_max=2)
    assert [achieved(world, "bo") for _ in range(3)] == [
        Verdict.PARKED, Verdict.PARKED, "RULE_PARKED_TOO_MANY",
    ]  # fmt: skip
    assert thanked(world, "ada", "cy", "bo") == "RULE_PARKED_TOO_MANY"
    assert world.waiting == 2


def test_no_more_waits_in_all_than_the_bound() -> None:
    world = World("ada", all_max=2)
    assert thanked(world, "ada", "bo", "cy", "di") == "RULE_PARKED_TOO_MANY"
    assert thanked(world, "ada", "bo", "cy") is Verdict.PARKED
    takes_back(world, "unseen")
    assert world.state.awaiting[SOURCE, "unseen"] == {}


# --- taking back ----------------------------------------------------------------------------------------------


def test_a_withdrawal_takes_back_everything_that_followed_each_with_an_id_of_its_own() -> None:
    world = World("ada", "bo")
    achieved(world, id_="a-1", size="major", skills=["rust"], helped_by=["bo"])
    given = [str(e.id) for e in world.entries()]
    assert takes_back(world, "a-1", reason="Wrong branch") is Verdict.APPLIED
    assert withdrawn_ids(world) == given
    assert len({e.id for e in world.entries()}) == 2 * len(given)


def test_a_second_withdrawal_takes_nothing_back() -> None:
    world = World("ada")
    achieved(world, id_="a-1")
    takes_back(world, "a-1", id_="w-1")
    assert takes_back(world, "a-1", id_="w-1") is Verdict.DUPLICATE
    assert takes_back(world, "a-1", id_="w-2") is Verdict.IGNORED
    assert len(withdrawn_ids(world)) == 1


def test_a_withdrawal_waits_for_its_original() -> None:
    world = World("ada")
    assert takes_back(world, "a-1") is Verdict.PARKED
    assert achieved(world, id_="a-1") is Verdict.APPLIED
    assert world.told() == ["deed", "recognition-withdrawn"]
    assert world.state.parked_total == 0


def test_a_withdrawal_drops_what_is_still_parked() -> None:
    world = World("ada", "bo")
    thanked(world, "ada", "bo", "cy", id_="n-1")
    assert takes_back(world, "n-1") is Verdict.APPLIED
    world.bring("cy")
    assert world.told() == ["recognition/thanks", "recognition-withdrawn"]


def test_a_withdrawal_of_what_was_ignored_waits_for_nothing() -> None:
    world = World()
    world.happens("support-request", id_="r", employee="ada", request="Time", owner="bo", due=START)
    assert takes_back(world, "r") is Verdict.IGNORED


def test_a_withdrawal_of_itself_ends() -> None:
    world = World()
    assert takes_back(world, "w", id_="w") is Verdict.PARKED
    assert world.state.awaiting[SOURCE, "w"] == {}


# --- erasure --------------------------------------------------------------------------------------------------


def test_an_erased_person_is_forgotten_and_whatever_is_parked_about_them_goes() -> None:
    world = World("ada")
    achieved(world, skills=["rust"])
    thanked(world, "ada", "bo")
    achieved(world, "bo", helped_by=["cy"])
    assert world.happens("erasure", employee="ada") is Verdict.APPLIED
    assert world.state.person("ada") == Person("ada", erased=True)
    assert world.waiting == 2
    world.bring("bo")
    world.bring("cy")
    assert world.told("bo") == ["deed"]


def test_events_about_an_erased_person_are_refused() -> None:
    world = World("ada", "bo")
    world.happens("erasure", employee="ada")
    answers = [achieved(world), thanked(world, "ada", "bo"), thanked(world, "bo", "ada"),
               world.bring("ada", NOON + timedelta(days=1)), world.happens("preferences", employee="ada")]  # fmt: skip
    assert answers == ["RULE_PERSON_ERASED"] * 5
    assert world.happens("erasure", employee="ada") is Verdict.APPLIED
