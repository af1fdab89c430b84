"""A company in which one person's words are everywhere, told to the three services; and the same log read again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import asyncpg
from aiokafka import TopicPartition

from deploy.local.stack import Stack
from services.cli.servers import SERVICES, kafka_reader, partitions_of
from services.kit import kafka, positions, sql
from services.kit.cloudevents import Event
from services.kit.settings import ServiceSettings
from services.kit.sql import Pool
from services.ledger import erasing
from services.ledger.receipt import Receipt, receipt_of
from tests.canaries import tables_with
from tests.conftest import ROOT
from tests.integration.cli_rig import NOW, SOURCE, TODAY, House, achievement, event, note

RECEIVED, GIVEN, OTHER = "Zugspitzplatt", "Wettersteinwand", "Eibseewasser"
"""What stands in every text for or about Ada; in what she gave to others; in what is between others."""
ADA, BEFORE, BO, LEAD = "e-ada", "o-ada", "e-bo", "e-lead"
ERASED = (ADA, BEFORE)
_CONCERNED = [*ERASED, "e-stranger"]  # for whom a note of Ada's waits
_OTHERS = {
    "recognition": ("person", "skill", "emitted"),
    "ledger": ("person", "preference", "standing", "deed"),
    "notifier": ("person", "preference"),
}


def directory(employee: str, text: str, **fields: Any) -> Event:
    """A directory record with the text in all that is free."""
    body = {
        "employee": employee,
        "name": f"{text} {employee}",
        "email": f"{text}.{employee}@example.invalid",
        "chat": f"@{text}",
        "teams": [{"since": "2024-01-01", "team": "north"}],
        "statuses": [{"since": "2024-01-01", "status": "active"}],
        **fields,
    }
    return event("person", f"{SOURCE}-{employee}-{len(fields)}", body)


def story() -> list[Event]:
    """Every kind of event that carries words, with them in every free field."""
    said = f"say {RECEIVED}"
    about = {"employee": ADA, "title": said}
    return [
        directory(BEFORE, RECEIVED),
        note("note-before", BO, BEFORE, deed=said, impact=said),
        directory(ADA, RECEIVED, formerly=[BEFORE]),
        directory(BO, OTHER),
        directory(LEAD, OTHER),
        event("preferences", "wishes-ada", {"employee": ADA, "celebrate": "team"}),
        event("preferences", "wishes-bo", {"employee": BO, "celebrate": "public"}),
        achievement("deed-ada", ADA, TODAY, description=said, title=said, size="major", skills=["kafka"], links=[said]),
        achievement("deed-bo", BO, TODAY, title=f"say {OTHER}", helped_by=[ADA], accepted_by=ADA),
        note("note-ada", BO, ADA, at=TODAY, deed=said, impact=said),
        note("note-taken-back", BO, ADA, at=TODAY, deed=said),
        event("withdrawal", "taken-back", {"of": {"source": SOURCE, "id": "note-taken-back"}, "reason": said}, TODAY),
        note("note-both", LEAD, ADA, BO, at=TODAY, deed=f"say {OTHER}"),
        note("note-given", ADA, BO, at=TODAY, deed=f"say {GIVEN}", impact=GIVEN),
        note("note-other", LEAD, BO, at=TODAY, deed=f"say {OTHER}"),
        note("note-waiting", ADA, "e-stranger", at=TODAY, deed=f"say {RECEIVED}"),
        event("withdrawal", "waiting", {"of": {"source": SOURCE, "id": "never"}, "by": ADA, "reason": said}, TODAY),
        event("milestone", "milestone-ada", {**about, "kind": "other", "description": said}, TODAY),
        event("training", "training-ada", {**about, "status": "completed"}, TODAY),
        event("goal", "goal-ada", {**about, "goal": "g-ada"}, TODAY),
        event("goal-step", "step-ada", {**about, "goal": "g-ada"}, TODAY),
        event("reflection", "reflection-ada", {"employee": ADA, "question": said, "answer": said}, TODAY),
        event("self-rating", "rating-ada",
              {"employee": ADA, "skill": "kafka", "rating": 3, "moment": "before", "note": said}, TODAY),
        event("assignment", "task-ada", {**about, "description": said, "status": "completed", "lead": True}, TODAY),
    ]  # fmt: skip


def later() -> list[Event]:
    """Events about Ada that come after her erasure."""
    at = NOW - timedelta(minutes=10)
    return [
        achievement("deed-late", ADA, at, title=RECEIVED),
        note("note-late", BO, ADA, at=at, deed=RECEIVED),
        directory(ADA, RECEIVED, formerly=[BEFORE], language="it"),
        event("preferences", "wishes-late", {"employee": ADA, "celebrate": "public"}, at),
        note("note-late-before", BO, BEFORE, at=at, deed=RECEIVED),
        note("note-fine", LEAD, BO, at=at, deed=f"say {OTHER}"),
    ]


@dataclass
class LogHouse(House):
    """The services on databases of their own, reading the log from where it stood when the story began."""

    begin: dict[TopicPartition, int] = field(default_factory=dict)

    async def _ignore_what_is_there(self, pool: Pool, settings: ServiceSettings, handler: Any) -> None:
        cluster = await kafka.look_at_cluster(settings, handler.topics)
        async with kafka_reader(self.kafka) as looker:
            partitions = await partitions_of(looker, handler.topics)
            ends = await looker.end_offsets(partitions)
        for partition in partitions:
            self.begin.setdefault(partition, ends[partition])
        async with pool.acquire() as connection:
            await positions.claim(
                connection,
                partitions,
                cluster_id=cluster,
                beginnings={partition: self.begin[partition] for partition in partitions},
                ends=ends,
            )

    async def stop(self) -> None:
        """End everything; the databases stay, and it can be started again."""
        await super().stop()
        self.pools, self.consumers = {}, {}

    async def tables_with(self, *texts: str) -> dict[str, list[str]]:
        """Tables that hold one of the texts, by service."""
        found = {}
        for service, url in self.urls.items():
            connection = await asyncpg.connect(url)
            found[service] = await tables_with(connection, *texts)
            await connection.close()
        return found

    async def others(self) -> dict[str, list[str]]:
        """Every row of the person tables that is not about the erased, and every text that stays."""
        rows: dict[str, list[str]] = {}
        for service, tables in _OTHERS.items():
            for table in tables:
                query = f"SELECT t::text FROM {table} AS t WHERE employee <> ALL ($1::text[]) ORDER BY 1"
                rows[f"{service}.{table}"] = [
                    r[0] for r in await self.pools[service].fetch(query, _CONCERNED)
                ]
        words = "SELECT w::text FROM words AS w WHERE employee <> ALL ($1::text[]) ORDER BY 1"
        rows["words"] = [r[0] for r in await self.pools["ledger"].fetch(words, _CONCERNED)]
        told = "SELECT i::text FROM intent AS i WHERE employee <> ALL ($1::text[]) ORDER BY 1"
        rows["intents"] = [r[0] for r in await self.pools["notifier"].fetch(told, _CONCERNED)]
        return rows

    async def receipt(self, employee: str) -> Receipt | None:
        """As the API makes it."""
        async with self.pools["ledger"].acquire() as connection:
            return receipt_of(employee, await erasing.read_known(connection, employee))


async def databases(stack: Stack, label: str, like: dict[str, str] | None = None) -> dict[str, str]:
    """Three databases: migrated and empty, or copies of others. Returns their names."""
    names = {}
    for service in SERVICES:
        name = names[service] = f"{label}_{service}"
        if like is None:
            await stack.create_database(name)
            connection = await asyncpg.connect(stack.database_url(name))
            await sql.migrate(connection, sql.migrations_of(service, ROOT / "services" / service))
        else:
            connection = await asyncpg.connect(stack.database_url("postgres"))
            await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{like[service]}"')
        await connection.close()
    return names
