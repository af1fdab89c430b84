"""What the notifier's tests drive: its parts on a real Postgres, a mail server that does as told, a chat webhook."""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import asyncpg
from aiokafka import ConsumerRecord, TopicPartition
from aiosmtpd.smtp import SMTP, Envelope, Session

from schemas.registry import BY_NAME, BY_TYPE
from services.kit import cloudevents, ids, outbox
from services.kit.batch import Item, Outgoing, Position
from services.kit.cloudevents import Event
from services.kit.errors import Refusal
from services.kit.sql import Pool
from services.notifier.channels import Channel
from services.notifier.channels.mail import Mail, SmtpServer
from services.notifier.channels.mime import MailWriter
from services.notifier.domain.telling import CHANNELS, ChannelName
from services.notifier.handlers import NotifierHandler
from services.notifier.planning import Planner
from services.notifier.rounds import forever
from services.notifier.sending import Sender, SendLimits
from services.notifier.upkeep import Upkeep

RECOGNITION = "urn:waystone:recognition"
HR = "urn:waystone:hr"
PATIENCE_SECONDS = 30.0


def event(
    name: str, body: dict[str, Any], *, id_: str, time: datetime | None = None, source: str = HR
) -> Event:
    """One event of a type, as its producer would send it."""
    type_ = BY_NAME[name]
    return Event(
        id=id_,
        source=source,
        type=type_.type,
        time=time or datetime.now(UTC),
        data=json.dumps(body).encode(),
        dataschema=type_.dataschema,
        partitionkey=body["employee"],
        correlationid=f"because-of-{id_}"[:64],
    )


def person(employee: str, name: str, *, time: datetime | None = None, **fields: Any) -> Event:
    """A directory record, by default with an address and active since long."""
    body = {
        "employee": employee,
        "name": name,
        "email": f"{employee}@example.invalid",
        "teams": [{"since": "2020-01-01", "team": "north"}],
        "statuses": [{"since": "2020-01-01", "status": "active"}],
        **fields,
    }
    return event("person", body, id_=f"person-{employee}-{len(json.dumps(body))}", time=time)


def wishes(employee: str, *, id_: str = "wishes-1", time: datetime | None = None, **fields: Any) -> Event:
    """A person's preferences."""
    return event("preferences", {"employee": employee, **fields}, id_=f"{id_}-{employee}", time=time)


def thanks(employee: str, note: str = "note-1", *, time: datetime | None = None, **fields: Any) -> Event:
    """A thank-you from e-giver, as recognition announces it."""
    at = (time or datetime.now(UTC)).replace(microsecond=0)
    body = {
        "employee": employee,
        "cause": {"source": "urn:thanks", "id": note},
        "by": "person",
        "kind": "thanks",
        "giver": "e-giver",
        "title": "Kept the gauges alive",
        "words": f"Thank you for {note}.",
        **fields,
    }
    return event(
        "recognition",
        body,
        id_=str(ids.derive(at, "recognition", "urn:thanks", note, employee)),
        time=at,
        source=RECOGNITION,
    )


def withdrawal(of: Event, employee: str) -> Event:
    """Takes a recognition back."""
    body = {
        "employee": employee,
        "cause": {"source": "urn:thanks", "id": "withdrawal"},
        "withdraws": of.id,
        "withdraws_kind": "recognition",
    }
    return event("recognition-withdrawn", body, id_=f"withdrawn-{of.id}", source=RECOGNITION)


def erasure(employee: str, scope: str = "received") -> Event:
    """Forgets a person."""
    return event("erasure", {"employee": employee, "scope": scope}, id_=f"erasure-{scope}-{employee}")


def delivery(of: Event, employee: str, state: str = "sent") -> Event:
    """What the notifier says once it has told a recognition."""
    body = {"employee": employee, "recognition": of.id, "channel": "email", "state": state, "attempts": 1}
    return event("delivery", body, id_=f"delivery-{of.id}", source="urn:waystone:notifier")


def tombstone(topic: str, employee: str, time: datetime) -> ConsumerRecord:
    """What takes somebody's record away."""
    return record_with(topic, employee.encode(), None, [], time=time)


def record_with(
    topic: str,
    key: bytes | None,
    value: bytes | None,
    headers: Sequence[tuple[str, bytes | None]],
    *,
    time: datetime | None = None,
) -> ConsumerRecord:
    """A record of any bytes. time: Kafka's."""
    timestamp = int((time or datetime.now(UTC)).timestamp() * 1000)
    return ConsumerRecord(topic, 0, 0, timestamp, 0, key, value, None, 0, 0, tuple(headers))


def record_of(event: Event) -> ConsumerRecord:
    """An event as Kafka would hand it over."""
    key, value, headers = cloudevents.encode(event)
    return record_with(BY_TYPE[event.type].topic, key, value, headers)


