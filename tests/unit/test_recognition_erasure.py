"""Who is erased is erased under every id they had, whatever comes first."""

import itertools
from datetime import timedelta

import pytest

from services.recognition.domain.facts import FormerErasure, Verdict
from tests.unit.recognition_world import NOON, World, achieved, takes_back, thanked

LATER = NOON + timedelta(days=1)


def formers(world: World) -> dict[str, bool]:
    """Former ids to be erased, and whether with the words given."""
    return {one.employee: one.given for one in world.state.changes.erased_formers.values()}


@pytest.mark.parametrize("erasure_first", [False, True])
def test_former_ids_are_erased_too_in_either_order(erasure_first: bool) -> None:
    world = World()
    if erasure_first:
        world.happens("erasure", employee="ada")
        assert world.bring("ada", formerly=["old-1", "old-2"]) == "RULE_PERSON_ERASED"
    else:
        world.bring("ada", formerly=["old-1", "old-2"])
        world.happens("erasure", employee="ada")
    assert formers(world) == {"old-1": False, "old-2": False}


def test_an_id_told_by_any_directory_record_is_erased() -> None:
    for order in itertools.permutations(range(3)):
        world = World()
        steps = [
            lambda w: w.bring("ada", NOON, formerly=["old-1"]),
            lambda w: w.bring("ada", LATER, formerly=["old-2"]),
            lambda w: w.happens("erasure", employee="ada", scope="given"),
        ]
        for index in order:
            steps[index](world)
        told = {"old-2"} if order.index(1) < order.index(0) < order.index(2) else {"old-1", "old-2"}
        assert formers(world) == dict.fromkeys(told, True), order


def test_a_former_id_that_is_erased_as_far_is_left_alone_and_one_less_far_is_not() -> None:
    world = World()
    world.bring("ada", formerly=["old"])
    world.happens("erasure", employee="old")
    world.happens("erasure", employee="ada")
    assert formers(world) == {}
    world.happens("erasure", employee="ada", scope="given")
    assert formers(world) == {"old": True}


def test_ids_that_name_each_other_end() -> None:
    world = World()
    world.bring("ada", formerly=["bo", "ada"])
    world.bring("bo", formerly=["ada"])
    world.happens("erasure", employee="ada")
    [followed] = world.state.changes.erased_formers.values()
    assert followed == FormerErasure("bo", given=False, cause=followed.cause)
    world.state.changes.erased_formers.clear()
    world.happens("erasure", employee="bo")
    assert formers(world) == {}


def test_what_was_let_go_is_counted_once_per_reach() -> None:
    world = World("ada")
    achieved(world, skills=["rust"])
    thanked(world, "ada", "stranger")
    world.happens("preferences", employee="ada", celebrate="private")
    world.happens("erasure", employee="ada")
    [erased] = world.state.changes.erased.values()
    assert {what: count for what, count in erased.gone.items() if count} == {
        "directory-record": 1, "preferences": 1, "parked-events": 1,
    }  # fmt: skip
    world.state.changes.erased.clear()
    assert world.happens("erasure", employee="ada") is Verdict.APPLIED
    assert world.state.changes.erased == {}


def test_a_withdrawal_that_waits_goes_with_whoever_wrote_it_and_a_later_one_is_refused() -> None:
    world = World("ada", "bo")
    takes_back(world, "never-came", by="ada", reason="their words")
    takes_back(world, "never-came", by="bo", reason="other words")
    world.happens("erasure", employee="ada")
    assert [waiting.by for waiting in world.state.awaiting["urn:test", "never-came"].values()] == ["bo"]
    assert takes_back(world, "never-came", by="ada") == "RULE_PERSON_ERASED"


def test_the_directory_is_made_to_forget_what_it_tells_of_an_erased_person() -> None:
    world = World("ada")
    world.happens("erasure", employee="ada")
    assert world.state.changes.told_of_erased == set()
    world.bring("ada", LATER)
    assert world.state.changes.told_of_erased == {"ada"}


@pytest.mark.parametrize("withdrawal_first", [False, True])
def test_no_withdrawal_waits_for_what_was_refused_for_an_erasure(withdrawal_first: bool) -> None:
    world = World("ada", "bo")
    world.happens("erasure", employee="ada")
    if withdrawal_first:
        takes_back(world, "note", reason="words about ada")
        thanked_as(world, "note")
    else:
        thanked_as(world, "note")
        assert takes_back(world, "note", reason="words about ada") is Verdict.IGNORED
    assert not world.state.awaiting.get(("urn:test", "note"))
    assert world.state.parked_total == 0
    assert world.state.changes.inbox.get(("urn:test", "note"), b"none") == b"none"


def thanked_as(world: World, id_: str) -> None:
    said = {"from": "bo", "to": ["ada"], "deed": "Thanks"}
    assert world.happens("thank-you-note", id_, **said) == "RULE_PERSON_ERASED"
