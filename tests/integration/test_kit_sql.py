"""Migrations on a real database: each once, whole or not at all, and no service on a schema it does not know."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import asyncpg
import pytest
import pytest_asyncio

from deploy.local.stack import Stack
from services.kit import sql
from services.kit.errors import Stop
from services.kit.sql import Connection, Migration

_numbers = itertools.count(1)
FIRST = Migration("x", 1, "first", "CREATE TABLE first (a integer);")
SECOND = Migration("x", 2, "second", "CREATE TABLE second (a integer); INSERT INTO first VALUES (1);")
BROKEN = Migration("x", 3, "broken", "CREATE TABLE third (a integer); INSERT INTO nowhere VALUES (1);")

Connect = Callable[[], Awaitable[Connection]]


@pytest_asyncio.fixture
async def connect(stack: Stack) -> AsyncIterator[Connect]:
    """`await connect()` → a connection to an empty database, the same for the whole test."""
    name = f"empty_{os.getpid()}_{next(_numbers)}"
    await stack.create_database(name)
    made: list[Connection] = []

    async def open_one() -> Connection:
        made.append(await asyncpg.connect(stack.database_url(name)))
        return made[-1]

    yield open_one
    for connection in made:
        connection.terminate()
    admin = await asyncpg.connect(stack.database_url("postgres"))
    await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await admin.close()


async def _tables(connection: Connection) -> set[str]:
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {row["tablename"] for row in rows} - {"schema_migration"}


async def test_migrations_are_applied_once(connect: Connect) -> None:
    connection = await connect()
    assert await sql.migrate(connection, [FIRST]) == [FIRST]
    assert await sql.migrate(connection, [FIRST, SECOND]) == [SECOND]
    assert await sql.migrate(connection, [FIRST, SECOND]) == []
    assert await connection.fetchval("SELECT count(*) FROM first") == 1
    await sql.check_schema(connection, [FIRST, SECOND])


async def test_processes_that_migrate_at_once_apply_each_migration_once(connect: Connect) -> None:
    slow = replace(SECOND, sql="SELECT pg_sleep(0.2); " + SECOND.sql)
    connections = [await connect() for _ in range(4)]
    applied = await asyncio.gather(*(sql.migrate(connection, [FIRST, slow]) for connection in connections))
    assert sorted(len(migrations) for migrations in applied) == [0, 0, 0, 2]
    assert await connections[0].fetchval("SELECT count(*) FROM first") == 1


async def test_a_migration_edited_after_it_was_applied_is_refused(connect: Connect) -> None:
    connection = await connect()
    await sql.migrate(connection, [FIRST])
    edited = [replace(FIRST, sql=FIRST.sql + "-- a word more"), SECOND]
    for attempt in (sql.migrate, sql.check_schema):
        with pytest.raises(Stop) as refused:
            await attempt(connection, edited)
        assert refused.value.code == "MIGRATION_EDITED"
        assert "0001_first" in str(refused.value)
    assert await _tables(connection) == {"first"}


async def test_a_migration_that_fails_leaves_nothing_of_itself(connect: Connect) -> None:
    connection = await connect()
    with pytest.raises(asyncpg.UndefinedTableError):
        await sql.migrate(connection, [FIRST, SECOND, BROKEN])
    assert await _tables(connection) == {"first", "second"}
    await sql.check_schema(connection, [FIRST, SECOND])
    mended = replace(BROKEN, sql="CREATE TABLE third (a integer);")
    other = await connect()  # and the lock is free
    async with asyncio.timeout(10):
        assert await sql.migrate(other, [FIRST, SECOND, mended]) == [mended]


@pytest.mark.parametrize(
    ("applied", "known", "hint"),
    [
        ([], [FIRST], "no schema yet"),
        ([FIRST], [FIRST, SECOND], "0002 is missing"),
        ([FIRST, SECOND], [FIRST], "this code lacks"),
    ],
    ids=["empty", "older", "newer"],
)
async def test_a_schema_that_is_not_the_codes_own_is_refused(
    connect: Connect, applied: list[Migration], known: list[Migration], hint: str
) -> None:
    connection = await connect()
    if applied:
        await sql.migrate(connection, applied)
    with pytest.raises(Stop, match=hint) as refused:
        await sql.check_schema(connection, known)
    assert refused.value.code == "SCHEMA_UNKNOWN"
