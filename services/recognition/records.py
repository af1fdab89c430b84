"""Kafka records on their way in and out: an accepted record becomes a fact, an entry becomes a record to publish."""

import hashlib
import hmac
from datetime import datetime

import msgspec
from aiokafka import ConsumerRecord, TopicPartition

from schemas.fields import Contract
from schemas.models.erasures import ErasureV1
from schemas.models.people import PersonV1
from schemas.models.preferences import PreferencesV1
from schemas.registry import BY_NAME
from services.kit import cloudevents, ids
from services.kit.batch import Item, Outgoing, Position
from services.kit.deadletter import dead_letter
from services.kit.errors import Refusal
from services.kit.receive import receive
from services.kit.tombstone import read_tombstone
from services.recognition.domain.facts import Entry, Fact, FormerErasure, Removal

SOURCE = "urn:waystone:recognition"
_REMOVABLE: dict[str, type[Contract]] = {
    "recognition.people.v1": PersonV1,
    "recognition.preferences.v1": PreferencesV1,
}
_ERASURE = BY_NAME["erasure"]

_Packed = tuple[str, int, int, int, bytes | None, bytes | None, list[tuple[str, bytes]]]
_unpacker = msgspec.msgpack.Decoder(_Packed)


def read(record: ConsumerRecord, now: datetime, digest_key: bytes) -> Fact | Removal | Refusal:
    """Record → what happened, or why it is refused. now: UTC. digest_key: of the digest over the body."""
    if not record.value and record.topic in _REMOVABLE:
        gone = read_tombstone(record, now)
        return gone if isinstance(gone, Refusal) else Removal(gone.key, _REMOVABLE[record.topic], gone.time)
    received = receive(record, now)
    if isinstance(received, Refusal):
        return received
    event = received.event
    return Fact(
        source=event.source,
        id=event.id,
        time=event.time,
        body=received.body,
        digest=_digest(event.data, digest_key),
        correlation=event.correlationid or event.id,
        traceparent=event.traceparent,
        origin=record,
    )


def pack(record: object) -> bytes:
    """A record as it is kept while it is parked: its bytes untouched, its coordinates beside them."""
    assert isinstance(record, ConsumerRecord)
    return msgspec.msgpack.encode((
        record.topic, record.partition, record.offset, record.timestamp, record.key, record.value,
        list(record.headers),
    ))  # fmt: skip


def unpack(packed: bytes) -> ConsumerRecord:
    """The record that was packed."""
    topic, partition, offset, timestamp, key, value, headers = _unpacker.decode(packed)
    return ConsumerRecord(
        topic=topic,
        partition=partition,
        offset=offset,
        timestamp=timestamp,
        timestamp_type=0,
        key=key,
        value=value,
        checksum=None,
        serialized_key_size=len(key or b""),
        serialized_value_size=len(value or b""),
        headers=tuple(headers),
    )


def bury(
    record: object, refusal: Refusal, *, topic: str, group: str, now: datetime, digest_key: bytes
) -> Outgoing:
    """A parked record that is refused after all → its dead letter."""
    assert isinstance(record, ConsumerRecord)
    position = Position(TopicPartition(record.topic, record.partition), epoch=0, next_offset=record.offset)
    item: Item[Fact] = Item(position, record, refusal)
    return dead_letter(item, refusal, topic=topic, group=group, now=now, key=digest_key)


def publish(entry: Entry) -> Outgoing:
    """Entry → the record of the entries topic. What it names as its cause is the event that came in."""
    event_type = BY_NAME[entry.type_name]
    event = cloudevents.Event(
        id=str(entry.id),
        source=SOURCE,
        type=event_type.type,
        time=entry.cause.time,
        data=entry.body.model_dump_json(exclude_defaults=True).encode(),
        dataschema=event_type.dataschema,
        partitionkey=entry.employee,
        correlationid=entry.cause.correlation,
        causationid=entry.cause.id,
        traceparent=entry.cause.traceparent,
    )
    return Outgoing(event_type.topic, *cloudevents.encode(event))


def erase_former(former: FormerErasure) -> Outgoing:
    """The erasure of an id that an erased person had before. What it follows from is its cause."""
    cause = former.cause
    body = ErasureV1(employee=former.employee, scope="given" if former.given else "received")
    event = cloudevents.Event(
        id=str(ids.derive(cause.time, "erasure", cause.source, cause.id, former.employee)),
        source=SOURCE,
        type=_ERASURE.type,
        time=cause.time,
        data=body.model_dump_json().encode(),
        dataschema=_ERASURE.dataschema,
        partitionkey=former.employee,
        correlationid=cause.correlation,
        causationid=cause.id,
        traceparent=cause.traceparent,
    )
    return Outgoing(_ERASURE.topic, *cloudevents.encode(event))


def tombstones(employee: str) -> list[Outgoing]:
    """Compaction keeps a person's newest record for ever, unless this one follows it."""
    return [Outgoing(topic, employee.encode(), None, ()) for topic in _REMOVABLE]


def _digest(data: bytes, key: bytes) -> bytes:
    canonical = msgspec.json.encode(msgspec.json.decode(data), order="sorted")
    return hmac.new(key, canonical, hashlib.sha256).digest()
