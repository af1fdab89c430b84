"""A record without a value on a compacted topic: what its key names is taken away. Pure and total."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from aiokafka import ConsumerRecord

from services.kit.cloudevents import TIME_AHEAD_MAX, TIME_EARLIEST
from services.kit.errors import Code, Refusal, Stage

# Ids as the contracts write them.
_KEY = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What is gone, and since when (UTC): no event says so, so the record's own time on the log counts."""

    key: str
    time: datetime


def read_tombstone(record: ConsumerRecord, now: datetime) -> Tombstone | Refusal:
    """A record without a value → what it takes away. now: UTC, bounds its time as it does that of events.

    It is the older one of whatever has the same time: its version is `(time, "")`, below every event's.
    """
    if record.key is None or not _KEY.fullmatch(record.key):
        return Refusal(Code.RECORD_BAD, Stage.DECODE, "a tombstone whose key is no id")
    milliseconds = record.timestamp
    latest = (now + TIME_AHEAD_MAX).timestamp() * 1000
    if milliseconds is None or not TIME_EARLIEST.timestamp() * 1000 <= milliseconds <= latest:
        return Refusal(
            Code.RECORD_BAD, Stage.DECODE, "a tombstone before 2000 or more than five minutes ahead"
        )
    return Tombstone(record.key.decode("ascii"), datetime.fromtimestamp(milliseconds / 1000, UTC))
