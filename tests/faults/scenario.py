"""One run: a load, faults at times drawn from a seed, and the account of it."""

import asyncio
import json
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from deploy.local.services import House
from deploy.local.stack import Stack
from tests.faults.load import Load, Result, judge, send, settle

ENV = {
    # Firsts are no part of this load: everybody started before the record begins.
    "recognition": {"HISTORY_SINCE": "2025-01-01"},
    "notifier": {"NETWORK_SECONDS_MAX": "5"},
}
REPORTS = Path(".local/faults")
# Strikes, mends, and returns the monotonic time at which the process or server was started again.
Fault = Callable[[Stack, House], Awaitable[float]]


@dataclass
class Account:
    """What happened in a run, and when (seconds since its start)."""

    seed: int
    timeline: list[tuple[float, str]] = field(default_factory=list)
    recovery_seconds: list[float] = field(default_factory=list)
    """From the start of the process, or from the server's being up, to every service consuming again."""
    recovery_p50_seconds: float = 0.0
    recovery_p99_seconds: float = 0.0
    result: Result | None = None

    def write(self, name: str) -> None:
        """Keep it as JSON for whoever looks later."""
        REPORTS.mkdir(parents=True, exist_ok=True)
        document: dict[str, Any] = asdict(self)
        document["result"] = (
            None if self.result is None else {k: str(v) for k, v in asdict(self.result).items()}
        )
        (REPORTS / f"{name}-{self.seed}.json").write_text(json.dumps(document, indent=1))


async def kill_service(name: str, _: Stack, house: House) -> float:
    """SIGKILL in the middle of whatever it does, then start again."""
    await house[name].kill()
    began = time.monotonic()
    await house[name].start()
    return began


async def restart_postgres(stack: Stack, _: House) -> float:
    """As after a crash: no checkpoint, all connections broken."""
    await stack.embedded_postgres.kill()
    await asyncio.sleep(1)
    await stack.embedded_postgres.start()
    return time.monotonic()


async def restart_broker(stack: Stack, _: House) -> float:
    """SIGKILL of the only broker, then back on its data."""
    await stack.embedded_kafka.kill_broker(1)
    await asyncio.sleep(1)
    await stack.embedded_kafka.start_broker(1)
    return time.monotonic()


async def run(
    name: str, seed: int, faults: Sequence[tuple[str, Fault]], *, events: int, per_second: int
) -> Account:
    """Send the load while the faults strike one after another; return when all has settled and is compared."""
    account, load = Account(seed), Load(seed)
    draw = random.Random(seed)
    started = time.monotonic()

    def note(what: str) -> None:
        account.timeline.append((round(time.monotonic() - started, 2), what))

    async with Stack(name, announce=note) as stack:
        await stack.create_topics()
        async with House(stack, ENV) as house:
            note("house is up")
            sending = asyncio.create_task(send(stack, load, count=events, per_second=per_second))
            for what, fault in faults:
                await asyncio.sleep(draw.uniform(0.2, 2.0))
                note(what)
                began = await fault(stack, house)
                await _back_at_work(house)
                account.recovery_seconds.append(round(time.monotonic() - began, 2))
            await sending
            note("everything sent")
            await settle(stack, load)
            note("settled")
            account.result = await judge(stack, house, load)
    if account.recovery_seconds:
        account.recovery_p50_seconds = statistics.median(account.recovery_seconds)
        account.recovery_p99_seconds = max(account.recovery_seconds)  # of fewer than a hundred
    account.write(name)
    return account


async def _back_at_work(house: House) -> None:
    async with asyncio.timeout(120):
        for service in house.services.values():
            while not (await service.answers("/readyz") and await service.answers("/readyz/consumer")):
                await asyncio.sleep(0.1)
