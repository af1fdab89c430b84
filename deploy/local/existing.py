"""Servers that run already and that the environment names: used, never started or stopped."""

from __future__ import annotations

from deploy.local.databases import create_database, with_database


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

    def __init__(self, server_url: str) -> None:
        self.admin_url = server_url

    def database_url(self, name: str) -> str:
        """URL of database `name` as the user of DATABASE_URL."""
        return with_database(self.admin_url, name)

    async def create_database(self, name: str) -> None:
        """Create database `name` unless it exists."""
        await create_database(self.admin_url, name)

    async def start(self) -> None:
        """Nothing: it runs already."""

    async def stop(self) -> None:
        """Nothing: it is not ours to stop."""
