"""Records as nobody should send them, each with the code it must get; and the places of a batch to put them in."""

import itertools
import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.registry import BY_NAME
from services.kit import ids
from services.kit.cloudevents import Event, Header, encode

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Raw:
    """A record as it goes to Kafka."""

    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    key: bytes | None = b"e-bad"


def good(name: str, body: dict[str, Any], *, id_: str | None = None, **changed: Any) -> Raw:
    """A good record of this type; `changed`: attributes of the envelope to be otherwise."""
    kind = BY_NAME[name]
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=5)
    if kind.topic == "recognition.entries.v1":
        id_ = id_ or str(ids.derive(at, name, str(next(_numbers))))
    event = Event(
        id_ or f"bad-{uuid.uuid4()}",
        "urn:waystone:recognition" if kind.topic == "recognition.entries.v1" else "urn:test:bad",
        kind.type,
        at,
        json.dumps(body).encode(),
        dataschema=kind.dataschema,
        partitionkey="e-bad",
    )
    key, value, headers = encode(event)
    kept: list[Header] = [(n, changed.get(n.removeprefix("ce_"), v)) for n, v in headers]
    return Raw(value, [(n, v) for n, v in kept if v != b"absent"], key)


def bad_records(name: str, body: dict[str, Any]) -> dict[str, tuple[str, Raw]]:
    """What goes wrong → the code it must get, and a record that does it."""
    fine = good(name, body)
    data = json.dumps(body).encode()

    def value(text: bytes) -> Raw:
        return Raw(text, good(name, body).headers)

    def extra(*more: tuple[str, bytes | None]) -> Raw:
        return Raw(fine.value, [*good(name, body).headers, *more])

    return {
        "null header value": ("HEADER_BAD", extra(("x", None))),
        "header not UTF-8": ("HEADER_BAD", extra(("x", b"\xff\xfe"))),
        "duplicate ce_ header": ("HEADER_BAD", extra(("ce_id", b"another"))),
        "null key": ("RECORD_BAD", Raw(fine.value, fine.headers, None)),
        "empty value": ("RECORD_BAD", value(b"")),
        "over 1 MiB": ("RECORD_BAD", value(b'{"x":"' + b"a" * 1_048_577 + b'"}')),
        "truncated JSON": ("DECODE_BAD", value(data[:-3])),
        "deep arrays": ("DECODE_BAD", value(b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}")),
        "5,000-digit integer": ("DECODE_BAD", value(b'{"x":' + b"9" * 5_000 + b"}")),
        "NaN": ("DECODE_BAD", value(b'{"x":NaN}')),
        "duplicate keys": ("DECODE_BAD", value(b'{"employee":"a","employee":"b"}')),
        "lone surrogate": ("DECODE_BAD", value(b'{"title":"\\ud800"}')),
        "top-level scalar": ("DECODE_BAD", value(b"3")),
        "wrong content type": ("DECODE_BAD", good(name, body, **{"content-type": b"text/xml"})),
        "missing id": ("SCHEMA_BAD", good(name, body, id=b"absent")),
        "unknown major": ("SCHEMA_BAD", good(name, body, type=f"dev.waystone.{name}.v9".encode())),
        "extra field": ("SCHEMA_BAD", good(name, body | {"surprise": 1})),
        "before 2000": ("SCHEMA_BAD", good(name, body, time=b"1999-12-31T23:59:59.000Z")),
        "ahead of time": ("SCHEMA_BAD", good(name, body, time=b"2199-01-01T00:00:00.000Z")),
        "no time zone": ("SCHEMA_BAD", good(name, body, time=b"2026-01-01T00:00:00.000")),
        "string for number": ("SCHEMA_BAD", good(name, body | {"lead": "yes", "skills": "one"})),
        "NUL in text": ("SCHEMA_BAD", good(name, body | {"title": "a\x00b"})),
        "1 MB text": ("SCHEMA_BAD", good(name, body | {"title": "x" * 900_000})),
    }


PLACES: dict[str, list[bool]] = {
    "single": [False],
    "first": [False, True, True],
    "middle": [True, False, True],
    "last": [True, True, False],
    "all": [False, False, False],
}
DEED = {"employee": "e-bad", "title": "A deed", "basis": "effort", "size": "small"}
ENTRY = DEED | {"cause": {"source": "urn:test:bad", "id": "cause"}}
