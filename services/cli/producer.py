"""Events → Kafka, each to its type's topic, acknowledged by all replicas."""

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError
from pydantic import SecretStr

from schemas.registry import BY_TYPE
from services.cli.errors import EXIT_UNREACHABLE, CliError
from services.kit.cloudevents import Event, encode
from services.kit.kafka import connection_options
from services.kit.settings import ServiceSettings, read_settings

IN_FLIGHT_MAX = 5_000
LINGER_MS = 20
YIELD_EVERY = 100
"""Events between two turns of the loop: the producer's sender lives on it too."""
BATCH_BYTES_MAX = 512 * 1024
REQUEST_BYTES_MAX = 2 * 1024 * 1024
ACK_SECONDS_MAX = 45
"""For the oldest event to be acknowledged: longer than one request may take, for a broker restarts within it. The
client itself never gives a record up, since it must not leave a hole in its numbering."""
STOP_SECONDS_MAX = 10


class EmitSettings(ServiceSettings):
    """What sending reads: the services' Kafka settings. No database is needed."""

    database_url: SecretStr = SecretStr("")


async def send(
    events: Iterable[Event], acknowledged: Callable[[int], None], environ: Mapping[str, str] = os.environ
) -> int:
    """Send `events` in order to the brokers that `environ` names; return how many were acknowledged.

    acknowledged: told the number of events newly acknowledged, again and again. At most IN_FLIGHT_MAX events
    wait for their acknowledgement at a time. Raises Stop (settings), CliError KAFKA_UNREACHABLE, KAFKA_FAILED or
    TOPIC_MISSING; what was acknowledged before stays sent, and sending it again does no harm.
    """
    async with connected(environ) as producer:
        return await send_by(producer, events, acknowledged)


@asynccontextmanager
async def connected(environ: Mapping[str, str]) -> AsyncIterator[AIOKafkaProducer]:
    """A producer connected to the brokers that `environ` names. Raises Stop (settings), CliError KAFKA_UNREACHABLE."""
    settings = read_settings(EmitSettings, environ)
    producer = AIOKafkaProducer(
        **connection_options(settings),
        acks="all",
        enable_idempotence=True,
        linger_ms=LINGER_MS,
        max_batch_size=BATCH_BYTES_MAX,
        max_request_size=REQUEST_BYTES_MAX,
        compression_type="lz4",
    )
    try:
        await producer.start()
    except (KafkaError, OSError) as error:
        await producer.stop()
        raise CliError(
            "KAFKA_UNREACHABLE",
            f"no broker answers at {settings.kafka_bootstrap_servers} ({type(error).__name__})",
            EXIT_UNREACHABLE,
        ) from None
    try:
        yield producer
    finally:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(producer.stop(), STOP_SECONDS_MAX)


async def send_by(
    producer: AIOKafkaProducer, events: Iterable[Event], acknowledged: Callable[[int], None]
) -> int:
    """As `send`, by a producer that is connected. What is not acknowledged when it fails or is cancelled is let go."""
    waiting: deque[asyncio.Future[Any]] = deque()
    done = 0
    try:
        # Asked first: a topic that is not there is named at once, not waited for nor made with the broker's defaults.
        topics = (await producer.client.fetch_all_metadata()).topics()
        for event in events:
            topic = BY_TYPE[event.type].topic
            if topic not in topics:
                raise CliError("TOPIC_MISSING", f"the cluster has no topic {topic}", EXIT_UNREACHABLE)
            key, value, headers = encode(event)
            waiting.append(await producer.send(topic, value=value, key=key, headers=headers))
            if len(waiting) % YIELD_EVERY == 0:
                await asyncio.sleep(0)
            if len(waiting) >= IN_FLIGHT_MAX:
                done += await _settle(waiting, IN_FLIGHT_MAX // 2, acknowledged)
        done += await _settle(waiting, len(waiting), acknowledged)
    except KafkaError as error:
        raise CliError(
            "KAFKA_FAILED",
            f"{type(error).__name__} after {done:,} acknowledged events; sending again doubles nothing",
            EXIT_UNREACHABLE,
        ) from None
    finally:
        _let_go(waiting)
    return done


async def _settle(
    waiting: deque[asyncio.Future[Any]], count: int, acknowledged: Callable[[int], None]
) -> int:
    """Wait for the oldest `count` acknowledgements. Raises KafkaTimeoutError when one does not come."""
    for _ in range(count):
        oldest = waiting[0]
        if not oldest.done():
            await asyncio.wait((oldest,), timeout=ACK_SECONDS_MAX)
        if not oldest.done():
            raise KafkaTimeoutError
        oldest.result()
        waiting.popleft()
    acknowledged(count)
    return count


def _let_go(waiting: Iterable[asyncio.Future[Any]]) -> None:
    """Nobody asks any more: what has failed is not complained of, what is to come is not waited for."""
    for future in waiting:
        if not future.cancel() and not future.cancelled():
            future.exception()
