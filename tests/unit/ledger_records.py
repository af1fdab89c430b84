"""Records of the entries topic as recognition writes them, and ways to spoil them."""

import json
import re
from datetime import UTC, datetime
from typing import Any

from aiokafka import ConsumerRecord

from schemas.fields import Contract
from schemas.registry import BY_NAME, EventType
from services.kit import ids
from services.kit.cloudevents import Event, encode

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
AT = datetime(2026, 10, 6, 15, 42, 10, 123_000, tzinfo=UTC)
ENTRIES = "recognition.entries.v1"
ENTRY_TYPES = tuple(event for event in BY_NAME.values() if event.topic == ENTRIES)


def canonical(event_type: EventType, body: Any) -> bytes:
    """The bytes recognition writes for a body given as JSON values."""
    return model(event_type, body).model_dump_json(exclude_defaults=True).encode()


def model(event_type: EventType, body: Any) -> Contract:
    """The contract's model of a body given as JSON values."""
    return event_type.model.model_validate_json(json.dumps(body))


def event_of(event_type: EventType, data: bytes, *, at: datetime = AT, id_: str | None = None) -> Event:
    """An event as recognition emits it, keyed by the employee it is about."""
    found = re.search(rb'"employee":"([A-Za-z0-9._-]{1,64})"', data)
    employee = found[1].decode() if found else "e-1042"  # of a body that is spoilt
    return Event(
        id=id_ or str(ids.derive(at, event_type.name, "urn:test", "cause", "e-1042")),
        source="urn:waystone:recognition",
        type=event_type.type,
        time=at,
        data=data,
        dataschema=event_type.dataschema,
        partitionkey=employee,
        correlationid="cause",
        causationid="cause",
    )


def record_of(event: Event, topic: str = ENTRIES, *, partition: int = 3, offset: int = 7) -> ConsumerRecord:
    """The Kafka record of an event."""
    key, value, headers = encode(event)
    return raw_record(topic, key, value, headers, partition=partition, offset=offset)


def raw_record(
    topic: str,
    key: bytes | None,
    value: bytes | None,
    headers: Any,
    *,
    partition: int = 3,
    offset: int = 7,
    at: datetime = AT,
) -> ConsumerRecord:
    """A Kafka record of any bytes. at: Kafka's time of it."""
    timestamp = int(at.timestamp() * 1000)
    return ConsumerRecord(topic, partition, offset, timestamp, 0, key, value, None, 0, 0, tuple(headers))
