"""CloudEvents 1.0 on Kafka: records in (binary or structured mode), records out (binary mode).

Decoding never raises: a record that is not an event becomes a Refusal with a stable code.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeGuard

import msgspec

from services.kit import strict_json
from services.kit.errors import Code, Refusal, Stage

VALUE_BYTES_MAX = 1024 * 1024
HEADERS_MAX = 64
HEADER_BYTES_MAX = 8 * 1024
ATTRIBUTE_CHARS_MAX = 256
TIME_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
TIME_AHEAD_MAX = timedelta(minutes=5)
STRUCTURED = "application/cloudevents+json"

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_OPTIONAL = ("dataschema", "partitionkey", "correlationid", "causationid", "traceparent")

Header = tuple[str, bytes]
# As a record may carry it: Kafka allows a header without a value.
RawHeader = tuple[str, bytes | None]


class Record(Protocol):
    """What the decoder needs of a Kafka record."""

    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[RawHeader]: ...


@dataclass(frozen=True, slots=True)
class Event:
    """One CloudEvent. `(source, id)` identifies it; `time` is when it happened, in UTC; `data` is JSON, UTF-8."""

    id: str
    source: str
    type: str
    time: datetime
    data: bytes
    dataschema: str | None = None
    partitionkey: str | None = None
    correlationid: str | None = None
    causationid: str | None = None
    traceparent: str | None = None


def encode(event: Event) -> tuple[bytes, bytes, list[Header]]:
    """Event → Kafka key, value, headers (binary mode). The key is `partitionkey`, which must be set."""
    if event.partitionkey is None:
        raise ValueError("an event without partitionkey has no Kafka key")
    headers: list[Header] = [
        ("ce_specversion", b"1.0"),
        ("ce_id", event.id.encode()),
        ("ce_source", event.source.encode()),
        ("ce_type", event.type.encode()),
        ("ce_time", _format_time(event.time).encode()),
        ("content-type", b"application/json"),
    ]
    headers += [
        (f"ce_{name}", value.encode()) for name in _OPTIONAL if (value := getattr(event, name)) is not None
    ]
    return event.partitionkey.encode(), event.data, headers


def to_structured(event: Event) -> dict[str, Any]:
    """Event → structured-mode JSON object, as files and HTTP carry it."""
    envelope: dict[str, Any] = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "time": _format_time(event.time),
        "datacontenttype": "application/json",
    }
    envelope |= {name: value for name in _OPTIONAL if (value := getattr(event, name)) is not None}
    envelope["data"] = msgspec.json.decode(event.data)
    return envelope


def decode(record: Record, now: datetime) -> Event | Refusal:
    """Kafka record → Event, or why it is not one. now: UTC, bounds `time`."""
    if record.key is None:
        return _bad_record("null key")
    if not record.value:
        return _bad_record("null or empty value")
    if len(record.value) > VALUE_BYTES_MAX:
        return _bad_record("value over 1 MiB")
    headers = _headers(record.headers)
    if isinstance(headers, Refusal):
        return headers
    content_type = headers.get("content-type", "application/json").split(";")[0].strip().lower()
    if content_type == STRUCTURED:
        return decode_structured(record.value, now)
    if content_type != "application/json" and not content_type.endswith("+json"):
        return Refusal(Code.DECODE_BAD, Stage.DECODE, "content type is not JSON")
    try:
        strict_json.parse_object(record.value)
    except strict_json.JsonError as error:
        return Refusal(Code.DECODE_BAD, Stage.DECODE, str(error))
    attributes: dict[str, Any] = {
        name[3:]: value for name, value in headers.items() if name.startswith("ce_")
    }
    return _event(attributes, record.value, now)


def decode_structured(data: bytes, now: datetime) -> Event | Refusal:
    """Structured-mode JSON bytes → Event, or why it is not one."""
    try:
        envelope = strict_json.parse_object(data)
    except strict_json.JsonError as error:
        return Refusal(Code.DECODE_BAD, Stage.DECODE, str(error))
    body = envelope.pop("data", None)
    if not isinstance(body, dict):
        return _bad_schema("data is missing or not an object")
    content_type = envelope.get("datacontenttype", "application/json")
    if content_type != "application/json":
        return Refusal(Code.DECODE_BAD, Stage.DECODE, "datacontenttype is not application/json")
    return _event(envelope, msgspec.json.encode(body), now)


def _headers(raw: Sequence[RawHeader]) -> dict[str, str] | Refusal:
    if len(raw) > HEADERS_MAX:
        return _bad_header("too many headers")
    headers: dict[str, str] = {}
    for name, value in raw:
        if value is None:
            return _bad_header("a header without a value")
        if len(value) > HEADER_BYTES_MAX:
            return _bad_header("a header over 8 KiB")
        key = name.lower()
        if key in headers and (key.startswith("ce_") or key == "content-type"):
            return _bad_header("a CloudEvents header twice")
        try:
            headers[key] = value.decode("utf-8")
        except UnicodeDecodeError:
            return _bad_header("a header that is not UTF-8")
    return headers


def _event(attributes: dict[str, Any], data: bytes, now: datetime) -> Event | Refusal:
    if attributes.get("specversion") != "1.0":
        return _bad_schema("not a CloudEvent of specversion 1.0")
    texts: dict[str, str] = {}
    for name in ("id", "source", "type"):
        value = attributes.get(name)
        if not _is_text(value):
            return _bad_schema(f"{name} is missing or not a text of 1 to {ATTRIBUTE_CHARS_MAX} characters")
        texts[name] = value
    for name in _OPTIONAL:
        if (value := attributes.get(name)) is None:
            continue
        if not _is_text(value):
            return _bad_schema(f"{name} is not a text of 1 to {ATTRIBUTE_CHARS_MAX} characters")
        texts[name] = value
    time = _parse_time(attributes.get("time"))
    if time is None:
        return _bad_schema("time is missing or not RFC 3339 with a time zone")
    if time < TIME_EARLIEST or time > now + TIME_AHEAD_MAX:
        return _bad_schema("time is before 2000 or more than five minutes ahead")
    return Event(time=time, data=data, **texts)


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= ATTRIBUTE_CHARS_MAX and value.isprintable()


def _parse_time(value: object) -> datetime | None:
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        return None
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _format_time(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _bad_record(detail: str) -> Refusal:
    return Refusal(Code.RECORD_BAD, Stage.DECODE, detail)


def _bad_header(detail: str) -> Refusal:
    return Refusal(Code.HEADER_BAD, Stage.DECODE, detail)


def _bad_schema(detail: str) -> Refusal:
    return Refusal(Code.SCHEMA_BAD, Stage.VALIDATE, detail)
