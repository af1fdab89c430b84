"""Texts that must not get in, and texts that must not get out again in an error."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.registry import EventType, SchemaError, read_body
from tests.contract.contract_bodies import encode, example_bodies, few_draws, places, replaced

CANARY = "kanarienvogel"
ERROR_CHARS_MAX = 330


def test_nul_is_refused_in_every_text(event_type: EventType) -> None:
    for body in example_bodies(event_type):
        for place, value in places(body):
            if isinstance(value, str):
                with pytest.raises(SchemaError):
                    read_body(event_type.type, None, encode(replaced(body, place, value[:2] + "\x00")))


def test_a_lone_surrogate_is_refused_in_every_text(event_type: EventType) -> None:
    texts = [(b, place) for b in example_bodies(event_type) for place, v in places(b) if isinstance(v, str)]
    for body, place in texts:
        for surrogate in (r"\ud83d", r"\udc00", r"\udc00\ud83d"):
            text = json.dumps(replaced(body, place, CANARY)).replace(CANARY, surrogate)
            with pytest.raises(SchemaError, match="not valid JSON"):
                read_body(event_type.type, None, text.encode())


@pytest.mark.parametrize("data", [b"", b"null", b"[]", b"7", b'"thanks"', b"\xff\xfe", b"{", b"[" * 100_000])
def test_what_is_no_json_object_is_refused_in_one_line(event_type: EventType, data: bytes) -> None:
    with pytest.raises(SchemaError) as refusal:
        read_body(event_type.type, None, data)
    assert len(str(refusal.value).splitlines()) == 1


@few_draws
@given(data=st.data())
def test_an_error_never_repeats_what_the_sender_wrote(event_type: EventType, data: st.DataObject) -> None:
    body = data.draw(st.sampled_from(example_bodies(event_type)))
    secret = CANARY + data.draw(st.text(max_size=20)) * data.draw(st.sampled_from([1, 1, 500]))
    place, _ = data.draw(st.sampled_from(list(places(body))))
    wrong = data.draw(st.sampled_from([secret, [secret], {secret: secret}, f"\x00{secret}"]))
    spoilt = replaced(body, place, wrong)
    if data.draw(st.booleans()):
        spoilt[secret] = wrong
    try:
        read_body(event_type.type, event_type.dataschema, json.dumps(spoilt).encode())
    except SchemaError as error:
        line = str(error)
        assert CANARY not in line
        assert len(line.splitlines()) == 1
        assert len(line) <= ERROR_CHARS_MAX


@few_draws
@given(type_=st.text(max_size=60), dataschema=st.none() | st.text(max_size=60), data=st.binary(max_size=200))
def test_any_bytes_at_all_are_refused_and_nothing_breaks(
    type_: str, dataschema: str | None, data: bytes
) -> None:
    with pytest.raises(SchemaError):
        read_body(type_, dataschema, data)


@few_draws
@given(text=st.text())
def test_an_unknown_type_or_dataschema_is_not_repeated(text: str) -> None:
    for type_, dataschema in (
        (CANARY + text, None),
        ("dev.waystone.person.v1", CANARY + text),
        ("dev.waystone.person.v1", f"urn:waystone:schema:person:1.{CANARY}{text}"),
    ):
        with pytest.raises(SchemaError) as refusal:
            read_body(type_, dataschema, b"{}")
        assert CANARY not in str(refusal.value)
