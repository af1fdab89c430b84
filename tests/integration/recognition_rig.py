"""Batches as the consumer would hand them over, in transactions on a real database."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import asyncpg
from aiokafka import ConsumerRecord, TopicPartition
from pydantic import SecretStr

from schemas.registry import BY_NAME
from services.kit import cloudevents
from services.kit.batch import Item, Outcome, Outgoing, Position
from services.kit.errors import Refusal
from services.kit.sql import AnyConnection
from services.recognition.handlers import Happened, RecognitionHandler
from services.recognition.settings import RecognitionSettings

SOURCE = "urn:test"
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
_offsets = itertools.count()


@dataclass
class Told:
    """What one batch came to."""

    outcomes: list[str]
    """Outcome of each record, or the code of its refusal."""
    outgoing: list[Outgoing]

    @property
    def entries(self) -> list[dict[str, Any]]:
        """Entries in order: envelope id, type and body."""
        return [entry_of(o) for o in self.outgoing if o.topic == "recognition.entries.v1"]

    @property
    def dead(self) -> list[Outgoing]:
        """Dead letters of what had been parked."""
        return [o for o in self.outgoing if o.topic == "recognition.dlq.recognition"]


@dataclass
class Rig:
    """A handler and a connection of its own."""

    connection: asyncpg.Connection[asyncpg.Record]
    settings: RecognitionSettings
    handler: RecognitionHandler = field(init=False)

    def __post_init__(self) -> None:
        self.handler = RecognitionHandler(self.settings)

    async def apply(self, *records: ConsumerRecord) -> Told:
        """One batch, committed."""
        async with self.connection.transaction():
            return await self.apply_open(self.connection, records)

    async def apply_open(self, connection: AnyConnection, records: Sequence[ConsumerRecord]) -> Told:
        """One batch inside an open transaction."""
        now = datetime.now(UTC)
        items: list[Item[Happened]] = []
        for record in records:
            position = Position(TopicPartition(record.topic, record.partition), 1, record.offset)
            item: Item[Happened] = Item(position, record, self.handler.decode(record, now))
            assert not isinstance(item.decoded, Refusal), item.decoded
            items.append(item)
        outgoing = await self.handler.apply(connection, items)
        return Told([_outcome(item) for item in items], list(outgoing))

    async def count(self, table: str, where: str = "true") -> int:
        """Rows of a table."""
        number: int = await self.connection.fetchval(f"SELECT count(*) FROM {table} WHERE {where}")
        return number


def settings_for(url: str, bootstrap_servers: str = "unused:1", **changes: Any) -> RecognitionSettings:
    """Settings against one database; firsts count for everybody who started since 2025."""
    given: dict[str, Any] = {"history_since": date(2025, 1, 1), "linger_ms": 10}
    return RecognitionSettings(
        kafka_bootstrap_servers=bootstrap_servers, database_url=SecretStr(url), **(given | changes)
    )


def record(name: str, /, *, id_: str, at: datetime = NOON, **data: Any) -> ConsumerRecord:
    """An event as it comes from Kafka."""
    event_type = BY_NAME[name]
    event = cloudevents.Event(
        id=id_,
        source=SOURCE,
        type=event_type.type,
        time=at,
        data=json.dumps(data).encode(),
        dataschema=event_type.dataschema,
        partitionkey="any",
    )
    key, value, headers = cloudevents.encode(event)
    return consumer_record(event_type.topic, key, value, headers)


def consumer_record(
    topic: str,
    key: bytes | None,
    value: bytes | None,
    headers: Sequence[tuple[str, bytes]],
    at: datetime = NOON,
) -> ConsumerRecord:
    """Any record; `at` is Kafka's time of it."""
    timestamp = int(at.timestamp() * 1000)
    return ConsumerRecord(topic, 0, next(_offsets), timestamp, 0, key, value, None, 0, 0, tuple(headers))


def person(employee: str, *, id_: str | None = None, at: datetime = NOON, **changes: Any) -> ConsumerRecord:
    """A directory record of somebody who started in June 2025."""
    data: dict[str, Any] = {
        "employee": employee,
        "name": "Somebody",
        "teams": [{"since": "2025-06-01", "team": "a-team"}],
        "statuses": [{"since": "2025-06-01", "status": "active"}],
    }
    return record("person", id_=id_ or f"p-{employee}", at=at, **(data | changes))


def achievement(id_: str, employee: str, **changes: Any) -> ConsumerRecord:
    """Something small somebody did."""
    data: dict[str, Any] = {"employee": employee, "title": "Mended it", "basis": "effort", "size": "small"}
    return record("achievement", id_=id_, **(data | changes))


def note(id_: str, giver: str, *to: str, **changes: Any) -> ConsumerRecord:
    """Thanks."""
    data: dict[str, Any] = {"from": giver, "to": list(to), "deed": "You stayed."}
    return record("thank-you-note", id_=id_, **(data | changes))


def withdrawal(id_: str, of: str) -> ConsumerRecord:
    """Takes back an event of the same source."""
    return record("withdrawal", id_=id_, of={"source": SOURCE, "id": of})


def entry_of(outgoing: Outgoing) -> dict[str, Any]:
    """Id, type and body of an entry."""
    headers = {name: (value or b"").decode() for name, value in outgoing.headers}
    assert outgoing.value is not None
    name = headers["ce_type"].removeprefix("dev.waystone.").removesuffix(".v1")
    body: dict[str, Any] = json.loads(outgoing.value)
    return {"entry": headers["ce_id"], "type": name, **body}


def types_of(told: Told) -> list[str]:
    """Type, and kind if it has one, of each entry in order."""
    return [e["type"] + ("/" + e["kind"] if "kind" in e else "") for e in told.entries]


def _outcome(item: Item[Happened]) -> str:
    if item.outcome is Outcome.REJECTED:
        assert item.refusal is not None
        return str(item.refusal.code)
    return str(item.outcome.value)