@dataclass
class MailServer:
    """A real SMTP server whose answers to the final dot can be scripted, one per mail; then it takes everything."""

    script: list[str] = field(default_factory=list)
    """`451 later` and the like: that answer. `drop`: keep the mail, then cut the line. `hang`: never answer."""
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str | None, list[str]]] = field(default_factory=list)
    hangups: int = 0
    """How often to cut the line at `MAIL FROM` once a mail was taken over it, as servers do with idle ones."""
    connections: int = 0
    open_now: int = 0
    open_most: int = 0
    port: int = 0

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """aiosmtpd's hook for the sender."""
        if self.hangups and self.mails:
            self.hangups -= 1
            assert server.transport is not None
            server.transport.abort()
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """aiosmtpd's hook for the final dot."""
        self.open_now += 1
        self.open_most = max(self.open_most, self.open_now)
        try:
            await asyncio.sleep(0.005)
            answer = self.script.pop(0) if self.script else "250 OK"
            if answer in ("250 OK", "drop", "hang"):
                content = envelope.content
                assert isinstance(content, bytes)
                self.mails.append(email.message_from_bytes(content, policy=email.policy.default))  # type: ignore[arg-type]
                self.envelopes.append((envelope.mail_from, list(envelope.rcpt_tos)))
            if answer == "drop":
                assert server.transport is not None
                server.transport.abort()
            elif answer == "hang":
                await asyncio.sleep(PATIENCE_SECONDS)
            return answer
        finally:
            self.open_now -= 1

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[MailServer]:
        """Listen on a free loopback port, the same one each time."""

        def connect() -> SMTP:
            self.connections += 1
            return SMTP(self, loop=asyncio.get_running_loop())

        server = await asyncio.get_running_loop().create_server(connect, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    def channel(self, timeout_seconds: float = 5.0) -> Mail:
        """The e-mail channel that sends here."""
        server = SmtpServer(
            "127.0.0.1", self.port, "none", "", "", "waystone@example.invalid", timeout_seconds
        )
        return Mail(server, MailWriter("waystone@example.invalid", "Waystone"))

    def message_ids(self) -> list[str]:
        """Message-ID of each mail taken, in order."""
        return [str(mail["Message-ID"]) for mail in self.mails]


class Notifier:
    """The notifier without its consumer and relay: events go straight into `apply`, deliveries stay in the outbox."""

    def __init__(self, pool: Pool, channels: dict[ChannelName, Channel], lease_seconds: float = 60.0) -> None:
        self.pool = pool
        self.channels = channels
        self.lease_seconds = lease_seconds

    async def receive(self, *arriving: Event | ConsumerRecord) -> list[str]:
        """One batch, one transaction, as the kit does it; each record's outcome, or the code of its refusal."""
        handler, now = NotifierHandler(b"key"), datetime.now(UTC)
        items: list[Item[Any]] = []
        for one in arriving:
            record = record_of(one) if isinstance(one, Event) else one
            position = Position(TopicPartition(record.topic, 0), 1, 0)
            item: Item[Any] = Item(position, record, handler.decode(record, now))
            if isinstance(item.decoded, Refusal):
                item.refuse(item.decoded)
            items.append(item)
        accepted = [item for item in items if item.refusal is None]
        async with self.pool.acquire() as connection, connection.transaction():
            await outbox.append(connection, await handler.apply(connection, accepted))
        return [item.refusal.code if item.refusal else item.outcome for item in items]

    def planner(self) -> Planner:
        """What makes messages of intents."""
        return Planner(self.pool, self.channels.keys())

    def sender(self, name: ChannelName) -> Sender:
        """What sends the messages of a channel."""
        return Sender(
            name,
            self.channels.get(name),
            self.pool,
            channels=self.channels.keys(),
            limits=SendLimits(20, 10.0, self.lease_seconds),
            public_url=None,
        )

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Planner, upkeep and senders run, as in the service."""
        upkeep = Upkeep(self.pool)
        loops = [
            forever("plan", self.planner().once, idle_seconds=0.02),
            forever("recall", upkeep.recall_once, idle_seconds=0.05),
            *(self.sender(name).run() for name in CHANNELS),
        ]
        tasks = [asyncio.create_task(loop) for loop in loops]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task

    async def ends(self) -> list[tuple[str, str]]:
        """(state, reason) of every intent, sorted."""
        rows = await self.pool.fetch("SELECT state, reason FROM intent ORDER BY state, reason")
        return [(row["state"], row["reason"]) for row in rows]

    async def until_ended(self, count: int = 1) -> list[tuple[str, str]]:
        """Wait until that many intents have ended; (state, reason) of every intent."""
        await self.until("SELECT count(*) >= $1 FROM intent WHERE ended_at IS NOT NULL", count)
        return await self.ends()

    async def until(self, query: str, *arguments: object) -> None:
        """Wait until a query answers true. Fails after PATIENCE_SECONDS."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await self.pool.fetchval(query, *arguments):
                await asyncio.sleep(0.02)

    async def until_recorded(self, sender: Sender, count: int) -> None:
        """Have a sender that was driven by hand store its results, until that many tries have ended."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await self.pool.fetchval("SELECT count(*) FROM attempt") < count:
                await sender.record_once()

    async def pass_time(self) -> None:
        """What waits for a later try is due now."""
        await self.pool.execute("UPDATE message SET due_at = now() WHERE state = 'due'")

    async def deliveries(self) -> list[dict[str, Any]]:
        """Bodies of the delivery events in the outbox, in order."""
        rows = await self.pool.fetch("SELECT records FROM outbox ORDER BY id")
        outgoing: list[Outgoing] = [one for row in rows for one in outbox.unpack(row["records"])]
        return [json.loads(one.value or b"") for one in outgoing]

    async def words_kept(self) -> int:
        """Intents that still hold words."""
        count: int = await self.pool.fetchval("SELECT count(*) FROM intent WHERE body IS NOT NULL")
        return count

    async def attempts(self) -> list[tuple[int, str]]:
        """(number, outcome) of every try."""
        rows: Sequence[asyncpg.Record] = await self.pool.fetch(
            "SELECT number, outcome FROM attempt ORDER BY message, number"
        )
        return [(row["number"], row["outcome"]) for row in rows]


def long_ago() -> datetime:
    """Before the seven days that count as news."""
    return datetime.now(UTC) - timedelta(days=8)
