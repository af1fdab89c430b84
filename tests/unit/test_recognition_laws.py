"""Laws of the fold, over any sequence of events."""

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.models.entries import RecognitionV1
from services.recognition.domain.facts import Fact, Verdict
from tests.unit.recognition_world import (
    NOON,
    SOURCE,
    World,
    fact_of,
    person,
)

_PEOPLE = st.sampled_from(["ada", "bo", "cy", "di"])
_SKILLS = st.lists(st.sampled_from(["rust", "sql", "singing"]), max_size=3)
_IDS = st.integers(min_value=0, max_value=12).map(lambda number: f"e-{number}")
_EVENTS = st.one_of(
    st.builds(lambda i, e, s, h, z: fact_of("achievement", i, NOON, employee=e, title="Did it", basis="both",
                                            size=z, skills=s, helped_by=h),
              _IDS, _PEOPLE, _SKILLS, st.lists(_PEOPLE, max_size=3), st.sampled_from(["small", "major"])),
    st.builds(lambda i, g, to: fact_of("thank-you-note", i, NOON, **{"from": g, "to": to}, deed="Thanks"),
              _IDS, _PEOPLE, st.lists(_PEOPLE, min_size=1, max_size=4)),
    st.builds(lambda i, e: fact_of("person", f"p-{i}", NOON, **person(e)), _IDS, _PEOPLE),
    st.builds(lambda i, of: fact_of("withdrawal", f"w-{i}", NOON, of={"source": SOURCE, "id": of}), _IDS, _IDS),
)  # fmt: skip


@settings(max_examples=200)
@given(st.lists(_EVENTS, max_size=25))
def test_law_redelivery_changes_nothing(events: list[Fact]) -> None:
    world = World()
    accepted = [event for event in events if isinstance(world.take(event), Verdict)]
    before = list(world.entries())
    assert {world.take(event) for event in accepted} <= {Verdict.DUPLICATE}
    assert world.entries() == before


@settings(max_examples=200)
@given(st.lists(_EVENTS, max_size=25))
def test_law_each_recipient_gets_one_thanks_of_a_note_and_nobody_their_own(events: list[Fact]) -> None:
    world = World("ada", "bo", "cy", "di")
    for event in events:
        world.take(event)
    assert len({e.id for e in world.entries()}) == len(world.entries())
    given_by: dict[tuple[str, str], list[str]] = {}
    for entry in world.entries():
        if isinstance(entry.body, RecognitionV1) and entry.body.kind == "thanks":
            assert entry.body.giver != entry.employee
            given_by.setdefault(entry.cause.key, []).append(entry.employee)
    by_key = {entry.cause.key: entry.cause.body for entry in world.entries()}
    for key, recipients in given_by.items():
        assert recipients == list(dict.fromkeys(by_key[key].to))  # type: ignore[attr-defined]


@settings(max_examples=200)
@given(st.lists(_EVENTS, max_size=25))
def test_law_what_waits_is_counted_and_nothing_waits_for_who_is_known(events: list[Fact]) -> None:
    world = World()
    for event in events:
        world.take(event)
        waiting = {employee: len(queue) for employee, queue in world.state.waiting.queues.items()}
        assert all(p.waiting == waiting.get(e, 0) for e, p in world.state.people.items())
        assert not any(p.known and p.waiting for p in world.state.people.values())
    awaiting = sum(len(waiting) for waiting in world.state.awaiting.values())
    assert world.state.parked_total == world.waiting + awaiting
