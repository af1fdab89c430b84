"""Publishes the outbox in order of id: one relay per service at a time, under an advisory lock.

Rows are read as far as they are committed, published in one Kafka transaction, and deleted after the broker has
acknowledged it. A crash between the two publishes again; consumers drop duplicates by id.
"""

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidMessageError, KafkaError, MessageSizeTooLargeError, ProducerFenced

from services.kit import kafka, logs, metrics, outbox
from services.kit.batch import Outgoing
from services.kit.deadletter import LETTER_BYTES_MAX
from services.kit.errors import Stop
from services.kit.remedy import TROUBLE
from services.kit.settings import ServiceSettings
from services.kit.sql import PLUMBING, SERVER_SETTINGS, Connection

# The largest dead letter, its own headers and the framing. Each topic has its own limit beside.
RECORD_BYTES_MAX = LETTER_BYTES_MAX + 64 * 1024
_ROWS_PER_TRANSACTION = 16
_IDLE_SECONDS = 0.1
_MEASURE_SECONDS = 2.0
_RETRY_SECONDS = 1.0
_STANDBY_SECONDS = 2.0
_STALLED_SECONDS_MAX = 180.0
# Without Kafka a publication hangs longer than a process may take to end.
_DRAIN_PAUSE_SECONDS_MAX = 3.0
# Refused for the record's own sake; anything else is the broker's trouble, and waited for.
# (The last three are how the client itself refuses a record it cannot encode.)
_REFUSED_FOR_GOOD = (MessageSizeTooLargeError, InvalidMessageError, AssertionError, TypeError, ValueError)
_log = logs.get("relay")


class _Refused(Exception):
    """The broker refuses a record for good; the producer that sent it is of no more use."""


