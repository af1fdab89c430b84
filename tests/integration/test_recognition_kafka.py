"""The thin line and the bad inputs, from real Kafka through the service's own process and back to Kafka."""

import asyncio
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord

from deploy.local.stack import Stack
from tests.conftest import ROOT, Database
from tests.integration.recognition_rig import achievement, note, person, record, withdrawal

SECONDS_MAX = 60
ENTRIES, DLQ = "recognition.entries.v1", "recognition.dlq.recognition"


class Line:
    """The running service and both ends of it. Topics are shared with other tests: it looks at its own records."""

    def __init__(self, producer: AIOKafkaProducer, consumer: AIOKafkaConsumer, url: str) -> None:
        self._producer, self._consumer, self._url = producer, consumer, url
        self._sent: list[tuple[str, int, int]] = []
        self._ids: set[bytes] = set()
        self._seen: list[dict[str, bytes]] = []

    async def send(self, *records: ConsumerRecord) -> None:
        """Send in order, each acknowledged before the next."""
        for r in records:
            at = await self._producer.send_and_wait(
                r.topic, value=r.value, key=r.key, headers=list(r.headers)
            )
            self._sent.append((at.topic, at.partition, at.offset))
            self._ids.add(dict(r.headers)["ce_id"])

    async def settled(self) -> dict[str, int]:
        """Wait until everything sent has an outcome; count each."""
        connection = await asyncpg.connect(self._url)
        try:
            async with asyncio.timeout(SECONDS_MAX):
                while True:
                    found = await self._outcomes(connection)
                    if sum(found.values()) == len(self._sent):
                        return found
                    await asyncio.sleep(0.1)
        finally:
            await connection.close()

    async def read(self, count: int) -> list[dict[str, bytes]]:
        """Wait until the service has published so many records because of ours; the headers of each."""
        async with asyncio.timeout(SECONDS_MAX):
            while len(self._seen) < count:
                for batch in (await self._consumer.getmany(timeout_ms=200)).values():
                    headers = [dict(r.headers) for r in batch]
                    self._seen += [h for h in headers if h.get("ce_causationid", h.get("ce_id")) in self._ids]
        return self._seen

    async def _outcomes(self, connection: Any) -> dict[str, int]:
        names = ("applied", "duplicate", "rejected", "parked", "ignored")
        columns = ", ".join(f"count(*) FILTER (WHERE b.{n} @> s.position) AS {n}" for n in names)
        row = await connection.fetchrow(
            f"""SELECT {columns} FROM batch AS b
                JOIN unnest($1::text[], $2::int[], $3::bigint[]) AS s (topic, partition, position)
                USING (topic, partition)""",
            *(list(column) for column in zip(*self._sent, strict=True)),
        )
        return {name: row[name] for name in names if row[name]}


@pytest_asyncio.fixture
async def line(stack: Stack, database: Database) -> AsyncIterator[Line]:
    url = await database("recognition")
    environment = os.environ | {
        "KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap_servers,
        "DATABASE_URL": url,
        "HISTORY_SINCE": "2025-01-01",
    }
    producer = AIOKafkaProducer(bootstrap_servers=stack.bootstrap_servers)
    consumer = AIOKafkaConsumer(
        ENTRIES, DLQ, bootstrap_servers=stack.bootstrap_servers, auto_offset_reset="latest"
    )
    await producer.start()
    await consumer.start()
    await consumer.seek_to_end()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.recognition", "serve", cwd=ROOT, env=environment
    )
    yield Line(producer, consumer, url)
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), SECONDS_MAX) == 0
    await producer.stop()
    await consumer.stop()


async def test_from_events_to_entries_dead_letters_and_a_clean_end(line: Line) -> None:
    run = uuid.uuid4().hex[:8]
    ada, bo, unseen = f"ada-{run}", f"bo-{run}", f"unseen-{run}"
    await line.send(person(ada), person(bo))
    await line.send(
        achievement(f"a-1-{run}", ada),
        note(f"n-1-{run}", bo, ada),
        note(f"n-1-{run}", bo, ada),
        note(f"n-2-{run}", ada, ada),
        note(f"n-3-{run}", bo, unseen),
        achievement(f"a-1-{run}", ada, title="Another body"),
        record("support-request", id_=f"r-{run}", employee=ada, request="Time", owner=bo, due="2026-04-01"),
        withdrawal(f"w-{run}", f"m-{run}"),
    )
    assert await line.settled() == {"applied": 4, "duplicate": 1, "rejected": 2, "parked": 2, "ignored": 1}
    await line.send(
        person(unseen), record("milestone", id_=f"m-{run}", employee=bo, kind="first", title="One")
    )
    headers = await line.read(7)
    types = sorted(h["ce_type"].decode() for h in headers if "dlq_code" not in h)
    assert types == [
        "dev.waystone.deed.v1", "dev.waystone.recognition-withdrawn.v1", "dev.waystone.recognition.v1",
        "dev.waystone.recognition.v1", "dev.waystone.recognition.v1",
    ]  # fmt: skip
    assert sorted(h["dlq_code"] for h in headers if "dlq_code" in h) == [
        b"ID_CONFLICT",
        b"RULE_SELF_RECOGNITION",
    ]
