"""Every fault of a record has its code, and a refusal repeats nothing of what was sent."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from services.kit import cloudevents
from services.kit.cloudevents import Event, RawHeader
from services.kit.errors import Code, Refusal
from tests.unit.kit_records import NOW, Record, good_headers

CANARY = "canary"


def _good(**changes: Any) -> Record:
    return replace(Record(headers=good_headers()), **changes)


def _refused(record: Record) -> Refusal:
    refusal = cloudevents.decode(record, NOW)
    assert isinstance(refusal, Refusal), refusal
    return refusal


@pytest.mark.parametrize(
    "record",
    [
        _good(key=None),
        _good(value=None),
        _good(value=b""),
        _good(value=b'{"a":"' + b"x" * cloudevents.VALUE_BYTES_MAX + b'"}'),
    ],
    ids=["null key", "null value", "empty value", "over 1 MiB"],
)
def test_a_record_that_carries_no_event_is_record_bad(record: Record) -> None:
    assert _refused(record).code == Code.RECORD_BAD


def test_a_value_of_exactly_one_mebibyte_is_accepted() -> None:
    shell = len(b'{"a":""}')
    value = b'{"a":"' + b"x" * (cloudevents.VALUE_BYTES_MAX - shell) + b'"}'
    assert isinstance(cloudevents.decode(_good(value=value), NOW), Event)


@pytest.mark.parametrize(
    "extra",
    [
        [("anything", None)],
        [("anything", b"\xff\xfe")],
        [("ce_id", b"another")],
        [("CE_ID", b"another")],
        [("Content-Type", b"application/json")],
        [("anything", b"x" * (cloudevents.HEADER_BYTES_MAX + 1))],
        [(f"h{n}", b"") for n in range(cloudevents.HEADERS_MAX)],
    ],
    ids=[
        "null",
        "not UTF-8",
        "ce_ twice",
        "ce_ twice, capitals",
        "content type twice",
        "too long",
        "too many",
    ],
)
def test_a_header_that_cannot_be_trusted_is_header_bad(extra: list[RawHeader]) -> None:
    assert _refused(_good(headers=good_headers() + extra)).code == Code.HEADER_BAD


def test_a_foreign_header_may_come_twice_and_a_reply_to_means_nothing() -> None:
    record = _good(headers=[*good_headers(), ("x", b"1"), ("x", b"2"), ("reply_to", b"elsewhere")])
    assert cloudevents.decode(record, NOW) == cloudevents.decode(_good(), NOW)


_NOT_JSON = {
    "truncated": b'{"a":',
    "deep": b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "long integer": b'{"a":' + b"1" * 5_000 + b"}",
    "NaN": b'{"a":NaN}',
    "Infinity": b'{"a":-Infinity}',
    "duplicate key": b'{"a":1,"a":1}',
    "lone surrogate": rb'{"a":"\ud800"}',
    "scalar": b'"text"',
    "array": b"[]",
    "not UTF-8": b'{"a":"\xff"}',
}


@pytest.mark.parametrize("value", _NOT_JSON.values(), ids=_NOT_JSON)
def test_a_body_that_is_not_strict_json_is_decode_bad(value: bytes) -> None:
    assert _refused(_good(value=value)).code == Code.DECODE_BAD
    structured = [("content-type", b"application/cloudevents+json; charset=utf-8")]
    assert _refused(_good(value=value, headers=structured)).code == Code.DECODE_BAD


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "", "json", "application/avro"])
def test_another_content_type_is_decode_bad(content_type: str) -> None:
    record = _good(headers=good_headers(**{"content-type": content_type}))
    assert _refused(record).code == Code.DECODE_BAD


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON; charset=utf-8", "application/vnd.deed+json", None]
)
def test_json_by_any_of_its_names_is_read(content_type: str | None) -> None:
    record = _good(headers=good_headers(**{"content-type": content_type}))
    assert isinstance(cloudevents.decode(record, NOW), Event)


@pytest.mark.parametrize(
    "changes",
    [
        {"ce_specversion": None},
        {"ce_specversion": "0.3"},
        {"ce_id": None},
        {"ce_id": ""},
        {"ce_id": "x" * (cloudevents.ATTRIBUTE_CHARS_MAX + 1)},
        {"ce_id": "a\x00b"},
        {"ce_source": None},
        {"ce_type": None},
        {"ce_type": "line\nbreak"},
        {"ce_correlationid": "\x1b[31m"},
        {"ce_dataschema": ""},
        {"ce_time": None},
        {"ce_time": "2026-02-28T09:30:00"},
        {"ce_time": "2026-02-28"},
        {"ce_time": "yesterday"},
        {"ce_time": "1772270000"},
        {"ce_time": "2026-02-30T09:30:00Z"},
        {"ce_time": "٢٠٢٦-02-28T09:30:00Z"},
        {"ce_time": "9999-12-31T23:59:59-23:59"},
        {"ce_time": "1999-12-31T23:59:59.999Z"},
        {"ce_time": "2000-01-01T00:00:00+00:01"},
        {"ce_time": "2026-03-01T12:05:01Z"},
    ],
    ids=str,
)
def test_an_envelope_that_breaks_its_contract_is_schema_bad(changes: dict[str, str | None]) -> None:
    assert _refused(_good(headers=good_headers(**changes))).code == Code.SCHEMA_BAD


@pytest.mark.parametrize(
    "envelope",
    [{"id": 7}, {"id": None}, {"time": 1772270000}, {"data": "text"}, {"data": [1]}, {"type": {"a": 1}}],
    ids=str,
)
def test_a_structured_envelope_of_the_wrong_types_is_schema_bad(envelope: dict[str, Any]) -> None:
    good = {
        "specversion": "1.0",
        "id": "1",
        "source": "s",
        "type": "t",
        "time": "2026-02-28T09:30:00Z",
        "data": {},
    }
    assert isinstance(cloudevents.decode_structured(json.dumps(good).encode(), NOW), Event)
    refusal = cloudevents.decode_structured(json.dumps(good | envelope).encode(), NOW)
    assert isinstance(refusal, Refusal)
    assert refusal.code == Code.SCHEMA_BAD


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2000-01-01T00:00:00Z", datetime(2000, 1, 1, tzinfo=UTC)),
        ("2026-03-01T12:05:00Z", NOW + timedelta(minutes=5)),
        ("2026-02-28t09:30:00.5z", datetime(2026, 2, 28, 9, 30, 0, 500_000, tzinfo=UTC)),
        ("2026-02-28T09:30:00.123456789+05:30",
         datetime(2026, 2, 28, 9, 30, 0, 123456, tzinfo=timezone(timedelta(hours=5, minutes=30)))),
    ],
)  # fmt: skip
def test_a_time_within_bounds_is_read_as_utc(text: str, time: datetime) -> None:
    event = cloudevents.decode(_good(headers=good_headers(ce_time=text)), NOW)
    assert isinstance(event, Event)
    assert event.time == time
    assert event.time.utcoffset() == timedelta(0)


def test_an_event_without_partition_key_is_not_encoded() -> None:
    with pytest.raises(ValueError, match="partitionkey"):
        cloudevents.encode(Event("1", "s", "t", NOW, b"{}"))


_CANARIES = [
    _good(key=None, value=CANARY.encode()),
    _good(headers=good_headers(ce_id=f"{CANARY}\n")),
    _good(headers=good_headers(ce_time=CANARY)),
    _good(headers=good_headers(ce_type=CANARY * 100)),
    _good(headers=good_headers(ce_specversion=CANARY)),
    _good(headers=good_headers(**{"content-type": f"text/{CANARY}"})),
    _good(headers=[*good_headers(), (CANARY, None)]),
    _good(headers=[*good_headers(), (CANARY, CANARY.encode() + b"\xff")]),
    _good(headers=[*good_headers(), (f"ce_{CANARY}", b"1"), (f"ce_{CANARY}", b"2")]),
    *(_good(value=value.replace(b"a", CANARY.encode())) for value in _NOT_JSON.values()),
]


@pytest.mark.parametrize("record", _CANARIES)
def test_a_refusal_repeats_nothing_of_the_record(record: Record) -> None:
    refusal = _refused(record)
    assert CANARY not in refusal.detail
    assert refusal.detail.isprintable()
