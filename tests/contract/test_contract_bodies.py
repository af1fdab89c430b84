"""What a body must be, for every type: by its model, and by the JSON Schema that others are given."""

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from schemas.generate import schemas_below
from schemas.registry import EventType, SchemaError, read_body
from tests.contract.contract_bodies import (
    Place,
    drawn_bodies,
    encode,
    example_bodies,
    few_draws,
    places,
    published,
    replaced,
)

LEAST_BOUNDS = {
    "string": ({"maxLength"}, {"enum"}, {"const"}, {"format"}),
    "array": ({"maxItems"},),
    "integer": ({"minimum", "maximum"},),
    "object": ({"additionalProperties"},),
}
STRANGE_VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    10**20,
    1.5,
    "",
    " ",
    "x" * 5000,
    "nul\x00",
    [],
    {},
    ["x"] * 60,
    "2026-02-30",
]


def accepts_model(event_type: EventType, body: Any) -> bool:
    try:
        read_body(event_type.type, event_type.dataschema, encode(body))
    except SchemaError:
        return False
    return True


def accepts_schema(event_type: EventType, body: Any) -> bool:
    checker = Draft202012Validator.FORMAT_CHECKER
    return Draft202012Validator(published(event_type), format_checker=checker).is_valid(body)


def test_the_json_schema_is_itself_valid_2020_12(event_type: EventType) -> None:
    Draft202012Validator.check_schema(published(event_type))


def test_every_text_list_and_number_is_bounded(event_type: EventType) -> None:
    for name, schema in schemas_below(published(event_type)):
        for bounds in [LEAST_BOUNDS.get(schema.get("type", ""), (set(),))]:
            assert any(bound <= schema.keys() for bound in bounds), f"{name} has no bound: {schema}"


def test_every_field_says_what_it_means(event_type: EventType) -> None:
    schema = published(event_type)
    assert schema["description"]
    for name, field in schemas_below(schema):
        assert not name or field.get("description"), f"{name} is not described"


def test_the_examples_show_every_field(event_type: EventType) -> None:
    shown = set().union(*example_bodies(event_type))
    assert shown == published(event_type)["properties"].keys()


def test_an_unknown_field_is_refused_wherever_it_stands(event_type: EventType) -> None:
    for body in example_bodies(event_type):
        objects: list[Place] = [place for place, value in places(body) if isinstance(value, dict)]
        for place in [(), *objects]:
            widened = replaced(body, (*place, "mood"), "sunny")
            with pytest.raises(SchemaError, match="a field this version does not have"):
                read_body(event_type.type, event_type.dataschema, encode(widened))
            assert not accepts_schema(event_type, widened)


def test_each_required_field_must_be_there(event_type: EventType) -> None:
    body = example_bodies(event_type)[0]
    required = published(event_type)["required"]
    for missing in required:
        shortened = {name: value for name, value in body.items() if name != missing}
        with pytest.raises(SchemaError, match=f"^{missing}: Field required"):
            read_body(event_type.type, event_type.dataschema, encode(shortened))
        assert not accepts_schema(event_type, shortened)
    assert accepts_model(event_type, {name: body[name] for name in required})


def test_an_example_survives_being_written_and_read_again(event_type: EventType) -> None:
    for body in example_bodies(event_type):
        value = read_body(event_type.type, event_type.dataschema, encode(body)).value
        written = value.model_dump_json(exclude_defaults=True, by_alias=True)
        assert read_body(event_type.type, event_type.dataschema, written.encode()).value == value
        assert accepts_schema(event_type, json.loads(written))


@few_draws
@given(data=st.data())
def test_whatever_the_json_schema_allows_is_read_and_survives_the_way_back(
    event_type: EventType, data: st.DataObject
) -> None:
    body = data.draw(drawn_bodies(event_type))
    value = read_body(event_type.type, event_type.dataschema, encode(body)).value
    written = value.model_dump_json(exclude_defaults=True, by_alias=True)
    assert read_body(event_type.type, event_type.dataschema, written.encode()).value == value


def test_model_and_json_schema_agree_about_strange_values(event_type: EventType) -> None:
    body = example_bodies(event_type)[0]
    for place, _ in places(body):
        for value in STRANGE_VALUES:
            strange = replaced(body, place, value)
            if place[-1] in {"done_at", "finished_at", "signed_at"} and isinstance(value, str):
                assert not accepts_model(event_type, strange)
            else:
                assert accepts_model(event_type, strange) == accepts_schema(event_type, strange), place


def test_a_thank_you_note_says_from_and_has_no_second_spelling() -> None:
    note = {"giver": "e-1155", "to": ["e-1120"], "deed": "You stayed until the gauge was understood."}
    with pytest.raises(SchemaError, match=r"^from: Field required"):
        read_body("dev.waystone.thank-you-note.v1", None, encode(note))


@pytest.mark.parametrize("moment", ["2026-10-20T09:00:00", "2026-10-20 09:00:00Z", "1792486800", "soon"])
def test_a_moment_needs_a_time_zone_and_the_form_of_rfc_3339(moment: str) -> None:
    deed = {
        "team": "calibration-lab",
        "deed": "01a124d7-cd48-82f1-9dc7-f4f958d34824",
        "employee": "e-1168",
        "title": "Labelled every cable on bench four",
        "done_at": moment,
    }
    with pytest.raises(SchemaError, match=r"^done_at: "):
        read_body("dev.waystone.unnoticed-deed.v1", None, encode(deed))


@pytest.mark.parametrize("day", ["1735689600", "20260601", "2026-06-31", "2026-06-01T00:00:00"])
def test_a_day_is_nothing_but_a_day(day: str) -> None:
    goal = {"employee": "e-1077", "goal": "see-the-whole-stack", "title": "See the whole stack", "due": day}
    with pytest.raises(SchemaError, match=r"^due: "):
        read_body("dev.waystone.goal.v1", None, encode(goal))


def test_the_order_of_fields_does_not_matter(event_type: EventType) -> None:
    for body in example_bodies(event_type):
        names = list(body)
        random.Random(7).shuffle(names)
        shuffled = encode({name: body[name] for name in names})
        read = read_body(event_type.type, event_type.dataschema, encode(body)).value
        assert read_body(event_type.type, event_type.dataschema, shuffled).value == read
