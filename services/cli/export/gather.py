"""Everything the three databases hold about one person, table by table, by this command's own queries."""

import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from services.cli.servers import SERVICES, Servers, database_complaints, reading
from services.kit.sql import Connection, Queries

ROWS_MAX = 1_000_000
"""Per table: what a person could ever have is far below."""
ID_ROUNDS_MAX = 20
_SQL = Path(__file__).parent / "sql"
_QUERIES = {service: Queries(_SQL / f"{service}.sql") for service in SERVICES}
# Kafka records kept whole (MessagePack: topic, partition, offset, time in ms, key, value, headers).
_RECORD = msgspec.msgpack.Decoder(
    tuple[str, int, int, int, bytes | None, bytes | None, list[tuple[str, bytes]]]
)
_JSON_TEXTS = frozenset({"body", "periods", "lines", "gone"})

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Section:
    """One kind of thing a service holds. table: the query of that name. covers: the tables it reads."""

    service: str
    table: str
    title: str
    covers: tuple[str, ...]


SECTIONS: tuple[Section, ...] = (
    Section(
        "ledger",
        "entry",
        "Your history, with the words you received",
        ("entry", "words", "history", "history_words"),
    ),
    Section("ledger", "given", "What you gave to others, in your words", ("entry", "words")),
    Section("ledger", "named", "Where deeds of others name you", ("entry",)),
    Section("ledger", "person", "The directory's record", ("person",)),
    Section("ledger", "led", "Whose records name you as manager", ("person",)),
    Section("ledger", "preference", "How widely you may be celebrated", ("preference",)),
    Section("ledger", "standing", "When you last received, gave and grew", ("standing",)),
    Section("ledger", "recognition_day", "Recognitions counted by day", ("recognition_day",)),
    Section("ledger", "deed", "Deeds and when they were answered", ("deed",)),
    Section("ledger", "withdrawal", "Entries that were taken back", ("withdrawal",)),
    Section("ledger", "gap_form", "Rosters you are on, that group figures are counted over", ("gap_form",)),
    Section("ledger", "gap_pair", "Who thanked whom on which day, you being one of them", ("gap_pair",)),
    Section("ledger", "gap", "What your lead was told that you lack", ("gap",)),
    Section(
        "ledger", "unnoticed_deed", "Deeds nobody had answered, as your lead was told", ("unnoticed_deed",)
    ),
    Section("ledger", "led_unnoticed", "Deeds of others that you were told of", ("unnoticed_deed",)),
    Section("ledger", "removal", "When your record or your wishes were taken away", ("removal",)),
    Section("ledger", "archived_words", "Words of months whose entries are in an archive", ("words",)),
    Section(
        "ledger", "archived_giving", "What you gave in months that are archived", ("archived_giving", "words")
    ),
    Section("ledger", "archived_standing", "Months that are archived, summed up", ("archived_standing",)),
    Section("ledger", "archived_deed", "Deeds and answers of months that are archived", ("archived_deed",)),
    Section("ledger", "entry_mark", "Entries you have hidden or withdrawn", ("entry_mark",)),
    Section("ledger", "dispute", "Disputes about your entries", ("dispute",)),
    Section(
        "ledger", "dispute_owned", "Disputes of others that you were to decide, in your words", ("dispute",)
    ),
    Section("ledger", "request_key", "Keys of requests you made within a day", ("request_key",)),
    Section("ledger", "erasure", "Erasure", ("erasure",)),
    Section("ledger", "erasure_report", "What services deleted", ("erasure_report",)),
    Section(
        "ledger", "outbox_aside", "Messages to other services that could not be delivered", ("outbox_aside",)
    ),
    Section("recognition", "person", "The directory's record", ("person",)),
    Section("recognition", "skill", "Skills you were seen to use", ("skill",)),
    Section("recognition", "parked", "Events that wait for somebody to be known", ("parked",)),
    Section("recognition", "awaiting", "Withdrawals of yours that wait", ("awaiting",)),
    Section("recognition", "emitted", "What was announced about you", ("emitted",)),
    Section(
        "recognition",
        "outbox_aside",
        "Messages to other services that could not be delivered",
        ("outbox_aside",),
    ),
    Section("notifier", "person", "The directory's record, with your addresses", ("person",)),
    Section("notifier", "preference", "Your wishes", ("preference",)),
    Section("notifier", "intent", "What you were, or are to be, told", ("intent",)),
    Section("notifier", "given", "What others are told in your words", ("intent",)),
    Section("notifier", "told", "What you were told before the notifier was restored", ("told",)),
    Section("notifier", "message", "Messages to you", ("message",)),
    Section("notifier", "attempt", "Each try to deliver one", ("attempt", "message")),
    Section(
        "notifier",
        "outbox_aside",
        "Messages to other services that could not be delivered",
        ("outbox_aside",),
    ),
)


@dataclass(frozen=True, slots=True)
class Gathered:
    """ids: every id the person is known by. missing: services whose database was not named. rows: by section."""

    employee: str
    ids: tuple[str, ...]
    missing: tuple[str, ...]
    rows: Mapping[Section, list[Row]]

    def as_json(self) -> dict[str, Any]:
        """By service and table."""
        services: dict[str, dict[str, list[Row]]] = {}
        for section, rows in self.rows.items():
            services.setdefault(section.service, {})[section.table] = rows
        return {"employee": self.employee, "ids": list(self.ids), "missing": list(self.missing), **services}


async def gather(servers: Servers, employee: str) -> Gathered:
    """Read one snapshot of each database. Raises CliError when one that is named does not answer."""
    urls = servers.need_databases()
    async with AsyncExitStack() as stack:
        opened = {
            service: await stack.enter_async_context(reading(service, urls[service]))
            for service in SERVICES
            if service in urls
        }
        ids = await _ids(opened, employee)
        rows: dict[Section, list[Row]] = {}
        for section in SECTIONS:
            if connection := opened.get(section.service):
                with database_complaints(section.service):
                    cursor = await connection.cursor(_QUERIES[section.service][section.table], list(ids))
                    found = await cursor.fetch(ROWS_MAX)
                rows[section] = [{name: _json(name, value) for name, value in row.items()} for row in found]
    return Gathered(employee, ids, tuple(s for s in SERVICES if s not in opened), rows)


async def _ids(opened: Mapping[str, Connection], employee: str) -> tuple[str, ...]:
    """The person's id and those they had before, as any of the services knows them, and theirs in turn."""
    known = {employee}
    for _ in range(ID_ROUNDS_MAX):
        found: set[str] = set()
        for service, connection in opened.items():
            with database_complaints(service):
                rows = await connection.fetch(_QUERIES[service]["ids"], sorted(known))
            found |= {row["employee"] for row in rows}
        if found <= known:
            break
        known |= found
    return (employee, *sorted(known - {employee}))


def _json(name: str, value: Any) -> Any:
    if isinstance(value, bytes):
        return _record(value) if name == "record" else _readable(value)
    if isinstance(value, str) and name in _JSON_TEXTS:
        return json.loads(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list):
        return [_json("", one) for one in value]
    return str(value) if isinstance(value, UUID) else value


def _record(packed: bytes) -> Row:
    topic, _, _, _, _, value, headers = _RECORD.decode(packed)
    return {
        "topic": topic,
        "headers": {n: v.decode("utf-8", "replace") for n, v in headers},
        "body": _readable(value),
    }


def _readable(value: bytes | None) -> Any:
    """JSON if it is that, else its text."""
    text = (value or b"").decode("utf-8", "replace")
    try:
        return json.loads(text)
    except ValueError:
        return text
