"""Fixtures every suite shares: one real Kafka and one real Postgres, a database of one's own per test."""

import asyncio
import itertools
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from hypothesis import HealthCheck, settings

from deploy.local.stack import Stack
from services.kit import sql

# A busy machine is slow, not wrong: no example fails for its time.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# A shell that runs us in the background has SIGINT ignored, and so would have every process the tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Everything the tests talk to is on this machine, where no proxy of the environment leads.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"

ROOT = Path(__file__).parent.parent
_numbers = itertools.count(1)

Database = Callable[[str], Awaitable[str]]
Topics = Callable[..., Awaitable[str]]


def _say(line: str) -> None:
    sys.stderr.write(f"\n{line}")


@pytest.fixture(scope="module")
def only_embedded() -> Iterator[None]:
    """For tests that kill and restart servers: those the environment names are not theirs to kill."""
    with pytest.MonkeyPatch.context() as environment:
        for name in ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL", "WAYSTONE_STACK"):
            environment.delenv(name, raising=False)
        yield


@pytest_asyncio.fixture(scope="session")
async def stack() -> AsyncIterator[Stack]:
    """Kafka with every topic, Postgres with the services' empty databases. Fails, never skips."""
    async with Stack("test", announce=_say) as running:
        await running.create_topics()
        yield running


@pytest_asyncio.fixture(scope="session")
async def _template(stack: Stack) -> AsyncIterator[Database]:
    """Migrate one template database per service, once."""
    done: dict[str, str] = {}

    async def template(service: str) -> str:
        if service not in done:
            name = f"template_{service}_{os.getpid()}"
            await stack.create_database(name)
            connection = await asyncpg.connect(stack.database_url(name))
            await sql.migrate(connection, sql.migrations_of(service, ROOT / "services" / service))
            await connection.close()
            done[service] = name
        return done[service]

    yield template


@asynccontextmanager
async def _clones(stack: Stack, template: Database) -> AsyncIterator[Database]:
    made: list[str] = []

    async def clone(service: str) -> str:
        name = f"{service}_{os.getpid()}_{next(_numbers)}"
        await _administer(stack, f'CREATE DATABASE "{name}" TEMPLATE "{await template(service)}"')
        made.append(name)
        return stack.database_url(name)

    yield clone
    for name in made:
        await drop_database(stack, name)


@pytest_asyncio.fixture
async def database(stack: Stack, _template: Database) -> AsyncIterator[Database]:
    """`await database("ledger")` → URL (the owner's) of a fresh clone of that service's migrated template."""
    async with _clones(stack, _template) as clone:
        yield clone


@pytest_asyncio.fixture(scope="module")
async def lasting_database(stack: Stack, _template: Database) -> AsyncIterator[Database]:
    """The same for all tests of a module, which leave it as they found it."""
    async with _clones(stack, _template) as clone:
        yield clone


async def drop_database(stack: Stack, name: str) -> None:
    """An autovacuum worker may be in there, whom an ordinary role cannot end: it leaves by itself."""
    for _ in range(60):
        try:
            return await _administer(stack, f'DROP DATABASE "{name}" WITH (FORCE)')
        except asyncpg.InsufficientPrivilegeError:
            await asyncio.sleep(0.5)
    raise AssertionError(f"{name} cannot be dropped")


async def _administer(stack: Stack, statement: str) -> None:
    """On a connection of its own: a test may have restarted the server."""
    admin = await asyncpg.connect(stack.database_url("postgres"))
    try:
        await admin.execute(statement)
    finally:
        await admin.close()


@pytest_asyncio.fixture
async def topic(stack: Stack) -> AsyncIterator[Topics]:
    """`await topic("name", partitions=2)` → a topic of one's own, removed afterwards."""
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    await admin.start()
    made: list[str] = []

    async def create(name: str, partitions: int = 2, **config: str) -> str:
        unique = f"test.{name}.{os.getpid()}.{next(_numbers)}"
        await admin.create_topics([NewTopic(unique, partitions, 1, topic_configs=config)])
        made.append(unique)
        return unique

    yield create
    if made:
        await admin.delete_topics(made)
    await admin.close()
