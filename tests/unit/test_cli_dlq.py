"""Dead letters as data: what their headers say, ages and times, text that controls nothing."""

import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from aiokafka import ConsumerRecord
from hypothesis import given
from hypothesis import strategies as st

from services.cli.deadletters import dead_letter_of
from services.cli.dlq import as_dict, contents_of, parse_since
from services.cli.errors import CliError
from services.cli.inert import inert

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def record(*headers: tuple[str, bytes | None], value: bytes | None = b"{}") -> ConsumerRecord:
    """A dead letter of 2026-11-23 12:00."""
    timestamp = int(NOW.timestamp() * 1000)
    return ConsumerRecord("recognition.dlq.ledger", 3, 42, timestamp, 1, b"k", value, None, 0, 0, headers)


def test_headers_say_where_it_came_from_and_why() -> None:
    letter = dead_letter_of(
        record(("ce_id", b"e-1"), ("dlq_topic", b"t"), ("dlq_offset", b"7"), ("dlq_code", b"SCHEMA_BAD"))
    )
    told = as_dict(letter)
    assert (told["topic"], told["partition"], told["offset"]) == ("recognition.dlq.ledger", 3, 42)
    assert (told["of_topic"], told["of_offset"], told["code"]) == ("t", "7", "SCHEMA_BAD")
    assert told["at"] == "2026-11-23T12:00:00.000+00:00"


def test_missing_null_and_broken_headers_are_survived() -> None:
    letter = dead_letter_of(record(("dlq_code", None), ("dlq_detail", b"\xff")))
    assert letter.code == ""
    assert letter.detail == "\ufffd"


@pytest.mark.parametrize(
    ("value", "body"), [(b"text", "text"), (b"\xff\x01", {"hex": "ff01"}), (None, None), (b"", "")]
)
def test_a_body_is_text_or_hex_or_null(value: bytes | None, body: object) -> None:
    assert contents_of(dead_letter_of(record(value=value)))["body"] == body


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("90m", NOW - timedelta(minutes=90)),
        ("12h", NOW - timedelta(hours=12)),
        ("7d", NOW - timedelta(days=7)),
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T08:00Z", datetime(2026, 11, 1, 8, tzinfo=UTC)),
        ("2026-11-01T08:00+02:00", datetime(2026, 11, 1, 6, tzinfo=UTC)),
    ],
)
def test_since_is_an_age_or_a_time(text: str, time: datetime) -> None:
    assert parse_since(text, NOW) == time


@pytest.mark.parametrize("text", ["yesterday", "", "7w", "-7d", "999999d", "2026-13-01"])
def test_another_since_is_refused(text: str) -> None:
    with pytest.raises(CliError, match="SINCE_BAD"):
        parse_since(text, NOW)


@given(st.text())
def test_inert_text_controls_nothing_and_harmless_text_stays(text: str) -> None:
    shown = inert(text)
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in shown)
    if not any(unicodedata.category(c)[0] in "CZ" for c in text):
        assert shown == text
