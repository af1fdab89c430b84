"""Ids of what follows from an event: the same on every replay, in order of time, never two alike."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from services.kit import ids

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIMES = st.integers(0, 2**54).map(lambda microseconds: _EPOCH + timedelta(microseconds=microseconds))
_PARTS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), min_size=1, max_size=5)


@given(_TIMES, _PARTS)
def test_the_same_cause_gives_the_same_id(time: datetime, parts: list[str]) -> None:
    assert ids.derive(time, *parts) == ids.derive(time, *parts)


@given(_TIMES, _PARTS)
def test_an_id_is_a_uuid_of_version_8(time: datetime, parts: list[str]) -> None:
    id_ = ids.derive(time, *parts)
    assert id_.version == 8
    assert id_.variant == "specified in RFC 4122"


@given(_TIMES, _PARTS)
def test_an_id_holds_the_time_of_its_cause_in_milliseconds(time: datetime, parts: list[str]) -> None:
    milliseconds = ids.id_time_ms(ids.derive(time, *parts))
    assert milliseconds == ids.time_ms(time)
    held = _EPOCH + timedelta(milliseconds=milliseconds)
    assert timedelta(0) <= time - held < timedelta(milliseconds=1)


@given(_TIMES, _TIMES, _PARTS, _PARTS)
def test_ids_are_ordered_by_the_time_of_their_cause(
    one: datetime, two: datetime, parts: list[str], others: list[str]
) -> None:
    if ids.time_ms(one) == ids.time_ms(two):
        return
    first, second = ids.derive(one, *parts), ids.derive(two, *others)
    assert (first < second) == (one < two)
    assert (str(first) < str(second)) == (one < two)  # as text too
    assert (first.bytes < second.bytes) == (one < two)  # and as Postgres orders them


@given(_TIMES, _PARTS, _PARTS)
def test_different_parts_give_different_ids(time: datetime, parts: list[str], others: list[str]) -> None:
    assert (ids.derive(time, *parts) == ids.derive(time, *others)) == (parts == others)


@given(_TIMES, st.text(min_size=1, max_size=6), st.text(min_size=1, max_size=6))
def test_where_one_part_ends_and_the_next_begins_matters(time: datetime, one: str, two: str) -> None:
    made = [ids.derive(time, *parts) for parts in ([one + two], [one, two], [one, two, ""], ["", one + two])]
    assert len(set(made)) == len(made)


def test_the_same_moment_in_another_time_zone_is_the_same_cause() -> None:
    time = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    there = time.astimezone(timezone(timedelta(hours=-9, minutes=-30)))
    assert ids.derive(time, "deed", "a", "b") == ids.derive(there, "deed", "a", "b")


def test_the_recipe_of_an_id_never_changes() -> None:
    """What is stored under an id must be found again by every later version."""
    id_ = ids.derive(datetime(2026, 3, 1, 12, 0, tzinfo=UTC), "recognition", "urn:a", "1", "emp-7")
    assert str(id_) == "019ca945-0a00-8e15-b215-a5d1c161599b"
