"""Dead letters: the refused record as it came, plus headers that say where, why and when. Nothing personal in them."""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from services.kit.batch import Item, Outgoing
from services.kit.cloudevents import RawHeader
from services.kit.errors import Refusal
from services.kit.unreadable import is_unreadable

D = TypeVar("D")
PREFIX = "dlq_"
_KEY_KEPT_BYTES_MAX = 1024
ATTEMPTS_MAX = 9_999
LETTER_BYTES_MAX = 4 * 1024 * 1024
"""Most bytes of key, value and headers in a dead letter. A compressed record may be far larger than its topic's limit
once it is read; what is over this leaves its bytes behind."""


def dead_letter(
    item: Item[D], refusal: Refusal, *, topic: str, group: str, now: datetime, key: bytes
) -> Outgoing:
    """Build the dead letter of a refused item.

    topic: the dead-letter topic. group: the consumer group that refused it. key: of the HMAC over the value;
    short notes could be guessed from a plain digest. Earlier `dlq_` headers of a redriven record are replaced,
    except for the count of attempts, which rises, and the time of the first. Of a record over LETTER_BYTES_MAX only
    the coordinates and the digest go out; `dlq_value` says so.
    """
    record = item.record
    unreadable = is_unreadable(record)
    kept: list[RawHeader] = (
        [] if unreadable else [(n, v) for n, v in record.headers if not n.startswith(PREFIX)]
    )
    earlier = {n: v for n, v in record.headers if n.startswith(PREFIX) and v is not None}
    added = {
        "dlq_topic": record.topic,
        "dlq_partition": str(record.partition),
        "dlq_offset": str(record.offset),
        "dlq_group": group,
        "dlq_stage": refusal.stage,
        "dlq_code": refusal.code,
        "dlq_detail": refusal.detail,
        "dlq_attempts": str(min(_attempts(earlier.get("dlq_attempts", b"")) + 1, ATTEMPTS_MAX)),
        "dlq_first_at": _first_at(earlier.get("dlq_first_at", b""), now).isoformat(timespec="seconds"),
        "dlq_digest": "" if unreadable else hmac.new(key, record.value or b"", hashlib.sha256).hexdigest(),
    }
    key_sent, value = record.key, record.value
    if _weight_bytes(key_sent, value, kept) > LETTER_BYTES_MAX:
        kept, added["dlq_value"] = [], f"left out, {len(value or b'')} bytes"
        key_sent, value = key_sent if key_sent and len(key_sent) <= _KEY_KEPT_BYTES_MAX else None, b""
    elif key_sent is None and value is None:
        # The client cannot send a record without both; the header says what it was.
        value, added["dlq_value"] = b"", "null"
    headers = kept + [(name, text.encode()) for name, text in added.items()]
    return Outgoing(topic, key_sent, value, headers)


def _weight_bytes(key: bytes | None, value: bytes | None, headers: Sequence[RawHeader]) -> int:
    return (
        len(key or b"") + len(value or b"") + sum(4 * len(name) + len(text or b"") for name, text in headers)
    )


def _attempts(text: bytes) -> int:
    """The count in a redriven record; 0 for anything a sender made up (thousands of digits would not even parse)."""
    return int(text) if text.isdigit() and len(text) <= len(str(ATTEMPTS_MAX)) else 0


def _first_at(text: bytes, now: datetime) -> datetime:
    """The time in a redriven record, unless a sender made it up."""
    try:
        first = datetime.fromisoformat(text.decode("ascii"))
    except ValueError:
        return now
    return first if first.tzinfo is not None and first <= now else now
