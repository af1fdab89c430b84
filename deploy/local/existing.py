"""Servers that run already and that the environment names: used, never started or stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import asyncpg

from deploy.local.databases import CONNECT_TIMEOUT_S, SQL, create_database, with_database

DROP_ATTEMPTS_MAX = 20
DROP_PAUSE_S = 0.5


class ExistingKafka:
    """The cluster that KAFKA_BOOTSTRAP_SERVERS names."""

    def __init__(self, bootstrap_servers: str) -> None:
        self.bootstrap_servers = bootstrap_servers

    async def start(self) -> None:
        """Nothing: it runs already."""

    async def stop(self) -> None:
        """Nothing: it is not ours to stop."""


class ExistingPostgres:
    """The server that DATABASE_URL names; its user needs CREATEDB where databases are missing."""

    def __init__(self, server_url: str, own: Mapping[str, str], announce: Callable[[str], None]) -> None:
        """`own`: database names of this run alone, by the name they are asked for; dropped at the end.

        Databases that others fill are never touched: what they hold belongs to another Kafka.
        """
        self.admin_url = server_url
        self._own = own
        self._announce = announce

    def database_url(self, name: str) -> str:
        """URL of database `name` as the user of DATABASE_URL."""
        return with_database(self.admin_url, self._own.get(name, name))

    async def create_database(self, name: str) -> None:
        """Create database `name` unless it exists."""
        await create_database(self.admin_url, self._own.get(name, name))

    async def start(self) -> None:
        """Nothing: it runs already."""

    async def stop(self) -> None:
        """Drop this run's own databases; the server is not ours to stop."""
        if not self._own:
            return
        try:
            connection = await asyncpg.connect(self.admin_url, timeout=CONNECT_TIMEOUT_S)
        except (OSError, TimeoutError, asyncpg.PostgresError):
            self._announce(f"PostgreSQL is gone: databases {', '.join(self._own.values())} may be left on it")
            return
        try:
            for name in self._own.values():
                if not await _drop(connection, name):
                    self._announce(f"PostgreSQL: database {name} is in use and left")
        finally:
            await connection.close(timeout=CONNECT_TIMEOUT_S)


async def _drop(connection: asyncpg.Connection, name: str) -> bool:
    """Drop a database, whoever is connected; tell whether it is gone.

    An autovacuum worker may be in there, whom an ordinary role cannot send away: it leaves by itself.
    """
    statement = await connection.fetchval((SQL / "drop_database.sql").read_text(), name)
    for _ in range(DROP_ATTEMPTS_MAX):
        try:
            await connection.execute(statement)
        except (asyncpg.InsufficientPrivilegeError, asyncpg.ObjectInUseError):
            await asyncio.sleep(DROP_PAUSE_S)
        else:
            return True
    return False
