"""Kafka record → rows, or why it is refused. Pure and total.

Nearly every record is an entry as recognition writes it. Those are read by structs, about ten times as fast; any
doubt at all (an unusual header, a body that its struct refuses or would write differently) goes to the contract.
So the fast path only ever accepts, only what the contract accepts, and the verdict is always the contract's.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, cast

import msgspec
from aiokafka import ConsumerRecord

from schemas.models.erasures import ErasureReportV1, ErasureV1
from schemas.models.people import PersonV1
from schemas.models.preferences import PreferencesV1
from schemas.registry import BY_NAME, EventType
from services.kit.cloudevents import TIME_AHEAD_MAX, TIME_EARLIEST, VALUE_BYTES_MAX, RawHeader
from services.kit.errors import Code, Refusal, Stage
from services.kit.receive import receive
from services.kit.tombstone import read_tombstone
from services.ledger import rows
from services.ledger.domain import CELEBRATE, ERASURE_SCOPES, Decoded, Erasure, Noted, Preference, Removal
from services.ledger.structs import struct_of

ENTRIES = "recognition.entries.v1"
TOPICS = (
    ENTRIES, "recognition.people.v1", "recognition.preferences.v1", "recognition.erasures.v1",
    "recognition.erasure-reports.v1",
)  # fmt: skip
_REMOVABLE: dict[str, Literal["person", "preference"]] = {
    "recognition.people.v1": "person",
    "recognition.preferences.v1": "preference",
}

# Headers as the kit writes them, in its order; a traceparent may follow.
_HEADERS = (
    "ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "content-type",
    "ce_dataschema", "ce_partitionkey", "ce_correlationid", "ce_causationid",
)  # fmt: skip
_HEADERS_TRACED = (*_HEADERS, "ce_traceparent")
_ID = r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
_ENTRY_ID = re.compile(_ID, re.ASCII)
# Their values, one a line; what is not needed further must be printable text of 1 to 256 characters.
_VALUES = re.compile(
    rf"1\.0\n({_ID})\nurn:waystone:recognition\ndev\.waystone\.({'|'.join(rows.NOTED)})\.v1\n"
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z)\napplication/json\n"
    r"urn:waystone:schema:\2:1\.0(?:\n[\x20-\x7e]{1,256}){3,4}".encode()
)
_EPOCH, _MS = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)
_encode = msgspec.json.Encoder().encode


class _Fast:
    """How entries of one type are read on the fast path."""

    def __init__(self, event_type: EventType) -> None:
        assert (event_type.major, event_type.minor) == (1, 0), "the pattern of headers names this version"
        self.decode = msgspec.json.Decoder(struct_of(event_type.model)).decode
        self.noted = rows.NOTED[event_type.name]


_FAST = {name.encode(): _Fast(BY_NAME[name]) for name in rows.NOTED}


class Decoder:
    """Reads the records of every topic the ledger knows."""

    def __init__(self, digest_key: bytes) -> None:
        """digest_key: of the HMAC over bodies; short words could be guessed from a plain digest."""
        self._hmac = hmac.new(digest_key, digestmod=hashlib.sha256)

    def __call__(self, record: ConsumerRecord, now: datetime) -> Decoded | Refusal:
        """Record → rows, or why it is refused. now: UTC, bounds the event's time."""
        if record.topic == ENTRIES and (noted := self.fast(record, now)) is not None:
            return noted
        return self.strict(record, now)

    def fast(self, record: ConsumerRecord, now: datetime) -> Noted | None:
        """An entry that is beyond doubt; None for whatever `strict` has to judge."""
        value = record.value
        if record.key is None or not value or len(value) > VALUE_BYTES_MAX:
            return None
        if b"\\" in value and b"\\u0000" in value:
            return None
        found = _plain_headers(record.headers)
        if found is None:
            return None
        fast, id_, occurred_at = found
        if occurred_at < TIME_EARLIEST or occurred_at > now + TIME_AHEAD_MAX:
            return None
        try:
            body = fast.decode(value)
        except (msgspec.MsgspecError, ValueError):
            return None
        if (
            _encode(body) != value
        ):  # a key twice, an unusual escape, a default written out: let the contract see
            return None
        origin = rows.Origin(occurred_at, record.offset, record.partition, id_, self._digest(value))
        return fast.noted(body, origin)

    def strict(self, record: ConsumerRecord, now: datetime) -> Decoded | Refusal:
        """Any record, judged by the kit's decoder and the contract itself."""
        if not record.value and record.topic in _REMOVABLE:
            gone = read_tombstone(record, now)
            return (
                gone if isinstance(gone, Refusal) else Removal(gone.key, gone.time, _REMOVABLE[record.topic])
            )
        received = receive(record, now)
        if isinstance(received, Refusal):
            return received
        event, name, body = received.event, received.event_type.name, received.body
        occurred_at = _whole_ms(event.time)
        if name in rows.NOTED:
            if not _ENTRY_ID.fullmatch(event.id) or _id_time_ms(event.id) != _time_ms(occurred_at):
                return Refusal(Code.SCHEMA_BAD, Stage.VALIDATE, "id is not a UUIDv8 of the event's time")
            origin = rows.Origin(
                occurred_at, record.offset, record.partition, event.id, self._digest(event.data)
            )
            return rows.NOTED[name](body, origin)
        if isinstance(body, PersonV1):
            return rows.person(body, occurred_at, event.id, self._digest(event.data))
        if isinstance(body, PreferencesV1):
            return Preference(body.employee, occurred_at, event.id, CELEBRATE[body.celebrate])
        if isinstance(body, ErasureReportV1):
            return rows.report(body)
        erasure = cast("ErasureV1", body)
        return Erasure(erasure.employee, occurred_at, ERASURE_SCOPES[erasure.scope], event.source, event.id)

    def _digest(self, data: bytes) -> bytes:
        state = self._hmac.copy()
        state.update(data)
        return state.digest()


def _plain_headers(headers: Sequence[RawHeader]) -> tuple[_Fast, str, datetime] | None:
    """Type, id and time of an event whose headers are just those the kit writes, in printable ASCII."""
    names, values = zip(*headers, strict=True) if headers else ((), ())
    if names not in (_HEADERS, _HEADERS_TRACED):
        return None
    try:
        lines = b"\n".join(cast("Iterable[bytes]", values))
        found = _VALUES.fullmatch(lines)
        if found is None or lines.count(b"\n") != len(names) - 1:
            return None
        id_, name, time_text = found.groups()
        time = datetime.fromisoformat(time_text.decode())
    except (TypeError, ValueError):  # a header without a value; a day that no calendar has
        return None
    entry_id = id_.decode()
    if _id_time_ms(entry_id) != _time_ms(time):
        return None
    return _FAST[name], entry_id, time


def _whole_ms(time: datetime) -> datetime:
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def _time_ms(time: datetime) -> int:
    return (time - _EPOCH) // _MS


def _id_time_ms(id_: str) -> int:
    return int(id_[:8] + id_[9:13], 16)
