"""A steady load of events whose consequences are known beforehand, and what the databases say afterwards."""

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx
from aiokafka import AIOKafkaProducer

from deploy.local.services import House
from deploy.local.stack import Stack
from schemas.fields import EventRef
from schemas.models.achievements import AchievementV1
from schemas.models.people import PersonV1, StatusPeriod, TeamPeriod
from schemas.models.thank_you_notes import ThankYouNoteV1
from schemas.registry import BY_NAME
from services.kit import ids
from services.kit.cloudevents import Event, encode

SOURCE = "urn:load"
SETTLE_SECONDS_MAX = 180


@dataclass
class Load:
    """Events of `people` colleagues thanking each other, drawn from a seed; remembers what must follow."""

    seed: int
    people: int = 40
    entries: set[str] = field(default_factory=set)
    """Ids of every entry the ledger must hold."""
    mailed: set[str] = field(default_factory=set)
    """Ids of every recognition that must have reached the mailbox, once."""
    sent: int = 0

    def directory(self) -> Iterator[tuple[str, Event]]:
        for number in range(self.people):
            person = PersonV1(
                employee=f"e-{number}",
                name=f"Colleague {number}",
                email=f"e-{number}@example.invalid",
                teams=(TeamPeriod(since=datetime(2020, 1, 1, tzinfo=UTC).date(), team=f"team-{number % 4}"),),
                statuses=(StatusPeriod(since=datetime(2020, 1, 1, tzinfo=UTC).date(), status="active"),),
            )
            yield self._event("person", f"p-{number}", datetime(2020, 1, 1, tzinfo=UTC), person)

    def events(self) -> Iterator[tuple[str, Event]]:
        """Without end: small deeds and thanks that answer them, in order of number."""
        draw = random.Random(self.seed)
        for number in itertools.count():
            at = datetime.now(UTC) - timedelta(seconds=1)
            giver, receiver = draw.sample(range(self.people), 2)
            if number % 3:
                deed = AchievementV1(
                    employee=f"e-{receiver}",
                    title=f"Deed {number}",
                    basis="effort",
                    size="small",
                    skills=("care",),
                )
                self.entries.add(self._entry("deed", at, number, receiver))
                yield self._event("achievement", f"{number:08}", at, deed)
            else:
                note = ThankYouNoteV1(
                    giver=f"e-{giver}",
                    to=(f"e-{receiver}",),
                    deed=f"Thank you for number {number}",
                    about=EventRef(source=SOURCE, id=f"{max(number - 1, 1):08}"),
                )
                recognition = self._entry("recognition", at, number, receiver)
                self.entries.add(recognition)
                self.mailed.add(recognition)
                yield self._event("thank-you-note", f"{number:08}", at, note)

    def _entry(self, kind: str, at: datetime, number: int, employee: int) -> str:
        return str(ids.derive(_milliseconds(at), kind, SOURCE, f"{number:08}", f"e-{employee}"))

    def _event(self, name: str, id_: str, at: datetime, body: object) -> tuple[str, Event]:
        kind = BY_NAME[name]
        assert isinstance(body, kind.model)
        self.sent += 1
        data = body.model_dump_json(exclude_defaults=True, by_alias=True).encode()
        return kind.topic, Event(
            id_,
            SOURCE,
            kind.type,
            _milliseconds(at),
            data,
            dataschema=kind.dataschema,
            partitionkey=kind.key(body),
        )


