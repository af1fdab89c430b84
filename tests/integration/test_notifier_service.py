"""The notifier as it runs in production: its own process, real Kafka, real Postgres, a real mail server."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from deploy.local.services import ServiceProcess
from deploy.local.stack import Stack
from schemas.registry import BY_TYPE
from services.kit import cloudevents
from services.kit.cloudevents import Event
from tests.integration.notifier_rig import PATIENCE_SECONDS, MailServer, person, thanks

DELIVERIES = "recognition.deliveries.v1"


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with MailServer().serving() as running:
        yield running


@pytest.fixture
async def service(stack: Stack, server: MailServer) -> AsyncIterator[ServiceProcess]:
    env = {
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(server.port),
        "SMTP_TLS": "none",
        "MAIL_FROM": "waystone@example.invalid",
        "PUBLIC_URL": "https://waystone.example/people/{employee}",
    }
    process = ServiceProcess("notifier", stack, env)
    await process.migrate()
    await process.start()
    yield process
    await process.kill()


async def test_a_thank_you_on_kafka_becomes_a_mail_and_a_delivery_and_a_restart_sends_nothing_again(
    stack: Stack, service: ServiceProcess, server: MailServer
) -> None:
    employee = f"e-{uuid.uuid4().hex[:12]}"
    note = thanks(employee, giver=f"{employee}-giver")
    await produce(
        stack, note, person(employee, "Ada Lovelace"), person(f"{employee}-giver", "Ines Marchetti")
    )
    delivery = await delivery_of(stack, note.id)
    assert delivery == {
        "employee": employee,
        "recognition": note.id,
        "channel": "email",
        "state": "sent",
        "reason": "",
        "attempts": 1,
    }
    mails = [mail for mail in server.mails if str(mail["To"]) == f"{employee}@example.invalid"]
    assert [str(mail["Subject"]) for mail in mails] == ["Ines Marchetti thanked you"]
    text = mails[0].get_body(("plain",))
    assert text is not None
    assert f"https://waystone.example/people/{employee}" in text.get_content()

    metrics = await metrics_with(service, 'notifier_messages_total{channel="email",outcome="sent"}')
    log = (stack.folder.path / "notifier.log").read_text()
    assert log
    for personal in (employee, "Lovelace", "Marchetti", "Thank you for"):
        assert personal not in metrics + log

    assert await service.stop() == 0
    await service.start()
    second = thanks(employee, "note-2", giver=f"{employee}-giver")
    await produce(stack, note, second)
    await delivery_of(stack, second.id)
    mails = [mail for mail in server.mails if str(mail["To"]) == f"{employee}@example.invalid"]
    assert len(mails) == len({str(mail["Message-ID"]) for mail in mails}) == 2


async def test_a_notifier_whose_database_is_rebuilt_reads_everything_again_and_mails_nothing(
    stack: Stack, service: ServiceProcess, server: MailServer
) -> None:
    employee = f"e-{uuid.uuid4().hex[:12]}"
    note = thanks(employee, giver=f"{employee}-giver")
    await produce(
        stack, person(employee, "Ada Lovelace"), person(f"{employee}-giver", "Ines Marchetti"), note
    )
    await delivery_of(stack, note.id)
    assert await service.stop() == 0
    connection = await asyncpg.connect(stack.database_url("notifier"))
    try:
        await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        await service.migrate()
        await service.start()
        second = thanks(employee, "note-2", giver=f"{employee}-giver")
        await produce(stack, second)
        await delivery_of(stack, second.id)
        rows = await connection.fetch(
            "SELECT recognition::text, state, reason FROM intent WHERE employee = $1", employee
        )
    finally:
        await connection.close()
    assert {tuple(row) for row in rows} == {
        (note.id, "suppressed", "already_told"),
        (second.id, "sent", ""),
    }
    mails = [mail for mail in server.mails if str(mail["To"]) == f"{employee}@example.invalid"]
    assert len(mails) == len({str(mail["Message-ID"]) for mail in mails}) == 2


async def produce(stack: Stack, *events: Event) -> None:
    async with AIOKafkaProducer(bootstrap_servers=stack.bootstrap_servers, acks="all") as producer:
        for event in events:
            key, value, headers = cloudevents.encode(event)
            await producer.send_and_wait(BY_TYPE[event.type].topic, value, key, headers=headers)


async def metrics_with(service: ServiceProcess, sample: str) -> str:
    """The metrics, as soon as they hold the sample: a message is counted just after its delivery is committed."""
    async with asyncio.timeout(PATIENCE_SECONDS), httpx.AsyncClient(base_url=service.http_url) as client:
        while sample not in (metrics := (await client.get("/metrics")).text):
            await asyncio.sleep(0.05)
    return metrics


async def delivery_of(stack: Stack, recognition: str) -> dict[str, Any]:
    """The delivery event of a recognition, as soon as it is there."""
    consumer = AIOKafkaConsumer(
        DELIVERIES,
        bootstrap_servers=stack.bootstrap_servers,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    async with asyncio.timeout(PATIENCE_SECONDS), consumer:
        async for record in consumer:
            body: dict[str, Any] = json.loads(record.value)
            if body["recognition"] == recognition:
                return body
    raise AssertionError("the consumer ended by itself")
