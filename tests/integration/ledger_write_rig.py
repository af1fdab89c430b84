"""Batches given to the ledger's handler on a real Postgres, and what its tables then say."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import asyncpg
from aiokafka import ConsumerRecord, TopicPartition

from schemas.registry import BY_NAME
from services.kit import ids
from services.kit.batch import Item, Outcome, Position
from services.kit.errors import Refusal
from services.kit.sql import Connection
from services.ledger.domain import Day, Decoded, Deed, Entry, Noted, Projection, Standing
from services.ledger.handlers import LedgerHandler
from tests.unit.ledger_records import NOW, canonical, event_of, raw_record, record_of

_offsets = itertools.count()
_STANDING = "SELECT {} FROM {} WHERE starts_with(employee, $1)"
_COLUMNS = {
    "standing": ("employee", *Standing.__dataclass_fields__),
    "recognition_day": ("employee", "day", *Day.__dataclass_fields__),
    "deed": ("employee", "cause_source", "cause_id", *Deed.__dataclass_fields__),
}


def entry(name: str, at: datetime, label: str, /, **body: Any) -> ConsumerRecord:
    """A record of an entry. name: of its type; label: tells apart entries of one time."""
    event_type = BY_NAME[name]
    body.setdefault("cause", {"source": "urn:tracker", "id": label})
    id_ = str(ids.derive(at, name, "urn:tracker", label, body["employee"]))
    event = event_of(event_type, canonical(event_type, body), at=at, id_=id_)
    return record_of(event, event_type.topic, offset=next(_offsets))


def other(name: str, at: datetime, id_: str, /, **body: Any) -> ConsumerRecord:
    """A record of the directory's topics or an erasure."""
    event_type = BY_NAME[name]
    event = event_of(event_type, canonical(event_type, body), at=at, id_=id_)
    return record_of(event, event_type.topic, offset=next(_offsets))


def tombstone(topic: str, employee: str, at: datetime) -> ConsumerRecord:
    """What takes somebody's record away."""
    return raw_record(topic, employee.encode(), None, [], offset=next(_offsets), at=at)


def thanks(employee: str, at: datetime, label: str, giver: str, **body: Any) -> ConsumerRecord:
    """A recognition by a person."""
    said = {"by": "person", "kind": "thanks", "giver": giver, "title": "Thanks", **body}
    return entry("recognition", at, label, employee=employee, **said)


def withdrawal(of: ConsumerRecord, at: datetime, label: str) -> ConsumerRecord:
    """The entry that takes another back."""
    noted = noted_of(of)
    kind = dict(of.headers)["ce_type"].decode().split(".")[2]
    return entry("recognition-withdrawn", at, label, employee=noted.entry.employee,
                 withdraws=noted.entry.id, withdraws_kind=kind)  # fmt: skip


def noted_of(record: ConsumerRecord) -> Noted:
    """The rows an entry's record brings."""
    decoded = LedgerHandler(b"key").decode(record, NOW)
    assert isinstance(decoded, Noted)
    return decoded


def entry_of(record: ConsumerRecord) -> Entry:
    """The row of `entry` a record brings."""
    return noted_of(record).entry


def items_of(records: Sequence[ConsumerRecord], handler: LedgerHandler) -> list[Item[Decoded]]:
    """A batch as the kit makes it."""
    items: list[Item[Decoded]] = []
    for record in records:
        position = Position(TopicPartition(record.topic, record.partition), 1, 0)
        item: Item[Decoded] = Item(position, record, handler.decode(record, NOW))
        if isinstance(item.decoded, Refusal):
            item.refuse(item.decoded)
        items.append(item)
    return items


async def apply(
    connection: Connection, records: Sequence[ConsumerRecord], handler: LedgerHandler | None = None
) -> list[str]:
    """Store one batch in a transaction of its own; return each record's outcome, or the code of its refusal."""
    handler = handler or LedgerHandler(b"key")
    items = items_of(records, handler)
    async with connection.transaction():
        await handler.apply(connection, [item for item in items if item.refusal is None])
    return [item.refusal.code if item.refusal else item.outcome for item in items]


async def stored(connection: Connection, prefix: str, *, folds: bool = False) -> Projection:
    """What the tables (or the views that define them in SQL) say of the people whose id begins with `prefix`."""
    rows: dict[str, list[asyncpg.Record]] = {}
    for table, columns in _COLUMNS.items():
        query = _STANDING.format(", ".join(columns), table + "_fold" * folds)
        rows[table] = await connection.fetch(query, prefix)
    return Projection(
        {row[0]: Standing(*row[1:]) for row in rows["standing"]},
        {(row[0], row[1]): Day(*row[2:]) for row in rows["recognition_day"]},
        {tuple(row[:3]): Deed(row[3] and str(row[3]), *row[4:]) for row in rows["deed"]},
    )


def saying_something(projection: Projection) -> Projection:
    """Without the rows that a withdrawal left empty."""
    return Projection(
        {key: row for key, row in projection.standing.items() if row != Standing()},
        {key: row for key, row in projection.days.items() if row != Day()},
        {key: row for key, row in projection.deeds.items() if row != Deed()},
    )


def at(day: int, hour: int = 12) -> datetime:
    """A moment of September or October 2026; day: 1–60."""
    return datetime(2026, 9 + (day - 1) // 30, (day - 1) % 30 + 1, hour, tzinfo=UTC)


APPLIED, DUPLICATE, IGNORED = Outcome.APPLIED, Outcome.DUPLICATE, Outcome.IGNORED
