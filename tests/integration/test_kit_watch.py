"""A consumer that hangs is noticed from outside; what it does not know it does not call caught up."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

import pytest
from aiokafka.errors import KafkaConnectionError

from services.kit import quiet, watch
from services.kit.consume import Consumer
from services.kit.errors import Stop
from tests.integration.kit_tally import EVENTUALLY_SECONDS, Bench, bench
from tests.integration.test_kit_traps import Gated

__all__ = ["bench"]


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_LOOK_SECONDS", 0.1)
    monkeypatch.setattr(quiet, "_QUIET_SECONDS", 0.3)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(EVENTUALLY_SECONDS):
        while not condition():
            await asyncio.sleep(0.02)


async def _until_true(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(EVENTUALLY_SECONDS):
        while not await condition():
            await asyncio.sleep(0.1)


def _consumer(bench: Bench) -> Consumer[Any]:
    return Consumer(bench.settings, bench.pool, bench.handler, group=bench.group, stalled_seconds_max=1.0)


def _hang_at_rejoin(consumer: Consumer[Any]) -> None:
    """The next rejoin never ends, as after a lost coordinator."""

    async def hang(_: Any) -> NoReturn:
        await asyncio.Event().wait()
        raise AssertionError

    assert consumer._consumer is not None
    coordinator = consumer._consumer._coordinator
    coordinator._do_rejoin_group = hang
    coordinator.request_rejoin()


async def _stalled(running: asyncio.Task[None]) -> None:
    with pytest.raises(ExceptionGroup) as failure:
        await asyncio.wait_for(running, EVENTUALLY_SECONDS)
    assert failure.group_contains(Stop, match="STALLED")


async def test_a_consumer_that_stores_nothing_although_records_wait_stops_the_service(bench: Bench) -> None:
    bench.handler = Gated(bench.handler.topics, bench.handler.dlq_topic)
    await bench.send({"n": 1})
    await _stalled(asyncio.create_task(_consumer(bench).run()))
    assert await bench.numbers() == []


async def test_a_consumer_that_never_gets_back_into_its_group_stops_the_service(bench: Bench) -> None:
    consumer = _consumer(bench)
    running = asyncio.create_task(consumer.run())
    await _until(lambda: consumer.caught_up)
    _hang_at_rejoin(consumer)
    await bench.send({"n": 1})
    await _until(lambda: not consumer.ready)
    assert not consumer.caught_up
    await _stalled(running)
    assert await bench.numbers() == []


async def test_a_consumer_with_nothing_to_do_is_left_in_peace(bench: Bench) -> None:
    await bench.send({"n": 1})
    consumer = _consumer(bench)
    running = asyncio.create_task(consumer.run())
    await _until(lambda: consumer.caught_up)
    await asyncio.sleep(2.5)  # more than it may stand still with something to do
    assert consumer.caught_up
    assert not running.done()
    running.cancel()
    await asyncio.wait([running])


async def test_without_the_broker_nothing_is_called_caught_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: Any) -> NoReturn:
        raise KafkaConnectionError

    async with bench.running() as consumer:
        await _until(lambda: consumer.caught_up)
        await consumer.group_caught_up()
        assert await consumer.group_caught_up()
        monkeypatch.setattr(consumer._consumer, "end_offsets", away)
        await _until(lambda: not consumer.caught_up)
        assert not await consumer.group_caught_up()


async def test_a_member_that_has_caught_up_sees_that_another_has_not(bench: Bench) -> None:
    await bench.send({"n": 1}, partition=0)
    await bench.send({"n": 2}, partition=1)
    async with bench.running() as consumer:
        await _until(lambda: consumer.caught_up)
        assert not await consumer.group_caught_up()  # the first answer is never yes
        await _until_true(consumer.group_caught_up)
        # As if partition 1 were another member's, who is behind.
        await bench.pool.execute("UPDATE consumer_position SET next_offset = 0 WHERE partition = 1")
        assert consumer.caught_up
        assert not await consumer.group_caught_up()
