"""What the ledger does with a batch: one transaction over history, standing, directory and erasure."""

from collections.abc import Sequence
from datetime import datetime

from aiokafka import ConsumerRecord

from services.kit.batch import Item, Outgoing, Span
from services.kit.errors import Refusal
from services.kit.sql import AnyConnection
from services.ledger import directory, erasing, history, store
from services.ledger.decode import TOPICS, Decoder
from services.ledger.domain import Decoded, Erasure, Noted, Person, Preference, Projection, Removal, fold
from services.ledger.proof import sealing


class LedgerHandler:
    """The ledger's consumer handler; group `ledger`."""

    topics: Sequence[str] = TOPICS
    read_first: Sequence[Sequence[str]] = (
        ("recognition.erasures.v1",),
        ("recognition.people.v1", "recognition.preferences.v1"),
    )
    dlq_topic = "recognition.dlq.ledger"
    publishes: Sequence[str] = (
        "recognition.gaps.v1",
        "recognition.checkpoints.v1",
        "recognition.erasures.v1",
        "recognition.erasure-reports.v1",
    )

    def __init__(self, digest_key: bytes, *, backup_retention_days: int = 30) -> None:
        """digest_key: of the HMAC over bodies. backup_retention_days: as reports on erasures name it."""
        self._backup_retention_days = backup_retention_days
        self._decoder = Decoder(digest_key)
        self._history = history.History()

    def decode(self, record: ConsumerRecord, now: datetime) -> Decoded | Refusal:
        """Record → rows, or why it is refused."""
        return self._decoder(record, now)

    async def apply(self, connection: AnyConnection, items: Sequence[Item[Decoded]]) -> Sequence[Outgoing]:
        """Store a batch. Tables in this order: reports, entry, standing (everybody's lock), the rest."""
        arrived: list[history.Arrived] = []
        others: list[Item[Decoded]] = []
        for item in items:
            if isinstance(item.decoded, Noted):
                arrived.append((item, item.decoded))
            else:
                others.append(item)
        await erasing.collect(connection, others)
        new = await self._history.add(connection, arrived)
        projection = fold([noted.entry for noted in new])
        targets = history.withdrawn_by(new)
        await history.touch_givers(connection, projection, targets)
        erasures = _touch(projection, others)
        if not projection.standing:
            return ()
        marks = await store.merge_standing(connection, projection.standing, erasures)
        await history.project(connection, projection, new, targets, marks)
        if not others:
            return ()
        reports = await erasing.erase(connection, others, self._backup_retention_days)
        await directory.keep_persons(connection, others, marks)
        await directory.keep_preferences(connection, others, marks)
        return reports

    async def seal(
        self, connection: AnyConnection, spans: Sequence[Span], items: Sequence[Item[Decoded]]
    ) -> None:
        """Add the batch to its partitions' trees."""
        await sealing.seal(connection, spans, items)


def _touch(projection: Projection, items: Sequence[Item[Decoded]]) -> dict[str, int]:
    """Add everybody else the batch is about, so that their locks are taken; return who is to be erased how far."""
    erasures: dict[str, int] = {}
    for item in items:
        decoded = item.decoded
        if isinstance(decoded, Person | Preference | Removal | Erasure):
            projection.touch(decoded.employee)
        if isinstance(decoded, Erasure):
            erasures[decoded.employee] = max(decoded.scope, erasures.get(decoded.employee, 0))
    return erasures
