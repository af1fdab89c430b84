"""How a reader treats versions it knows, newer ones, and others."""

import pytest

from schemas.registry import BY_NAME, BY_TYPE, EVENT_TYPES, EventType, SchemaError, read_body
from tests.contract.contract_bodies import encode, example_bodies, places, replaced


def newer(event_type: EventType) -> str:
    return f"urn:waystone:schema:{event_type.name}:{event_type.major}.{event_type.minor + 1}"


def test_every_type_has_one_name_and_one_dataschema() -> None:
    assert (
        len(BY_TYPE) == len(BY_NAME) == len({event.dataschema for event in EVENT_TYPES}) == len(EVENT_TYPES)
    )


def test_new_fields_of_a_newer_minor_are_ignored_and_counted(event_type: EventType) -> None:
    for body in example_bodies(event_type):
        inner = [place for place, value in places(body) if isinstance(value, dict)]
        widened = body | {"season": "autumn", "mood": {"today": "sunny"}}
        for place in inner:
            widened = replaced(widened, (*place, "weather"), "rain")
        read = read_body(event_type.type, newer(event_type), encode(widened))
        assert read.fields_ignored == 2 + len(inner)
        assert read.value == read_body(event_type.type, None, encode(body)).value


def test_a_newer_minor_without_new_fields_ignores_nothing(event_type: EventType) -> None:
    body = example_bodies(event_type)[0]
    assert read_body(event_type.type, newer(event_type), encode(body)).fields_ignored == 0


@pytest.mark.parametrize("known", [True, False], ids=["named", "not-named"])
def test_within_a_known_minor_a_new_field_is_refused(event_type: EventType, known: bool) -> None:
    body = example_bodies(event_type)[0] | {"season": "autumn"}
    with pytest.raises(SchemaError, match="a field this version does not have"):
        read_body(event_type.type, event_type.dataschema if known else None, encode(body))


def test_a_newer_minor_excuses_no_fault_in_a_known_field(event_type: EventType) -> None:
    body = example_bodies(event_type)[0] | {"season": "autumn"}
    body[next(iter(body))] = 7.5
    with pytest.raises(SchemaError):
        read_body(event_type.type, newer(event_type), encode(body))


def test_an_unknown_major_is_refused(event_type: EventType) -> None:
    body = encode(example_bodies(event_type)[0])
    with pytest.raises(SchemaError, match="not at this major version"):
        read_body(f"dev.waystone.{event_type.name}.v{event_type.major + 1}", None, body)
    with pytest.raises(SchemaError, match="dataschema does not name"):
        read_body(event_type.type, f"urn:waystone:schema:{event_type.name}:{event_type.major + 1}.0", body)


@pytest.mark.parametrize("minor", ["", "x", "-1", "1.0", "٣", "10000", " 1"])
def test_a_minor_that_is_no_small_number_is_refused(minor: str) -> None:
    person = BY_NAME["person"]
    with pytest.raises(SchemaError, match="dataschema does not name"):
        read_body(person.type, f"urn:waystone:schema:person:1.{minor}", encode(example_bodies(person)[0]))


def test_the_dataschema_of_another_type_is_refused() -> None:
    person = BY_NAME["person"]
    with pytest.raises(SchemaError, match="dataschema does not name"):
        read_body(person.type, BY_NAME["deed"].dataschema, encode(example_bodies(person)[0]))


def test_a_type_on_another_types_topic_is_refused(event_type: EventType) -> None:
    body = encode(example_bodies(event_type)[0])
    read_body(event_type.type, None, body, topic=event_type.topic)
    with pytest.raises(SchemaError, match="does not belong to this topic"):
        read_body(event_type.type, None, body, topic="recognition.somewhere-else.v1")
