"""A relay that hangs is noticed from outside of its loop; one that only waits is left in peace."""

import asyncio
from typing import Any

import pytest
from prometheus_client import REGISTRY

from services.kit import relay
from services.kit.errors import Stop
from services.kit.relay import Relay
from tests.integration.test_kit_relay import EVENTUALLY_SECONDS, Press, press

__all__ = ["press"]


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "_MEASURE_SECONDS", 0.1)


class Hung(Relay):
    """Publishes nothing, and says nothing."""

    async def _publish_some(self, *_: Any) -> bool:
        await asyncio.Event().wait()
        raise AssertionError


async def _until_measured(age_seconds: float) -> None:
    async with asyncio.timeout(EVENTUALLY_SECONDS):
        while (REGISTRY.get_sample_value("waystone_outbox_age_seconds") or 0.0) < age_seconds:
            await asyncio.sleep(0.05)


async def test_a_relay_that_hangs_stops_the_service(press: Press) -> None:
    await press.number(range(10))
    with pytest.raises(ExceptionGroup) as failure:
        async with asyncio.timeout(EVENTUALLY_SECONDS):
            await Hung(press.settings, service=press.topic, stalled_seconds_max=0.5).run()
    assert failure.group_contains(Stop, match="STALLED")
    assert await press.fetchval("SELECT count(*) FROM outbox") == 1


async def test_the_age_of_what_waits_goes_on_rising_while_the_relay_hangs(press: Press) -> None:
    await press.number(range(10))
    async with press.relay(Hung(press.settings, service=press.topic)):
        await _until_measured(0.1)
        await _until_measured(2.0)
        assert REGISTRY.get_sample_value("waystone_outbox_records") == 10


async def test_a_relay_that_waits_for_kafka_is_not_taken_for_one_that_hangs(press: Press) -> None:
    away = press.settings.model_copy(update={"kafka_bootstrap_servers": "127.0.0.1:1"})
    await press.number(range(10))
    async with press.relay(Relay(away, service=press.topic, stalled_seconds_max=0.5)) as waiting:
        await _until_measured(3.0)  # it was looked at more than once by then
        assert not waiting.done()


async def test_a_relay_that_waits_for_its_turn_is_not_taken_for_one_that_hangs(press: Press) -> None:
    async with press.relay(Hung(press.settings, service=press.topic)):
        await press.number(range(10))
        await _until_measured(0.1)
        async with press.relay(
            Relay(press.settings, service=press.topic, stalled_seconds_max=0.5)
        ) as standby:
            await asyncio.sleep(3)
            assert not standby.done()
