"""However a process ends, it ends: asked to, or because a part of it cannot go on."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from fastapi import FastAPI

from services.kit import run
from services.kit.consume import Consumer
from services.kit.errors import Stop
from services.kit.run import Parts
from tests.unit.test_kit_lane import Collector


async def _forever() -> None:
    await asyncio.Event().wait()


async def test_a_part_that_stops_the_process_has_its_end_bounded_and_says_why_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    armed: list[float] = []
    monkeypatch.setattr(run, "_end_hard_after", armed.append)

    async def stall() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_forever())
            await asyncio.sleep(0.01)
            raise Stop("STALLED", "nothing moves")

    idle: Any = SimpleNamespace(run=_forever)
    settings: Any = SimpleNamespace(http_host="127.0.0.1", http_port=0, drain_seconds_max=1)
    with structlog.testing.capture_logs() as lines, pytest.raises(ExceptionGroup) as failure:
        async with asyncio.timeout(30):
            await run._run_parts(Parts(idle, idle, FastAPI(), [stall]), settings, "tiny", asyncio.Event())
    assert failure.group_contains(Stop, match="STALLED")
    assert armed == [run._SHUTDOWN_SECONDS_MAX]
    assert [line["code"] for line in lines if line["event"] == "stopping"] == ["STALLED"]


async def test_a_consumer_that_is_cancelled_while_its_client_stops_does_not_connect_again() -> None:
    settings: Any = SimpleNamespace(
        digest_key=SimpleNamespace(get_secret_value=lambda: "k"), batch_records_max=1, batch_bytes_max=1,
        linger_ms=1, lanes=1,
    )  # fmt: skip
    pool: Any = None
    handler: Any = Collector()
    consumer: Consumer[Any] = Consumer(settings, pool, handler, group="g")
    stopping = asyncio.Event()

    async def stop() -> None:
        stopping.set()
        await _forever()

    broker: Any = SimpleNamespace(stop=stop)
    consumer._broker = broker
    disconnecting = asyncio.create_task(consumer._disconnect())
    await stopping.wait()
    disconnecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await disconnecting
