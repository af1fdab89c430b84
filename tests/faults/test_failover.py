"""A primary dies under load, its synchronous standby takes over: nothing acknowledged is lost, the old is fenced."""

import asyncio

import asyncpg
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from deploy.local.errors import StackError
from deploy.local.postgres import PostgresServer
from deploy.local.stack import Stack
from tests.faults.ledgers import Sending, exact, ledgers, migrate, settled
from tests.integration.ledger_scale_rig import History

SECONDS_MAX = 60


async def start_standby(stack: Stack) -> PostgresServer:
    """A standby that every commit waits for."""
    primary = stack.embedded_postgres
    standby = PostgresServer(stack.folder, "standby")
    await standby.clone_from(primary)
    await standby.start()
    admin = await asyncpg.connect(primary.admin_url)
    await admin.execute("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
    await admin.execute("SELECT pg_reload_conf()")
    async with asyncio.timeout(SECONDS_MAX):
        while await admin.fetchval("SELECT sync_state FROM pg_stat_replication") != "sync":
            await asyncio.sleep(0.1)
    await admin.close()
    return standby


async def promote(standby: PostgresServer) -> None:
    """Make it the primary; returns when it takes writes."""
    admin = await asyncpg.connect(standby.admin_url)
    assert await admin.fetchval("SELECT pg_promote()")
    await admin.close()


async def acknowledged(stack: Stack) -> dict[TopicPartition, int]:
    """What the ledgers have told Kafka is stored."""
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    await admin.start()
    try:
        found = await admin.list_consumer_group_offsets("ledger")
    finally:
        await admin.close()
    return {partition: committed.offset for partition, committed in found.items()}


async def positions(url: str) -> dict[TopicPartition, int]:
    """Where the database says the ledgers stand."""
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT topic, partition, next_offset FROM consumer_position")
    await connection.close()
    return {TopicPartition(row["topic"], row["partition"]): row["next_offset"] for row in rows}


async def goes_on(url: str, more: int = 500) -> None:
    """Return once that many further offsets are stored."""
    before = sum((await positions(url)).values())
    async with asyncio.timeout(SECONDS_MAX):
        while sum((await positions(url)).values()) < before + more:
            await asyncio.sleep(0.1)


@pytest.mark.faults
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [51, 52])
async def test_a_failover_under_load_loses_nothing_acknowledged_and_fences_the_old_primary(seed: int) -> None:
    async with Stack("failover", announce=lambda _: None) as stack:
        await stack.create_topics()
        primary = stack.embedded_postgres
        await migrate(stack.database_url("ledger"))
        standby = await start_standby(stack)
        try:
            await failed_over(stack, primary, standby, seed)
        finally:
            await standby.stop()


async def failed_over(stack: Stack, primary: PostgresServer, standby: PostgresServer, seed: int) -> None:
    old, new = primary.database_url("ledger"), standby.database_url("ledger")
    both = old.replace(primary.address, f"{primary.address},{standby.address}")
    env = {"DATABASE_URL": f"{both}?target_session_attrs=read-write", "LANES": "1"}
    sending, ending = Sending(History(seed, people=120), 1_000), asyncio.Event()
    async with ledgers(stack, 2, env) as members, asyncio.TaskGroup() as tasks:
        tasks.create_task(sending.run(stack, ending))
        await goes_on(old, 2_000)
        await primary.kill()
        told = await acknowledged(stack)
        await promote(standby)
        stands = await positions(new)
        assert {place: offset for place, offset in told.items() if stands.get(place, 0) < offset} == {}
        await goes_on(new)

        # The old primary comes back as if nothing had happened, first in everybody's list of hosts.
        await asyncio.sleep(1.5)  # Kafka is told once a second what is stored, and where
        await primary.start()
        left = await positions(old)
        await members[0].kill()
        with pytest.raises(StackError, match="DATABASE_FENCED"):
            await members[0].start()
        assert await positions(old) == left
        await primary.kill()
        await members[0].start()
        await goes_on(new)
        ending.set()
    async with ledgers(stack, 1, {**env, "DATABASE_URL": new}):
        await settled(new, sending.sent)
    await exact(stack, new, sending)
