"""Deterministic, time-ordered ids for everything emitted: UUIDv8 (RFC 9562).

48 bits of the cause's time in milliseconds, then bits of SHA-256 over length-prefixed parts, so that a
replay gives the same ids and a month's unique key is unique altogether.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_VERSION = 0x8 << 76
_VARIANT = 0b10 << 62
_RANDOM_MASK = ((1 << 128) - 1) ^ (0xF << 76) ^ (0b11 << 62)


def derive(time: datetime, *parts: str) -> UUID:
    """Id of what follows from a cause at `time` (UTC, from 1970 on); `parts`: kind, source, id, recipient."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(4, "big"))
        digest.update(data)
    tail = int.from_bytes(digest.digest()[:10], "big")
    value = (time_ms(time) << 80) | tail
    return UUID(int=(value & _RANDOM_MASK) | _VERSION | _VARIANT)


def time_ms(time: datetime) -> int:
    """Milliseconds since 1970, rounded down."""
    return (time - _EPOCH) // timedelta(milliseconds=1)


def id_time_ms(id_: UUID) -> int:
    """The time within an id, in milliseconds since 1970."""
    return id_.int >> 80
