"""What a record without a value takes away, and since when."""

from datetime import UTC, datetime, timedelta

import pytest

from services.kit.errors import Refusal
from services.kit.tombstone import Tombstone, read_tombstone
from tests.unit.ledger_records import raw_record

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TOPIC = "recognition.people.v1"


def test_a_tombstone_takes_away_what_its_key_names_at_the_time_of_the_log() -> None:
    record = raw_record(TOPIC, b"e-1042", None, [], at=NOW)
    assert read_tombstone(record, NOW) == Tombstone("e-1042", NOW)


@pytest.mark.parametrize(
    ("key", "at"),
    [
        (None, NOW),
        (b"", NOW),
        (b"two words", NOW),
        (b"e-1\n", NOW),
        (b"\xff", NOW),
        (b"e" * 65, NOW),
        (b"e-1", datetime(1999, 12, 31, tzinfo=UTC)),
        (b"e-1", NOW + timedelta(minutes=6)),
    ],
)
def test_one_without_a_readable_key_or_a_believable_time_is_refused(key: bytes | None, at: datetime) -> None:
    refusal = read_tombstone(raw_record(TOPIC, key, None, [], at=at), NOW)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "RECORD_BAD"
