"""The ledger's fast decoder never says anything but what the contract says."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.registry import BY_NAME, EventType
from services.kit.errors import Refusal
from services.ledger.decode import Decoder
from services.ledger.domain import Noted
from tests.contract.contract_bodies import drawn_bodies, example_bodies, places, replaced
from tests.unit.ledger_records import (
    AT,
    ENTRIES,
    ENTRY_TYPES,
    NOW,
    canonical,
    event_of,
    raw_record,
    record_of,
)

DECODER = Decoder(b"key of the test")
RECOGNITION = BY_NAME["recognition"]
some_draws = settings(max_examples=60, deadline=None)
types = pytest.mark.parametrize("event_type", ENTRY_TYPES, ids=[event.name for event in ENTRY_TYPES])
STRANGE: list[Any] = [
    None, True, 0, 10**40, 1.5, "", " ", "\x1c", "\u2003", "nul\x00", "line\n", "Ünïcode ✨", "\x7f", "x" * 64,
    "x" * 65, "x" * 4001, "2026-02-30", "2026-11-05", "20261105", [], {}, ["x"] * 11, ["X"], "both", "person",
]  # fmt: skip


def holds_for(record: Any) -> None:
    fast, strict = DECODER.fast(record, NOW), DECODER.strict(record, NOW)
    assert fast is None or fast == strict
    assert DECODER(record, NOW) == strict


@types
def test_what_recognition_writes_takes_the_fast_path(event_type: EventType) -> None:
    for body in example_bodies(event_type):
        record = record_of(event_of(event_type, canonical(event_type, body)))
        noted = DECODER.fast(record, NOW)
        assert isinstance(noted, Noted)
        assert noted == DECODER.strict(record, NOW)


@types
@some_draws
@given(data=st.data())
def test_any_good_body_gives_the_same_rows_on_both_paths(event_type: EventType, data: st.DataObject) -> None:
    body = data.draw(drawn_bodies(event_type))
    for bytes_ in (canonical(event_type, body), json.dumps(body).encode()):
        record = record_of(event_of(event_type, bytes_))
        holds_for(record)
        assert isinstance(DECODER(record, NOW), Noted)


@types
@some_draws
@given(data=st.data())
def test_a_strange_value_at_any_place_gets_the_contracts_verdict(
    event_type: EventType, data: st.DataObject
) -> None:
    body = data.draw(drawn_bodies(event_type))
    place, _ = data.draw(st.sampled_from(list(places(body))))
    strange = replaced(body, place, data.draw(st.sampled_from(STRANGE)))
    text = json.dumps(strange, separators=(",", ":"), ensure_ascii=data.draw(st.booleans()))
    holds_for(record_of(event_of(event_type, text.encode("utf-8", "surrogatepass"))))


@types
@some_draws
@given(data=st.data())
def test_damaged_bytes_get_the_contracts_verdict(event_type: EventType, data: st.DataObject) -> None:
    value = canonical(event_type, data.draw(drawn_bodies(event_type)))
    start = data.draw(st.integers(0, len(value)))
    end = data.draw(st.integers(start, min(start + 8, len(value))))
    damage = st.sampled_from(
        [b'"', b"\\", b"}", b"NaN", b"\\u0000", b"\\ud800", b"\xed\xa0\x80", b"\xff", b"\x00", b" "]
    )
    holds_for(record_of(event_of(event_type, value[:start] + data.draw(damage) + value[end:])))


@types
@some_draws
@given(data=st.data())
def test_a_key_that_comes_twice_is_refused(event_type: EventType, data: st.DataObject) -> None:
    value = canonical(event_type, data.draw(drawn_bodies(event_type)))
    again = json.dumps(json.loads(value)["employee"])
    record = record_of(event_of(event_type, b'{"employee":' + again.encode() + b"," + value[1:]))
    holds_for(record)
    assert isinstance(DECODER(record, NOW), Refusal)


@pytest.mark.parametrize("text", ["nul\\u0000", "\\ud800", "\\udfff\\ud800"])
def test_nul_and_lone_surrogates_are_refused(text: str) -> None:
    value = canonical(RECOGNITION, example_bodies(RECOGNITION)[0])
    spoilt = value[:-1] + f',"impact":"{text}"'.encode() + b"}"
    record = record_of(event_of(RECOGNITION, spoilt))
    holds_for(record)
    assert isinstance(DECODER(record, NOW), Refusal)


header_values = st.one_of(
    st.none(),
    st.binary(max_size=12),
    st.sampled_from(
        [b"", b"1.0", b"application/json", b"application/json; charset=utf-8", b"text/plain", b"x" * 257]
    ),
    st.sampled_from(
        [
            b"2026-10-06T15:42:10.123Z",
            b"2026-10-06T15:42:10.123+00:00",
            b"2026-W41-2T15:42:10.123Z",
            b"1999-12-31T23:59:59.999Z",
        ]
    ),
    st.sampled_from(
        ["é".encode() * 128, "é".encode() * 129, b"\xff", b"urn:elsewhere", b"bell\x07", b"two\nlines"]
    ),
)


@some_draws
@given(st.data())
def test_strange_headers_get_the_contracts_verdict(data: st.DataObject) -> None:
    sound = record_of(event_of(RECOGNITION, canonical(RECOGNITION, example_bodies(RECOGNITION)[0])))
    headers = list(sound.headers)
    for _ in range(data.draw(st.integers(1, 2))):
        place = data.draw(st.integers(0, len(headers) - 1))
        name, _ = headers[place]
        match data.draw(st.sampled_from(["value", "drop", "twice", "name", "traceparent"])):
            case "value":
                headers[place] = (name, data.draw(header_values))
            case "drop" if len(headers) > 1:
                del headers[place]
            case "twice":
                headers.insert(place, (name, data.draw(header_values)))
            case "name":
                headers[place] = (
                    data.draw(st.sampled_from([name.upper(), "ce_other", "ce_type"])),
                    headers[place][1],
                )
            case _:
                headers.append(("ce_traceparent", data.draw(header_values)))
    holds_for(raw_record(ENTRIES, sound.key, sound.value, headers))


def test_a_header_of_two_lines_is_not_taken_for_two_headers() -> None:
    sound = record_of(event_of(RECOGNITION, canonical(RECOGNITION, example_bodies(RECOGNITION)[0])))
    headers = [(name, b"two\nlines" if name == "ce_partitionkey" else value) for name, value in sound.headers]
    record = raw_record(ENTRIES, sound.key, sound.value, headers)
    holds_for(record)
    assert isinstance(DECODER(record, NOW), Refusal)


@pytest.mark.parametrize(
    ("key", "value"), [(None, b"{}"), (b"e-1", None), (b"e-1", b""), (b"e-1", b" " * 1_048_577)]
)
def test_a_record_without_key_or_of_no_usable_size_is_refused(key: bytes | None, value: bytes | None) -> None:
    sound = record_of(event_of(RECOGNITION, b"{}"))
    record = raw_record(ENTRIES, key, value, sound.headers)
    holds_for(record)
    assert isinstance(DECODER(record, NOW), Refusal)


def test_an_id_that_is_not_of_the_events_time_is_refused() -> None:
    value = canonical(RECOGNITION, example_bodies(RECOGNITION)[0])
    other = event_of(RECOGNITION, value, at=AT + timedelta(milliseconds=1)).id
    for id_ in (other, "01a111e1-2450-45d8-bff1-ee062f72ccfd", "not-an-id"):
        record = record_of(event_of(RECOGNITION, value, id_=id_))
        holds_for(record)
        assert isinstance(DECODER(record, NOW), Refusal)


@pytest.mark.parametrize("minutes", [6, -15_000_000])
def test_an_event_of_the_future_or_before_2000_is_refused(minutes: int) -> None:
    value = canonical(RECOGNITION, example_bodies(RECOGNITION)[0])
    record = record_of(event_of(RECOGNITION, value, at=NOW + timedelta(minutes=minutes)))
    holds_for(record)
    assert isinstance(DECODER(record, NOW), Refusal)


def test_a_type_of_another_topic_is_refused() -> None:
    person = BY_NAME["person"]
    value = canonical(person, example_bodies(person)[0])
    holds_for(record_of(event_of(person, value)))
    assert isinstance(DECODER(record_of(event_of(person, value)), NOW), Refusal)


def test_an_entry_written_by_somebody_else_is_judged_the_same() -> None:
    value = json.dumps(example_bodies(RECOGNITION)[0], indent=1).encode()
    record = record_of(event_of(RECOGNITION, value))
    assert DECODER.fast(record, NOW) is None
    assert isinstance(DECODER(record, NOW), Noted)