class Relay:
    """Moves outbox rows to Kafka until cancelled."""

    def __init__(
        self, settings: ServiceSettings, *, service: str, stalled_seconds_max: float = _STALLED_SECONDS_MAX
    ) -> None:
        """service: names the lock and the transactional id, which fences an older relay.

        stalled_seconds_max: how long nothing may be published, though there is something and Kafka answers.
        """
        self._settings = settings
        self._stalled_seconds_max = stalled_seconds_max
        self._transactional_id = f"waystone-{service}-relay"
        self._lock = int.from_bytes(
            hashlib.sha256(self._transactional_id.encode()).digest()[:8], "big", signed=True
        )
        self._caught_up = asyncio.Event()
        # When last asked, the lock was ours; whether or not publishing works.
        self._leads = False
        self._producing = False
        # Rises with all that is got out of the outbox.
        self._steps = 0
        # The first row of the outbox holds a record that the broker refuses.
        self._suspect = False

    async def run(self) -> None:
        """Publish for as long as this process holds the lock; wait for it otherwise. Survives Kafka and Postgres.

        Raises Stop `STALLED` (in an ExceptionGroup) when publishing hangs and only a new process helps.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._publish_forever())
            tasks.create_task(self._watch_forever())

    async def drain(self) -> None:
        """Return when the outbox was found empty after this call, or when this relay gets nothing published.

        What is left is published by the next relay. The caller bounds the time.
        """
        self._caught_up.clear()
        steps_before = -1
        while self._producing and not self._caught_up.is_set() and self._steps != steps_before:
            steps_before = self._steps
            with suppress(TimeoutError):
                async with asyncio.timeout(_DRAIN_PAUSE_SECONDS_MAX):
                    await self._caught_up.wait()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        """One of its own, never from the pool: a lock hangs on it, or it must answer when the pool is exhausted."""
        connection = await asyncpg.connect(
            self._settings.database_url.get_secret_value(),
            timeout=10,
            command_timeout=30,
            server_settings=SERVER_SETTINGS,
        )
        try:
            yield connection
        finally:
            with suppress(Exception):
                await connection.close(timeout=2)

    async def _publish_forever(self) -> None:
        while True:
            try:
                async with self._connection() as connection:
                    await self._lead(connection)
            except _Refused:
                continue
            except ProducerFenced:
                _log.warning("another relay has taken over")
                await asyncio.sleep(_STANDBY_SECONDS)
            except (KafkaError, *TROUBLE) as error:
                _log.warning("relay waits", error=logs.error_name(error))
                await asyncio.sleep(_RETRY_SECONDS)

    async def _watch_forever(self) -> None:
        """Export the backlog, and stop a relay that hangs; away from its loop, which may be what hangs."""
        while True:
            try:
                async with self._connection() as connection:
                    await self._watch(connection)
            except TROUBLE:  # told by the loop that publishes
                await asyncio.sleep(_RETRY_SECONDS)

    async def _watch(self, connection: Connection) -> None:
        moved_at, before = time.monotonic(), self._steps
        while True:
            age_seconds = await self._measure_backlog(connection)
            if age_seconds <= self._stalled_seconds_max or not self._leads or self._steps != before:
                moved_at, before = time.monotonic(), self._steps
            elif time.monotonic() - moved_at > self._stalled_seconds_max:
                if await kafka.answers(self._settings):
                    raise Stop("STALLED", f"nothing was published for {self._stalled_seconds_max:.0f} s")
                moved_at = time.monotonic()
            await asyncio.sleep(_MEASURE_SECONDS)

    async def _measure_backlog(self, connection: Connection) -> float:
        """Age in seconds of the oldest record; 0 when there is none, or when it is for another process to tell."""
        backlog = await connection.fetchrow(PLUMBING["outbox_backlog"]) if self._leads else None
        records, age_seconds = (backlog["records"], backlog["age_seconds"]) if backlog else (0, 0.0)
        metrics.OUTBOX_RECORDS.set(records)
        metrics.OUTBOX_AGE_SECONDS.set(age_seconds)
        return float(age_seconds)

    async def _lead(self, connection: Connection) -> None:
        while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", self._lock):
            self._leads = False
            await asyncio.sleep(_STANDBY_SECONDS)
        self._leads = True
        producer = AIOKafkaProducer(
            **kafka.connection_options(self._settings),
            transactional_id=self._transactional_id,
            acks="all",
            enable_idempotence=True,
            max_request_size=RECORD_BYTES_MAX,
            max_batch_size=256 * 1024,
            # A topic's limit is held against what is sent: a dead letter goes out as small as the record came in.
            compression_type="lz4",
            linger_ms=2,
        )
        try:
            await producer.start()
            self._producing = True
            metrics.RELAY_ACTIVE.set(1)
            while True:
                if not await self._publish_some(connection, producer):
                    self._caught_up.set()
                    await asyncio.sleep(_IDLE_SECONDS)
        finally:
            self._producing = False
            metrics.RELAY_ACTIVE.set(0)
            with suppress(Exception, asyncio.CancelledError):
                async with asyncio.timeout(3):
                    await producer.stop()

    async def _publish_some(self, connection: Connection, producer: AIOKafkaProducer) -> bool:
        if self._suspect:
            rows = await connection.fetch(PLUMBING["read_outbox"], 1)
            for row in rows:
                await self._publish_one_by_one(connection, producer, row["id"], outbox.unpack(row["records"]))
            self._suspect = False
            return bool(rows)
        rows = await connection.fetch(PLUMBING["read_outbox"], _ROWS_PER_TRANSACTION)
        if not rows:
            return False
        await self._publish(producer, [record for row in rows for record in outbox.unpack(row["records"])])
        await connection.execute(PLUMBING["delete_outbox"], [row["id"] for row in rows])
        self._steps += 1
        return True

    async def _publish(self, producer: AIOKafkaProducer, records: Sequence[Outgoing]) -> None:
        """All records in one Kafka transaction, in order per key. Raises _Refused when one is refused for good."""
        try:
            async with producer.transaction():
                sent = [
                    await producer.send(r.topic, value=r.value, key=r.key, headers=list(r.headers))
                    for r in records
                ]
                answers = await asyncio.gather(*sent, return_exceptions=True)
                errors = [answer for answer in answers if isinstance(answer, BaseException)]
                for error in sorted(errors, key=lambda e: not isinstance(e, _REFUSED_FOR_GOOD)):
                    raise error
        except _REFUSED_FOR_GOOD as error:
            self._suspect = True
            raise _Refused(logs.error_name(error)) from error
        for topic, count in Counter(record.topic for record in records).items():
            metrics.PUBLISHED.labels(topic).inc(count)

    async def _publish_one_by_one(
        self, connection: Connection, producer: AIOKafkaProducer, row_id: int, records: Sequence[Outgoing]
    ) -> None:
        """After a refusal: find the record, set it aside, keep what comes after it.

        The refusal leaves the producer with a wrong sequence number, so it is passed on: a new producer goes on.
        """
        for place, record in enumerate(records):
            try:
                await self._publish(producer, [record])
            except _Refused as refused:
                rest = records[place + 1 :]
                async with connection.transaction():
                    await connection.execute(
                        PLUMBING["set_aside"],
                        record.topic,
                        record.key,
                        record.value,
                        outbox.pack_headers(record.headers),
                        str(refused),
                    )
                    if rest:
                        await connection.execute(PLUMBING["cut_outbox"], row_id, len(rest), outbox.pack(rest))
                    else:
                        await connection.execute(PLUMBING["delete_outbox"], [row_id])
                self._steps += 1
                metrics.SET_ASIDE.labels(record.topic).inc()
                _log.error("an outgoing record is set aside", topic=record.topic, error=str(refused))
                raise
            self._steps += 1
        await connection.execute(PLUMBING["delete_outbox"], [row_id])
