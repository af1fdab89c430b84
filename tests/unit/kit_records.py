"""A Kafka record as the decoder sees it, good until a test changes it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from services.kit.cloudevents import RawHeader

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass
class Record:
    """What a Kafka record gives the decoder."""

    key: bytes | None = b"emp-1"
    value: bytes | None = b'{"title":"Fixed the pump"}'
    headers: list[RawHeader] = field(default_factory=list)


def good_headers(**changes: str | None) -> list[RawHeader]:
    """The headers of a good event; a change to None leaves one out."""
    headers: dict[str, str | None] = {
        "ce_specversion": "1.0", "ce_id": "a-1", "ce_source": "urn:tracker", "ce_type": "dev.waystone.deed.v1",
        "ce_time": "2026-02-28T09:30:00Z", "content-type": "application/json",
    }  # fmt: skip
    headers |= changes
    return [(name, value.encode()) for name, value in headers.items() if value is not None]
