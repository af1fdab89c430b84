"""What the tests of the command share: a small company told to the three services, once."""

import os
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from deploy.local.stack import Stack
from services.cli.servers import SERVICES
from services.kit import sql
from tests.conftest import ROOT, drop_database
from tests.integration.cli_rig import House, event, story


@pytest_asyncio.fixture(scope="session")
async def house(stack: Stack) -> AsyncIterator[House]:
    """The story told, everybody at rest, all connections closed so that the databases can be cloned."""
    names = {service: f"told_{service}_{os.getpid()}" for service in SERVICES}
    for service, name in names.items():
        await stack.create_database(name)
        connection = await asyncpg.connect(stack.database_url(name))
        await sql.migrate(connection, sql.migrations_of(service, ROOT / "services" / service))
        await connection.close()
    told = House(stack, {service: stack.database_url(name) for service, name in names.items()}, names)
    await told.start()
    try:
        await told.send(*story())
        await told.at_rest()
        await told.tell()
        await told.checkpoints().close()
        await told.send(
            event("erasure", "erasure", {"employee": "e-4"}),
            event("reflection", "tail", {"employee": "e-2", "question": "What?", "answer": "This."}),
        )
        await told.at_rest()
    finally:
        await told.stop()
    yield told
    for name in names.values():
        await drop_database(stack, name)


@pytest.fixture
def house_in_environment(house: House, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The house's servers, as the environment names them to a command."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", stack.bootstrap_servers)
    for service, url in house.urls.items():
        monkeypatch.setenv(f"{service.upper()}_DATABASE_URL", url)
    return monkeypatch
