"""Sending events and waiting for what follows, as a system beside Waystone would."""

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import httpx
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from schemas.registry import BY_NAME
from services.cli.verify.log import Position, look_at
from services.kit.cloudevents import Event, encode
from tests.e2e.conftest import Home

SOURCE = "urn:test:e2e"
EVENTUALLY_SECONDS = 60
_numbers = itertools.count(1)


async def send(
    home: Home, name: str, body: dict[str, Any], *, id_: str | None = None, at: datetime | None = None
) -> str:
    """Send one event; return its id."""
    kind = BY_NAME[name]
    id_ = id_ or f"{name}-{next(_numbers)}"
    value = kind.model.model_validate_json(json.dumps(body, default=str))
    event = Event(
        id_,
        SOURCE,
        kind.type,
        at or datetime.now(UTC) - timedelta(seconds=2),
        json.dumps(body, default=str).encode(),
        dataschema=kind.dataschema,
        partitionkey=kind.key(value),
    )
    key, data, headers = encode(event)
    await home.producer.send_and_wait(kind.topic, data, key=key, headers=headers)
    return id_


def person(employee: str, name: str, team: str, manager: str | None = None) -> dict[str, Any]:
    since = date(2024, 1, 1)
    return {
        "employee": employee,
        "name": name,
        "email": f"{employee}@example.invalid",
        "teams": [{"since": since, "team": team}],
        "managers": [{"since": since, "manager": manager}] if manager else [],
        "statuses": [{"since": since, "status": "active"}],
    }


async def eventually(look: Callable[[], Awaitable[Any]], what: str) -> Any:
    """The first true value of `look`, within a minute."""
    async with asyncio.timeout(EVENTUALLY_SECONDS):
        while not (found := await look()):
            await asyncio.sleep(0.2)
    assert found, what
    return found


async def mails_to(home: Home, address: str) -> list[dict[str, Any]]:
    async with httpx.AsyncClient(base_url=home.house.mailbox.http_url) as client:
        page = (await client.get("/api/messages", params={"limit": 1000})).json()
    return [mail for mail in page["messages"] if address in json.dumps(mail["to"])]


async def fetch(home: Home, service: str, query: str, *arguments: Any) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(home.stack.database_url(service))
    try:
        return list(await connection.fetch(query, *arguments))
    finally:
        await connection.close()


async def at_rest(home: Home) -> bool:
    """Whether ledger and notifier have read every entry there is, and every intent has ended."""
    async with look_at({"bootstrap_servers": home.stack.bootstrap_servers}) as log:
        for service in ("ledger", "notifier"):
            rows = await fetch(
                home, service, "SELECT topic, partition, cluster_id, next_offset FROM consumer_position"
            )
            stored = {TopicPartition(*row[:2]): Position(*row[2:]) for row in rows}
            if await log.unread("recognition.entries.v1", stored):
                return False
    return not await fetch(home, "notifier", "SELECT FROM intent WHERE ended_at IS NULL LIMIT 1")


async def dead_letters(home: Home, service: str) -> list[ConsumerRecord]:
    """Everything in a service's dead-letter topic now."""
    topic = f"recognition.dlq.{service}"
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=home.stack.bootstrap_servers,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        ends = await consumer.end_offsets(partitions)
        found: list[ConsumerRecord] = []
        async with asyncio.timeout(EVENTUALLY_SECONDS):
            while any([await consumer.position(partition) < ends[partition] for partition in partitions]):
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += records
        return sorted(found, key=lambda letter: letter.timestamp)
    finally:
        await consumer.stop()
