"""Containers as the stack starts them, as far as no daemon is needed to see it."""

import asyncio
import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest
from docker.utils.utils import convert_port_bindings  # type: ignore[import-untyped]

from deploy.local.docker import publish, to_the_end


def test_ports_are_published_on_loopback_alone() -> None:
    container = SimpleNamespace(ports={"5432": None})
    publish(cast(Any, container), 5432, 25_432)
    assert convert_port_bindings(container.ports) == {
        "5432/tcp": [{"HostIp": "127.0.0.1", "HostPort": "25432"}]
    }


async def test_a_cancelled_start_ends_only_when_what_it_starts_can_be_removed() -> None:
    begun, go_on, started = threading.Event(), threading.Event(), []

    def start() -> None:
        begun.set()
        go_on.wait(60)
        started.append("container")

    starting = asyncio.create_task(to_the_end(start))
    await asyncio.to_thread(begun.wait, 60)
    starting.cancel()
    await asyncio.sleep(0)
    assert not starting.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert started == ["container"]
