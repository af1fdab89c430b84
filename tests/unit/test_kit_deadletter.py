"""A dead letter is the record as it came, with headers of ours that a sender cannot forge or break."""

import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka import ConsumerRecord, TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from services.kit import outbox
from services.kit.batch import Item, Outgoing, Position
from services.kit.cloudevents import RawHeader
from services.kit.deadletter import LETTER_BYTES_MAX, PREFIX, dead_letter
from services.kit.errors import Refusal, Stage
from services.kit.unreadable import _MARK

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
REFUSAL = Refusal("SCHEMA_BAD", Stage.VALIDATE, "time is missing")
_OURS = ("dlq_topic", "dlq_partition", "dlq_offset", "dlq_group", "dlq_stage", "dlq_code", "dlq_detail",
         "dlq_attempts", "dlq_first_at", "dlq_digest")  # fmt: skip


def _record(
    key: bytes | None = b"k", value: bytes | None = b"v", headers: tuple[RawHeader, ...] = ()
) -> ConsumerRecord:
    return ConsumerRecord(
        topic="in", partition=3, offset=42, timestamp=0, timestamp_type=0, key=key, value=value, checksum=None,
        serialized_key_size=0, serialized_value_size=0, headers=headers,
    )  # fmt: skip


def _letter(record: ConsumerRecord, now: datetime = NOW) -> Outgoing:
    item: Item[Any] = Item(Position(TopicPartition("in", 3), 1, 42), record, REFUSAL)
    return dead_letter(item, REFUSAL, topic="dlq", group="g", now=now, key=b"secret")


def _again(letter: Outgoing, now: datetime) -> Outgoing:
    """The letter of a redriven record, refused once more."""
    return _letter(_record(letter.key, letter.value, tuple(letter.headers)), now)


_RAW_HEADERS = st.lists(
    st.tuples(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.sampled_from(_OURS),
        st.none() | st.binary(max_size=20) | st.sampled_from([b"1" * 5000, b"-1", b"9999", b"2020-01-01"]),
    ),
    max_size=6,
).map(tuple)


@given(st.none() | st.binary(max_size=20), st.none() | st.binary(max_size=20), _RAW_HEADERS)
def test_key_value_and_headers_stay_as_they_came(
    key: bytes | None, value: bytes | None, headers: tuple[RawHeader, ...]
) -> None:
    letter = _letter(_record(key, value, headers))
    assert letter.key == key
    assert letter.value == (b"" if key is None and value is None else value)
    theirs = [header for header in headers if not header[0].startswith(PREFIX)]
    assert list(letter.headers)[: len(theirs)] == theirs
    names = [name for name, _ in letter.headers[len(theirs) :]]
    assert sorted(names) == sorted({*names, *_OURS})  # each of ours once, and no other


@given(_RAW_HEADERS)
def test_any_dead_letter_passes_through_the_outbox(headers: tuple[RawHeader, ...]) -> None:
    letter = _letter(_record(headers=headers))
    assert outbox.unpack(outbox.pack([letter])) == [letter]


def test_the_headers_say_where_why_and_when() -> None:
    headers = dict(_letter(_record()).headers)
    assert headers.pop("dlq_digest")
    assert headers == {
        "dlq_topic": b"in", "dlq_partition": b"3", "dlq_offset": b"42", "dlq_group": b"g", "dlq_stage": b"validate",
        "dlq_code": b"SCHEMA_BAD", "dlq_detail": b"time is missing", "dlq_attempts": b"1",
        "dlq_first_at": b"2026-03-01T12:00:00+00:00",
    }  # fmt: skip


def test_each_further_refusal_counts_and_the_time_of_the_first_stays() -> None:
    letter = _letter(_record(headers=(("h", b"v"),)))
    for attempt in range(2, 5):
        letter = _again(letter, NOW + timedelta(days=attempt))
        headers = dict(letter.headers)
        assert headers["dlq_attempts"] == str(attempt).encode()
        assert headers["dlq_first_at"] == b"2026-03-01T12:00:00+00:00"
        assert len(letter.headers) == len(headers)


def test_the_count_of_attempts_has_an_end() -> None:
    letter = _letter(_record(headers=(("dlq_attempts", b"9999"),)))
    assert dict(letter.headers)["dlq_attempts"] == b"9999"


@pytest.mark.parametrize(
    "text", [b"", b"x", b"-1", b"1e9", b"\xff", b" 1", b"1" * 5_000, "٣".encode(), None], ids=repr
)
def test_a_made_up_count_of_attempts_counts_as_none(text: bytes | None) -> None:
    assert dict(_letter(_record(headers=(("dlq_attempts", text),))).headers)["dlq_attempts"] == b"1"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"soon",
        b"\xff\xfe",
        b"2026-03-01",
        b"2999-01-01T00:00:00+00:00",
        b"\x1b[31m2026-01-01",
        b"9" * 9_000,
        None,
    ],
    ids=lambda text: repr(text)[:20],
)
def test_a_made_up_time_of_the_first_attempt_is_replaced(text: bytes | None) -> None:
    letter = _letter(_record(headers=(("dlq_first_at", text),)))
    assert dict(letter.headers)["dlq_first_at"] == b"2026-03-01T12:00:00+00:00"


def test_the_digest_depends_on_the_value_and_the_key_and_holds_neither() -> None:
    one, two = _letter(_record(value=b"thanks")), _letter(_record(value=b"Thanks"))
    assert dict(one.headers)["dlq_digest"] != dict(two.headers)["dlq_digest"]
    assert b"thanks" not in (dict(one.headers)["dlq_digest"] or b"")
    item: Item[Any] = Item(Position(TopicPartition("in", 3), 1, 42), _record(value=b"thanks"), REFUSAL)
    other = dead_letter(item, REFUSAL, topic="dlq", group="g", now=NOW, key=b"another")
    assert dict(one.headers)["dlq_digest"] != dict(other.headers)["dlq_digest"]


def test_the_letter_of_an_unreadable_record_carries_coordinates_only() -> None:
    headers = dict(_letter(_record(key=None, value=None, headers=(_MARK,))).headers)
    assert headers["dlq_offset"] == b"42"
    assert headers["dlq_digest"] == b""
    assert "" not in headers


@pytest.mark.parametrize(
    "record",
    [
        _record(value=b"x" * (LETTER_BYTES_MAX + 1)),
        _record(headers=(("h", b"x" * LETTER_BYTES_MAX),)),
        _record(key=b"k" * LETTER_BYTES_MAX),
    ],
    ids=["value", "headers", "key"],
)
def test_of_a_record_that_no_letter_holds_coordinates_and_digest_go_out(record: ConsumerRecord) -> None:
    letter = _letter(record)
    headers = {name: value for name, value in letter.headers if value is not None}
    assert letter.value == b""
    assert headers["dlq_value"] == b"left out, %d bytes" % len(record.value)
    assert (headers["dlq_topic"], headers["dlq_partition"], headers["dlq_offset"]) == (b"in", b"3", b"42")
    assert headers["dlq_digest"] == hmac.new(b"secret", record.value, "sha256").hexdigest().encode()
    assert len(outbox.pack([letter])) < 4_096
