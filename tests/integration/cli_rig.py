"""A small company told to the three services: real consumers, relays, planner and sender on real servers."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from pydantic import SecretStr

from deploy.local.stack import Stack
from schemas.registry import BY_NAME, BY_TYPE, read_body
from services.cli.servers import kafka_reader, partitions_of
from services.cli.verify.log import Log, Position, look_at
from services.cli.verify.verification import Targets
from services.kit import kafka, positions
from services.kit.batch import Outcome, Sealer, Span
from services.kit.cloudevents import Event, encode
from services.kit.consume import Consumer
from services.kit.relay import Relay
from services.kit.run import create_pool
from services.kit.settings import ServiceSettings
from services.kit.sql import Pool
from services.ledger.handlers import LedgerHandler
from services.ledger.proof.checkpoints import Checkpoints
from services.notifier.channels import Parcel, Result, Sent
from services.notifier.handlers import NotifierHandler
from services.notifier.planning import Planner
from services.notifier.rounds import forever
from services.notifier.sending import Sender, SendLimits
from services.recognition.handlers import RecognitionHandler
from services.recognition.settings import RecognitionSettings
from tests.integration.proof_rig import Signer

SOURCE = "urn:test:cli"
PATIENCE_SECONDS = 60
NOW = datetime.now(UTC).replace(microsecond=0)
LONG_AGO = NOW - timedelta(days=70)
TODAY = NOW - timedelta(hours=2)


def event(name: str, id_: str, body: dict[str, Any], at: datetime = LONG_AGO) -> Event:
    """One event as its producer would send it."""
    type_ = BY_NAME[name]
    data = json.dumps(body).encode()
    model = read_body(type_.type, type_.dataschema, data).value
    return Event(
        id=id_,
        source=SOURCE,
        type=type_.type,
        time=at,
        data=data,
        dataschema=type_.dataschema,
        partitionkey=type_.key(model),
    )


def person(employee: str) -> Event:
    """Somebody with an address, led by e-lead."""
    body = {
        "employee": employee,
        "name": f"Name of {employee}",
        "email": f"{employee}@example.invalid",
        "teams": [{"since": "2024-01-01", "team": "north"}],
        "managers": [{"since": "2024-01-01", "manager": "e-lead"}] if employee != "e-lead" else [],
        "statuses": [{"since": "2024-01-01", "status": "active"}],
    }
    return event("person", f"person-{employee}", body)


def note(id_: str, giver: str, *to: str, at: datetime = LONG_AGO, **fields: Any) -> Event:
    """Thanks."""
    return event(
        "thank-you-note",
        id_,
        {"from": giver, "to": list(to), "deed": f"Secret words of {id_}.", **fields},
        at,
    )


def achievement(id_: str, employee: str, at: datetime = LONG_AGO, **fields: Any) -> Event:
    """Something done."""
    said = {"employee": employee, "title": f"Title of {id_}", "basis": "both", "size": "small", **fields}
    return event("achievement", id_, said, at)


def story() -> list[Event]:
    """A little of everything, over three months, the last hours included."""
    later, thanks = LONG_AGO + timedelta(days=40), {"source": SOURCE, "id": "deed-answered"}
    withdrawn = [("note-withdrawn", "w-note"), ("deed-withdrawn", "w-deed")]
    return [
        *(person(employee) for employee in ("e-1", "e-2", "e-3", "e-4", "e-lead")),
        achievement("deed-answered", "e-1", accepted_by="e-2", skills=["kafka"], size="major", goal="g-1"),
        achievement("deed-open", "e-2", later, size="notable", helped_by=["e-3"]),
        achievement("deed-withdrawn", "e-3", size="small"),
        note("note-about", "e-2", "e-1", about=thanks, basis="effort", goal="g-1", at=later),
        note("note-of-lead", "e-lead", "e-1", "e-2", basis="result"),
        note("note-withdrawn", "e-1", "e-3"),
        note("note-to-erased", "e-1", "e-4"),
        note("note-today", "e-3", "e-2", at=TODAY),
        note("note-to-stranger", "e-1", "e-nobody", at=later),
        note("note-to-oneself", "e-1", "e-1"),
        event("milestone", "anniversary", {"employee": "e-2", "kind": "anniversary", "title": "Two years"}),
        event("training", "training", {"employee": "e-3", "title": "Knots", "status": "completed"}, later),
        event("goal-step", "step", {"employee": "e-1", "goal": "g-2", "title": "A step"}),
        event("reflection", "reflection", {"employee": "e-1", "question": "What?", "answer": "That."}),
        event(
            "assignment", "lead", {"employee": "e-2", "title": "Lead it", "status": "assigned", "lead": True}
        ),
        *(event("withdrawal", id_, {"of": {"source": SOURCE, "id": of}}, later) for of, id_ in withdrawn),
        note("note-about", "e-2", "e-1", about=thanks, basis="effort", goal="g-1", at=later),
    ]


class Postman:
    """A channel that takes everything."""

    async def set_up(self) -> None: ...

    async def send(self, parcel: Parcel) -> Result:
        return Sent("250")

    async def stop(self) -> None: ...


@dataclass
class House:
    """The services on one stack, each with a database of its own, which pass over what the topics hold now."""

    stack: Stack
    urls: dict[str, str]
    names: dict[str, str] = field(default_factory=dict)
    """Of the databases, for cloning them."""
    pools: dict[str, Pool] = field(default_factory=dict)
    consumers: dict[str, Consumer[Any]] = field(default_factory=dict)
    signer: Signer = field(default_factory=lambda: Signer(os.urandom(32)))
    """A key of this house alone: the topic of checkpoints is everybody's."""
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def kafka(self) -> dict[str, Any]:
        """Options of a Kafka client."""
        return kafka.connection_options(self._settings("ledger"))

    def _settings(self, service: str) -> RecognitionSettings:
        return RecognitionSettings(
            kafka_bootstrap_servers=self.stack.bootstrap_servers,
            database_url=SecretStr(self.urls[service]),
            history_since=date(2020, 1, 1),
            linger_ms=10,
        )

    async def start(self) -> None:
        """Claim where the topics end, then consume and publish."""
        settings = self._settings("recognition")
        handlers: dict[str, Any] = {
            "recognition": RecognitionHandler(settings),
            "ledger": LedgerHandler(settings.digest_key.get_secret_value().encode()),
            "notifier": NotifierHandler(b"key"),
        }
        loops: list[Coroutine[Any, Any, None]] = []
        for service, handler in handlers.items():
            own: ServiceSettings = self._settings(service)
            pool = self.pools[service] = await create_pool(own)
            await self._ignore_what_is_there(pool, own, handler)
            consumer = self.consumers[service] = Consumer(own, pool, handler, group=service)
            loops += [consumer.run(), Relay(own, service=service).run()]
        self._tasks = [asyncio.create_task(loop) for loop in loops]

    async def _ignore_what_is_there(self, pool: Pool, settings: ServiceSettings, handler: Any) -> None:
        """The topics hold other tests' records. A service begins where the log does: they are noted as ignored."""
        cluster = await kafka.look_at_cluster(settings, handler.topics)
        async with kafka_reader(self.kafka) as looker:
            partitions = await partitions_of(looker, handler.topics)
            beginnings = await looker.beginning_offsets(partitions)
            ends = await looker.end_offsets(partitions)
        async with pool.acquire() as connection, connection.transaction():
            claimed = await positions.claim(
                connection, partitions, cluster_id=cluster, beginnings=beginnings, ends=ends
            )
            stretches = []
            for position in claimed:
                end = ends[position.partition]
                if end > position.next_offset:
                    stretch = Span(position, position.next_offset, end)
                    stretch.add(Outcome.IGNORED, position.next_offset, end)
                    stretches.append(stretch)
            if not stretches:
                return
            await positions.advance(connection, stretches)
            await positions.record_batches(connection, stretches)
            if isinstance(handler, Sealer):
                await handler.seal(connection, stretches, [])

    @property
    def targets(self) -> Targets:
        """Everything there is to verify."""
        return Targets(self.urls, self.kafka, [self.signer.raw])

    def checkpoints(self) -> Checkpoints:
        """As the ledger wires them."""
        return Checkpoints(self.pools["ledger"], self.signer.key, [], 1)

    async def send(self, *events: Event) -> None:
        """Send events, each to its topic, in order."""
        producer = AIOKafkaProducer(**self.kafka)
        await producer.start()
        for one in events:
            key, value, headers = encode(one)
            await producer.send_and_wait(BY_TYPE[one.type].topic, value, key, headers=headers)
        await producer.stop()

    async def until(self, service: str, query: str) -> None:
        """Wait until a query of a service's database answers true."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await self.pools[service].fetchval(query):
                await asyncio.sleep(0.05)

    async def tell(self) -> None:
        """Decide on every intent, send what is to be sent, and return when each has ended."""
        pool = self.pools["notifier"]
        sender = Sender("email", Postman(), pool, channels=["email"], limits=SendLimits(20, 10.0, 60.0),
                        public_url=None)  # fmt: skip
        loops = [forever("plan", Planner(pool, ["email"]).once, idle_seconds=0.02), sender.run()]
        tasks = [asyncio.create_task(loop) for loop in loops]
        await self.until("notifier", "SELECT NOT EXISTS (SELECT FROM intent WHERE ended_at IS NULL)")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def at_rest(self) -> None:
        """Wait until nothing is on its way: twice in a row, outboxes are empty and everything is read."""
        calm = 0
        async with asyncio.timeout(PATIENCE_SECONDS), look_at(self.kafka) as log:
            while calm < 2:
                calm = 0 if await self._is_busy(log) else calm + 1

    async def _is_busy(self, log: Log) -> bool:
        for pool in self.pools.values():
            if await pool.fetchval("SELECT EXISTS (SELECT FROM outbox)"):
                return True
            rows = await pool.fetch("SELECT topic, partition, cluster_id, next_offset FROM consumer_position")
            stored = {TopicPartition(*row[:2]): Position(*row[2:]) for row in rows}
            for topic in {partition.topic for partition in stored}:
                if await log.unread(topic, stored):
                    return True
        return False

    async def stop(self) -> None:
        """Commit to Kafka what is stored, then end everything; the databases stay."""
        for consumer in self.consumers.values():
            await consumer.drain()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for pool in self.pools.values():
            await pool.close()
