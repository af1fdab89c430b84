"""Ledger processes of one group share the partitions; killed and restarted at random, their history stays exact."""

import asyncio
import random
import time

import pytest

from deploy.local.services import ServiceProcess
from deploy.local.stack import Stack
from schemas.topic_files import read_topics
from services.ledger.decode import TOPICS
from tests.faults.ledgers import Sending, exact, ledgers, migrate, partitions_owned, settled
from tests.integration.ledger_scale_rig import History

PARTITIONS = sum(topic.partitions for name, topic in read_topics().items() if name in TOPICS)


async def killed_at_random(seed: int, *, processes: int, seconds: float, per_second: int) -> None:
    """Processes are killed, or stopped in order, and started again, while entries come in."""
    draw = random.Random(seed)
    async with Stack("ledgers", announce=lambda _: None) as stack:
        await stack.create_topics()
        url = stack.database_url("ledger")
        await migrate(url)
        sending, ending = Sending(History(seed, people=120), per_second), asyncio.Event()
        async with ledgers(stack, processes, {"LANES": "1"}) as members, asyncio.TaskGroup() as tasks:
            tasks.create_task(sending.run(stack, ending))
            await all_have_some(members)
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                await asyncio.sleep(draw.uniform(0.1, 1.5))
                struck = draw.sample(members, draw.randint(1, len(members) - 1))
                await asyncio.gather(*(strike(draw.random(), member) for member in struck))
                await asyncio.sleep(draw.uniform(0, 1.0))
                await asyncio.gather(*(member.start() for member in struck))
            await all_have_some(members)
            ending.set()
        # The processes have drained and stopped; whatever they left is taken up by a last one.
        async with ledgers(stack, 1, {}):
            await settled(url, sending.sent)
        assert sending.sent > seconds * per_second / 4
        await exact(stack, url, sending)


async def strike(chance: float, member: ServiceProcess) -> None:
    await (member.kill() if chance < 0.7 else member.stop())


async def all_have_some(members: list[ServiceProcess]) -> None:
    """Return once the partitions are shared: everybody has some, and together they have each once."""
    owned: list[int] = []
    try:
        async with asyncio.timeout(60):
            while not (all(owned) and sum(owned) == PARTITIONS):
                owned = [await asyncio.to_thread(partitions_owned, member) for member in members]
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(f"partitions are not shared: {owned} of {PARTITIONS}") from None


@pytest.mark.timeout(300)
async def test_two_ledgers_killed_at_random_stay_exact() -> None:
    await killed_at_random(31, processes=2, seconds=12, per_second=1_000)


@pytest.mark.faults
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("seed", "processes"), [(41, 2), (42, 4), (43, 4)])
async def test_ledgers_killed_at_random_for_minutes_stay_exact(seed: int, processes: int) -> None:
    await killed_at_random(seed, processes=processes, seconds=180, per_second=1_000)
