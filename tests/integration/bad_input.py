"""Ways to spoil a record, each with the code it must get, and the places in a batch where it may stand."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from services.kit.cloudevents import RawHeader

PLACES: Mapping[str, tuple[bool, ...]] = {
    "single": (False,),
    "first": (False, True, True),
    "middle": (True, False, True),
    "last": (True, True, False),
    "all": (False, False, False),
}
"""Place of what is bad → which records of the batch are good."""


class Parts(NamedTuple):
    """What a record is made of."""

    key: bytes | None
    value: bytes | None
    headers: tuple[RawHeader, ...]

    def with_header(self, name: str, value: bytes | None) -> "Parts":
        """The same with this header instead; without it when there is no value."""
        kept = [(n, v) for n, v in self.headers if n != name]
        return self._replace(headers=(*kept, (name, value)) if value is not None else tuple(kept))

    def with_more(self, name: str, value: bytes | None) -> "Parts":
        """The same with one more header."""
        return self._replace(headers=(*self.headers, (name, value)))

    def with_field(self, name: str, value: object) -> "Parts":
        """The same with this field in its body."""
        return self._replace(value=json.dumps(json.loads(self.value or b"") | {name: value}).encode())


Spoil = Callable[[Parts], Parts]


def _value(value: bytes | None) -> Spoil:
    return lambda good: good._replace(value=value)


def _header(name: str, value: bytes | None) -> Spoil:
    return lambda good: good.with_header(name, value)


def _more(name: str, value: bytes | None) -> Spoil:
    return lambda good: good.with_more(name, value)


def _field(name: str, value: object) -> Spoil:
    return lambda good: good.with_field(name, value)


FAULTS: Mapping[str, tuple[str, Spoil]] = {
    "a header without a value": ("HEADER_BAD", _more("x", None)),
    "a header that is not UTF-8": ("HEADER_BAD", _more("x", b"\xff\xfe")),
    "a ce_ header twice": ("HEADER_BAD", _more("ce_id", b"another")),
    "no key": ("RECORD_BAD", lambda good: good._replace(key=None)),
    "over 1 MiB": ("RECORD_BAD", _value(b'{"x":"' + b"a" * 1_048_577 + b'"}')),
    "truncated JSON": ("DECODE_BAD", lambda good: good._replace(value=(good.value or b"")[:-3])),
    "deep arrays": ("DECODE_BAD", _value(b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}")),
    "an integer of 5,000 digits": ("DECODE_BAD", _value(b'{"x":' + b"9" * 5_000 + b"}")),
    "not a number": ("DECODE_BAD", _value(b'{"x":NaN}')),
    "a field twice": ("DECODE_BAD", _value(b'{"employee":"a","employee":"b"}')),
    "a lone surrogate": ("DECODE_BAD", _value(b'{"employee":"\\ud800"}')),
    "a top-level scalar": ("DECODE_BAD", _value(b"3")),
    "another content type": ("DECODE_BAD", _header("content-type", b"text/xml")),
    "no id": ("SCHEMA_BAD", _header("ce_id", None)),
    "an unknown major": ("SCHEMA_BAD", _header("ce_type", b"dev.waystone.deed.v9")),
    "a type of another topic": ("SCHEMA_BAD", _header("ce_type", b"dev.waystone.achievement.v1")),
    "an unknown field": ("SCHEMA_BAD", _field("surprise", 1)),
    "a time before 2000": ("SCHEMA_BAD", _header("ce_time", b"1999-12-31T23:59:59.000Z")),
    "a time to come": ("SCHEMA_BAD", _header("ce_time", b"2199-01-01T00:00:00.000Z")),
    "a time without a zone": ("SCHEMA_BAD", _header("ce_time", b"2026-01-01T00:00:00.000")),
    "a number for a text": ("SCHEMA_BAD", _field("employee", 7)),
    "NUL in a text": ("SCHEMA_BAD", _field("employee", "a\x00b")),
    "a text of 900 kB": ("SCHEMA_BAD", _field("employee", "x" * 900_000)),
}
"""What is wrong → the code it must get, and how to make it of a good record of any type."""
NO_VALUE: Mapping[str, tuple[str, Spoil]] = {
    "no value": ("RECORD_BAD", _value(None)),
    "an empty value": ("RECORD_BAD", _value(b"")),
}
"""Beside these, on topics where a record without a value takes nothing away."""
NO_KEY_TO_TAKE_AWAY: Mapping[str, tuple[str, Spoil]] = {
    "a tombstone without a key": ("RECORD_BAD", lambda good: good._replace(key=None, value=None)),
    "a tombstone of nobody": ("RECORD_BAD", lambda good: good._replace(key=b"no id", value=b"")),
}
"""On topics where it does."""


def batches(
    faults: Mapping[str, tuple[str, Spoil]], good: Callable[[], Parts]
) -> Iterator[tuple[str, list[Parts], list[str]]]:
    """(what is bad and where, the records, the outcome each must get), for every fault in every place."""
    for place, is_good in PLACES.items():
        for fault, (code, spoil) in faults.items():
            records = [good() if fine else spoil(good()) for fine in is_good]
            yield f"{fault}, {place}", records, ["applied" if fine else code for fine in is_good]
