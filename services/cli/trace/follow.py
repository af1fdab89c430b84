"""What each service, and each dead-letter topic, knows of one event."""

from collections.abc import Collection, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from services.cli.deadletters import DeadLetter, read_dead_letters, topic_of
from services.cli.errors import CliError
from services.cli.servers import (
    SERVICES,
    Servers,
    database_complaints,
    kafka_complaints,
    kafka_reader,
    reading,
)
from services.kit.cloudevents import STRUCTURED, decode_structured
from services.kit.errors import Refusal
from services.kit.sql import Connection, Queries

_SQL = Path(__file__).parent / "sql"
_RECOGNITION, _LEDGER, _NOTIFIER = (
    Queries(_SQL / f"{name}.sql") for name in ("recognition", "ledger", "notifier")
)
_KINDS = ("", "deed", "recognition", "recognition-withdrawn", "growth", "assignment-noted", "career-picture")
_ENTRY_SOURCE = "urn:waystone:recognition"
Row = dict[str, Any]


@dataclass(slots=True)
class Trail:
    """Everything found, rows by what they are of; ids as text, times as ISO 8601, no words and no names."""

    id: str
    source: str | None
    received: list[Row] = field(default_factory=list)
    parked: list[Row] = field(default_factory=list)
    awaiting: list[Row] = field(default_factory=list)
    emitted: list[Row] = field(default_factory=list)
    dead_letters: list[Row] = field(default_factory=list)
    entries: list[Row] = field(default_factory=list)
    intents: list[Row] = field(default_factory=list)

    @property
    def known(self) -> bool:
        """Somebody knows the event."""
        return any((self.received, self.parked, self.awaiting, self.emitted, self.dead_letters,
                    self.entries, self.intents))  # fmt: skip


async def follow(servers: Servers, id_: str, source: str | None) -> Trail:
    """Follow event `id_`, or the event that the entry with this UUID came from.

    source: of the event, when several senders use this id. Servers that are not named are passed over.
    Raises CliError AMBIGUOUS when the id has several sources and none is chosen, and when a server does not answer.
    """
    trail = Trail(id_, source)
    async with AsyncExitStack() as stack:
        opened = {
            service: await stack.enter_async_context(reading(service, url))
            for service, url in servers.need_databases().items()
        }
        keys: list[tuple[str, UUID]] = []
        if ledger := opened.get("ledger"):
            with database_complaints("ledger"):
                keys = await _lead_back(trail, ledger)
        if recognition := opened.get("recognition"):
            with database_complaints("recognition"):
                await _ask_recognition(trail, recognition)
        if ledger:
            with database_complaints("ledger"):
                await _ask_ledger(trail, ledger, keys)
        entries = {row["entry"] for row in (*trail.emitted, *trail.entries)}
        if notifier := opened.get("notifier"):
            with database_complaints("notifier"):
                await _ask_notifier(trail, notifier, entries)
    if servers.kafka:
        trail.dead_letters = await _search_dead_letters(servers.kafka, trail, entries)
    return trail


async def _lead_back(trail: Trail, ledger: Connection) -> list[tuple[str, UUID]]:
    """If the id is an entry's, go on with the event it came from; return the entry's key."""
    entry = _as_uuid(trail.id)
    row = None if entry is None else await ledger.fetchrow(_LEDGER["key_of_entry"], entry)
    if row is None:
        return []
    key = (row["employee"], row["id"])
    [kept] = await ledger.fetch(_LEDGER["entries_by_key"], [key[0]], [key[1]])
    trail.id, trail.source = kept["cause_id"], kept["cause_source"]
    return [key]


async def _ask_recognition(trail: Trail, connection: Connection) -> None:
    entry = _as_uuid(trail.id)
    if entry and (cause := await connection.fetchrow(_RECOGNITION["cause_of_entry"], entry)):
        trail.id, trail.source = cause["id"], cause["source"]
    if trail.source is None:
        sources = [row["source"] for row in await connection.fetch(_RECOGNITION["sources"], trail.id)]
        if len(sources) > 1:
            raise CliError("AMBIGUOUS", f"choose one with --source: {', '.join(sources)}")
        trail.source = sources[0] if sources else None
    event = (trail.id, trail.source)
    for name in ("received", "parked", "awaiting", "emitted"):
        setattr(trail, name, [_plain(row) for row in await connection.fetch(_RECOGNITION[name], *event)])


async def _ask_ledger(trail: Trail, connection: Connection, keys: list[tuple[str, UUID]]) -> None:
    """By the entries' keys where recognition told them; else by cause, which a withdrawal's entries need."""
    wanted = {*keys, *((row["employee"], UUID(row["entry"])) for row in trail.emitted)}
    if not trail.emitted:
        found = await connection.fetch(_LEDGER["keys_of_cause"], trail.id, trail.source)
        wanted |= {(row["employee"], row["id"]) for row in found}
    employees, ids = [key[0] for key in wanted], [key[1] for key in wanted]
    rows = await connection.fetch(_LEDGER["entries_by_key"], employees, ids)
    trail.entries = [_plain(row) | {"kind": _KINDS[row["kind"]]} for row in rows]
    if trail.source is None and trail.entries:
        trail.source = trail.entries[0]["cause_source"]


async def _ask_notifier(trail: Trail, connection: Connection, entries: Collection[str]) -> None:
    ids = [UUID(entry) for entry in entries] or [entry for entry in [_as_uuid(trail.id)] if entry]
    intents = await connection.fetch(_NOTIFIER["intents"], ids)
    messages = [row["message"] for row in intents if row["message"] is not None]
    attempts = [_plain(row) for row in await connection.fetch(_NOTIFIER["attempts"], messages)]
    trail.intents = [
        _plain(row) | {"attempts": [a for a in attempts if a["message"] == str(row["message"])]}
        for row in intents
    ]


async def _search_dead_letters(kafka: Mapping[str, Any], trail: Trail, entries: Collection[str]) -> list[Row]:
    """Dead letters of the event, and of the entries it led to. Reads the topics from end to end."""
    found = []
    async with kafka_reader(kafka) as consumer:
        with kafka_complaints(kafka):
            async for letter in read_dead_letters(consumer, [topic_of(service) for service in SERVICES]):
                id_, source = identity_of(letter)
                is_event = id_ == trail.id and (trail.source is None or source == trail.source)
                if is_event or (id_ in entries and source == _ENTRY_SOURCE):
                    found.append(_as_row(letter, id_))
    return found


def identity_of(letter: DeadLetter) -> tuple[str | None, str | None]:
    """Id and source of the event that was refused, as far as it can be read."""
    headers = {name.lower(): value for name, value in letter.record.headers if value is not None}
    content_type = headers.get("content-type", b"").split(b";")[0].strip().lower()
    if content_type == STRUCTURED.encode() and letter.record.value:
        event = decode_structured(letter.record.value, datetime.now(UTC))
        return (None, None) if isinstance(event, Refusal) else (event.id, event.source)
    id_, source = (headers.get(name, b"").decode("utf-8", "replace") for name in ("ce_id", "ce_source"))
    return id_ or None, source or None


def _as_row(letter: DeadLetter, id_: str | None) -> Row:
    return {
        "id": id_,
        "service": letter.record.topic.rpartition(".")[2],
        "partition": letter.record.partition,
        "offset": letter.record.offset,
        "code": letter.code,
        "stage": letter.stage,
        "attempts": letter.attempts,
        "first_at": letter.first_at,
    }


def _plain(row: asyncpg.Record) -> Row:
    return {name: _text(value) for name, value in row.items()}


def _text(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    return str(value) if isinstance(value, UUID) else value


def _as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
