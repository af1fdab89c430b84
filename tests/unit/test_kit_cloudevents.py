"""A Kafka record is an event or a refusal with a stable code; nothing a sender does makes decoding fail."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cloudevents.core.bindings import kafka as library
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from services.kit import cloudevents
from services.kit.cloudevents import Event, RawHeader
from services.kit.errors import Refusal
from tests.unit.kit_records import NOW, Record, good_headers

_JSON_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
_DATA = st.dictionaries(
    _JSON_TEXT,
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False) | _JSON_TEXT,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_JSON_TEXT, inner, max_size=3),
        max_leaves=8,
    ).filter(lambda value: "Infinity" not in json.dumps(value)),
    max_size=4,
)
_ATTRIBUTE = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=30)
_MILLISECOND_TIMES = st.integers(0, (NOW - cloudevents.TIME_EARLIEST) // timedelta(milliseconds=1)).map(
    lambda milliseconds: cloudevents.TIME_EARLIEST + timedelta(milliseconds=milliseconds)
)
_EVENTS = st.builds(
    Event,
    id=_ATTRIBUTE,
    source=_ATTRIBUTE,
    type=_ATTRIBUTE,
    time=_MILLISECOND_TIMES,
    data=_DATA.map(lambda data: json.dumps(data).encode()),
    dataschema=st.none() | _ATTRIBUTE,
    partitionkey=_ATTRIBUTE,
    correlationid=st.none() | _ATTRIBUTE,
    causationid=st.none() | _ATTRIBUTE,
    traceparent=st.none() | _ATTRIBUTE,
)

_HEADER_NAMES = st.sampled_from(
    [name for name, _ in good_headers()] + ["ce_dataschema", "CE_ID", "reply_to", "dlq_attempts", "", "\n"]
)


@given(
    st.none() | st.binary(max_size=8),
    st.none() | st.binary(max_size=80) | _DATA.map(lambda data: json.dumps(data).encode()),
    st.lists(st.tuples(_HEADER_NAMES | st.text(max_size=4), st.none() | st.binary(max_size=20)), max_size=70),
)
def test_no_record_makes_decoding_fail(
    key: bytes | None, value: bytes | None, headers: list[RawHeader]
) -> None:
    for extra in ([], good_headers()):
        decoded = cloudevents.decode(Record(key, value, extra + headers), NOW)
        assert isinstance(decoded, Event | Refusal)


@given(
    st.binary(max_size=100)
    | st.dictionaries(
        st.sampled_from(
            ["specversion", "id", "source", "type", "time", "data", "datacontenttype", "dataschema"]
        ),
        st.sampled_from(["1.0", "2026-02-28T09:30:00Z", "application/json", "9999-12-31T23:59:59-23:59"])
        | _DATA,
    ).map(lambda envelope: json.dumps(envelope).encode())
)
def test_no_bytes_make_structured_decoding_fail(data: bytes) -> None:
    assert isinstance(cloudevents.decode_structured(data, NOW), Event | Refusal)


@given(_EVENTS)
def test_an_event_encoded_is_decoded_as_it_was(event: Event) -> None:
    key, value, headers = cloudevents.encode(event)
    assert cloudevents.decode(Record(key, value, list(headers)), NOW) == event


@given(_EVENTS)
def test_the_structured_form_is_the_same_event(event: Event) -> None:
    data = json.dumps(cloudevents.to_structured(event)).encode()
    structured = cloudevents.decode(
        Record(b"k", data, [("content-type", b"application/cloudevents+json")]), NOW
    )
    assert isinstance(structured, Event)
    assert json.loads(structured.data) == json.loads(event.data)
    assert replace(structured, data=b"") == replace(event, data=b"")


@given(_EVENTS)
def test_the_cloudevents_library_reads_what_we_write(event: Event) -> None:
    key, value, headers = cloudevents.encode(event)
    theirs = library.from_binary(library.KafkaMessage(dict(headers), key, value), JSONFormat())
    ours = {name: getattr(event, name) for name in ("id", "source", "type", "time", "partitionkey")}
    assert {name: theirs.get_attributes()[name] for name in ours} == ours
    assert theirs.get_data() == json.loads(event.data)
    assert theirs.get_extension("causationid") == event.causationid


@pytest.mark.parametrize("write", [library.to_binary, library.to_structured])
@given(event=_EVENTS)
def test_we_read_what_the_cloudevents_library_writes(write: Any, event: Event) -> None:
    optional = ("dataschema", "correlationid", "causationid", "traceparent")
    theirs = CloudEvent(
        {
            "id": event.id, "source": event.source, "type": event.type, "time": event.time,
            "datacontenttype": "application/json", "partitionkey": event.partitionkey, "specversion": "1.0",
        }
        | {name: value for name in optional if (value := getattr(event, name)) is not None},
        json.loads(event.data),
    )  # fmt: skip
    message = write(theirs, JSONFormat())
    ours = cloudevents.decode(Record(b"k", message.value, list(message.headers.items())), NOW)
    assert isinstance(ours, Event), ours
    assert json.loads(ours.data) == json.loads(event.data)
    assert replace(ours, data=b"") == replace(event, data=b"")
