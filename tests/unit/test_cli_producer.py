"""Sending to a broker that has gone: it ends, by itself or when told to."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError

from schemas.models.achievements import AchievementV1
from schemas.registry import BY_NAME
from services.cli import producer
from services.cli.compose import compose
from services.cli.errors import CliError
from services.kit.cloudevents import Event


class GoneBroker:
    """A producer whose broker acknowledges the first `answered` records and then never again."""

    def __init__(self, answered: int = 0) -> None:
        self.client = self
        self.futures: list[asyncio.Future[Any]] = []
        self._answered = answered

    async def fetch_all_metadata(self) -> "GoneBroker":
        return self

    def topics(self) -> set[str]:
        return {BY_NAME["achievement"].topic}

    async def send(self, *_: object, **__: object) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if len(self.futures) < self._answered:
            future.set_result(None)
        self.futures.append(future)
        return future


def deeds(count: int) -> Iterator[Event]:
    body = AchievementV1(employee="e-1", title="A deed", basis="both", size="small")
    for number in range(count):
        yield compose(
            "achievement", body, id_=f"{number}", source="urn:test", time=datetime(2026, 1, 1, tzinfo=UTC)
        )


async def send_to(broker: GoneBroker, count: int) -> int:
    return await producer.send_by(cast(AIOKafkaProducer, broker), deeds(count), lambda _: None)


async def test_an_acknowledgement_that_never_comes_ends_as_a_failure_of_kafka(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(producer, "ACK_SECONDS_MAX", 0.05)
    broker = GoneBroker()
    with pytest.raises(CliError, match="KafkaTimeoutError after 0 acknowledged events") as caught:
        await send_to(broker, 3)
    assert caught.value.code == "KAFKA_FAILED"
    assert all(future.cancelled() for future in broker.futures)


async def test_what_was_acknowledged_before_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(producer, "ACK_SECONDS_MAX", 0.05)
    monkeypatch.setattr(producer, "IN_FLIGHT_MAX", 4)
    with pytest.raises(CliError, match="after 2 acknowledged events"):
        await send_to(GoneBroker(answered=3), 5)


async def test_ctrl_c_while_no_broker_answers_ends_at_once() -> None:
    broker = GoneBroker()
    sending = asyncio.create_task(send_to(broker, 3))
    while len(broker.futures) < 3:
        await asyncio.sleep(0)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending


async def test_a_refused_record_is_told_and_the_rest_is_let_go() -> None:
    broker = GoneBroker()
    sending = asyncio.create_task(send_to(broker, 3))
    while len(broker.futures) < 3:
        await asyncio.sleep(0)
    for future in broker.futures[:2]:
        future.set_exception(KafkaConnectionError())
    with pytest.raises(CliError, match="KafkaConnectionError after 0"):
        await sending
    assert broker.futures[2].cancelled()