def _milliseconds(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


async def send(stack: Stack, load: Load, *, count: int, per_second: int) -> None:
    """Send the directory, then `count` events at a steady rate. Rides out a broker that is away."""
    producer = AIOKafkaProducer(
        bootstrap_servers=stack.bootstrap_servers,
        enable_idempotence=True,
        acks="all",
        request_timeout_ms=60_000,
    )
    await producer.start()
    try:
        pending = [await _put(producer, *pair) for pair in load.directory()]
        for place, pair in enumerate(itertools.islice(load.events(), count)):
            pending.append(await _put(producer, *pair))
            if place % max(per_second // 20, 1) == 0:
                await asyncio.sleep(0.05)
        await asyncio.gather(*pending)
    finally:
        await producer.stop()


async def _put(producer: AIOKafkaProducer, topic: str, event: Event) -> asyncio.Future[object]:
    key, value, headers = encode(event)
    future: asyncio.Future[object] = await producer.send(topic, value, key=key, headers=headers)
    return future


@dataclass(frozen=True)
class Result:
    """What is there at the end, beside what should be."""

    lost: set[str]
    invented: set[str]
    unmailed: set[str]
    mailed_twice: dict[str, int]
    reordered: list[str]
    doubts: int
    """Sends whose outcome was unknown: each may have been repeated once, under the same Message-ID."""


async def settle(stack: Stack, load: Load) -> None:
    """Return when every event has its consequences, or say what is missing."""
    last = ""
    for _ in range(SETTLE_SECONDS_MAX * 2):
        try:
            last = await _missing(stack, load)
        except (OSError, asyncpg.PostgresError) as error:
            last = type(error).__name__
        if not last:
            return
        await asyncio.sleep(0.5)
    raise AssertionError(f"not settled after {SETTLE_SECONDS_MAX} s: {last}")


async def _missing(stack: Stack, load: Load) -> str:
    recognition = await _ask(
        stack,
        "recognition",
        "SELECT coalesce(sum(n.upper - n.lower), 0) FROM (SELECT lower(r) AS lower, upper(r) AS upper "
        "FROM batch, unnest(applied + duplicate + rejected + parked + ignored) AS r) AS n",
    )
    waiting = await _ask(stack, "recognition", "SELECT coalesce(sum(record_count), 0) FROM outbox")
    entries = await _ask(stack, "ledger", "SELECT count(*) FROM entry")
    due = await _ask(stack, "notifier", "SELECT count(*) FROM message WHERE state IN ('due', 'sending')")
    told = await _ask(stack, "notifier", "SELECT count(*) FROM intent")
    figures = {
        "events without outcome": load.sent - recognition,
        "outbox": waiting,
        "entries missing": len(load.entries) - entries,
        "mails due": due,
        "intents missing": len(load.mailed) - told,
    }
    return ", ".join(f"{name} {count}" for name, count in figures.items() if count)


async def judge(stack: Stack, house: House, load: Load) -> Result:
    """Compare history and mailbox with what was sent."""
    connection = await asyncpg.connect(stack.database_url("ledger"))
    rows = await connection.fetch(
        "SELECT id, employee, kind, cause_id FROM entry ORDER BY log_partition, log_offset"
    )
    await connection.close()
    stored = [str(row["id"]) for row in rows]
    order: dict[tuple[str, int], str] = {}
    reordered = []
    for row in rows:
        place = (row["employee"], row["kind"])
        if row["kind"] == 1 and order.get(place, "") > row["cause_id"]:
            reordered.append(row["cause_id"])
        order[place] = row["cause_id"]
    assert len(stored) == len(set(stored))
    mails = await _mails(stack, house)
    doubts = await _ask(stack, "notifier", "SELECT coalesce(sum(doubts), 0) FROM message")
    return Result(
        lost=load.entries - set(stored),
        invented=set(stored) - load.entries,
        unmailed=set(load.mailed) - mails.keys(),
        mailed_twice={entry: count for entry, count in mails.items() if count > 1},
        reordered=reordered,
        doubts=doubts,
    )


async def _mails(stack: Stack, house: House) -> Counter[str]:
    """How many mails the mailbox took for each recognition, told apart by the Message-ID."""
    connection = await asyncpg.connect(stack.database_url("notifier"))
    rows = await connection.fetch("SELECT message, recognition FROM intent WHERE message IS NOT NULL")
    await connection.close()
    recognition_of = {str(row["message"]): str(row["recognition"]) for row in rows}
    found: Counter[str] = Counter()
    after = 0
    async with httpx.AsyncClient(base_url=house.mailbox.http_url) as client:
        while True:
            page = (await client.get("/api/messages", params={"after": after, "limit": 1000})).json()
            if not page["messages"]:
                return found
            after = page["next"]
            for mail in page["messages"]:
                message = mail["message_id"].strip("<>").partition("@")[0]
                found[recognition_of[message]] += 1


async def _ask(stack: Stack, service: str, query: str) -> int:
    connection = await asyncpg.connect(stack.database_url(service), timeout=5)
    try:
        return int(await connection.fetchval(query))
    finally:
        await connection.close()
