"""Kafka and PostgreSQL for a demo, a test or a developer: embedded, in Docker, or already there."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Protocol, Self

from deploy.local.databases import SERVICES, create_logins, login_url, password_of
from deploy.local.errors import StackError
from deploy.local.existing import ExistingKafka, ExistingPostgres
from deploy.local.folder import RunFolder
from deploy.local.kafka import KafkaCluster
from deploy.local.postgres import PostgresServer
from deploy.local.topics import create_topics


class Kafka(Protocol):
    """A cluster the stack can start, name and stop."""

    @property
    def bootstrap_servers(self) -> str:
        """Host and port of each broker, comma-separated."""
        ...

    async def start(self) -> None:
        """Start and wait until it answers."""

    async def stop(self) -> None:
        """Stop; no process stays."""


class Postgres(Protocol):
    """A server the stack can start, name and stop."""

    @property
    def admin_url(self) -> str:
        """URL of the most powerful user at hand."""
        ...

    def database_url(self, name: str) -> str:
        """URL of one database as its owner."""
        ...

    async def create_database(self, name: str) -> None:
        """Create a database unless it exists."""

    async def start(self) -> None:
        """Start and wait until it answers."""

    async def stop(self) -> None:
        """Stop; no process stays."""


class Stack:
    """Kafka and PostgreSQL with one empty database per service; an async context manager.

    `async with Stack("test", brokers=3) as stack:` starts both at the same time and stops both at the end.
    KAFKA_BOOTSTRAP_SERVERS or DATABASE_URL in the environment choose existing servers, WAYSTONE_STACK=docker
    containers, else they are embedded. Embedded ones end with this process even if it is killed. On an existing
    server a run that is not persistent has databases of its own, dropped at its end.
    """

    def __init__(
        self,
        name: str = "test",
        *,
        brokers: int = 1,
        persistent: bool = False,
        announce: Callable[[str], None] = print,
    ) -> None:
        """Choose where the servers come from; nothing starts yet.

        `name` is that of the folder below `.local`; `persistent` keeps it for the next run, ports included.
        `brokers` (1 or 3) applies to the embedded Kafka only. `announce` takes the lines that tell what was chosen.
        """
        self._announce = announce
        self._brokers = brokers
        self._folder: RunFolder | None = None
        self._name = name
        self._persistent = persistent
        self.kafka: Kafka | None = None
        self.postgres: Postgres | None = None

    @property
    def bootstrap_servers(self) -> str:
        """Host and port of each broker, comma-separated."""
        assert self.kafka is not None, "the stack is not started"
        return self.kafka.bootstrap_servers

    @property
    def folder(self) -> RunFolder:
        """The folder this run keeps its data and logs in."""
        assert self._folder is not None, "the stack is not started"
        return self._folder

    @property
    def embedded_kafka(self) -> KafkaCluster:
        """The embedded cluster, for tests that kill brokers. Raises StackError NOT_EMBEDDED."""
        if not isinstance(self.kafka, KafkaCluster):
            raise StackError("NOT_EMBEDDED", "this needs the embedded Kafka: unset KAFKA_BOOTSTRAP_SERVERS.")
        return self.kafka

    @property
    def embedded_postgres(self) -> PostgresServer:
        """The embedded server, for tests that kill and restart it. Raises StackError NOT_EMBEDDED."""
        if not isinstance(self.postgres, PostgresServer):
            raise StackError("NOT_EMBEDDED", "this needs the embedded PostgreSQL: unset DATABASE_URL.")
        return self.postgres

    def database_url(self, name: str) -> str:
        """URL of database `name` as its owner, an ordinary role (of the embedded and the Docker server)."""
        assert self.postgres is not None, "the stack is not started"
        return self.postgres.database_url(name)

    def login_url(self, service: str, role: str, name: str | None = None) -> str:
        """URL of a service's database (or of database `name`) as the service's `writer` or `reader`."""
        return login_url(self.database_url(name or service), service, role)

    async def create_database(self, name: str) -> None:
        """Create an empty UTF-8 database unless it exists."""
        assert self.postgres is not None, "the stack is not started"
        await self.postgres.create_database(name)

    async def create_topics(self) -> list[str]:
        """Create the topics of the topic files that do not exist yet; return their names."""
        return await create_topics(self.bootstrap_servers)

    async def start(self) -> None:
        """Start both servers at the same time and create the services' databases.

        Raises StackError with one sentence on what is missing and what to do instead; nothing is left running.
        """
        self._folder = (
            RunFolder.open_persistent(self._name)
            if self._persistent
            else RunFolder.create_ephemeral(self._name)
        )
        try:
            self.kafka, self.postgres = self._choose_kafka(), self._choose_postgres()
            await both(self.kafka.start(), self.postgres.start())
            await create_logins(self.postgres.admin_url, password_of(self.database_url("postgres")))
            for service in SERVICES:
                await self.create_database(service)
        except StackError as error:
            told = self.folder.with_kept_logs(error)
            await self.stop()
            raise told from error
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop what was started; data of a run that is not persistent are removed."""
        servers = [server for server in (self.kafka, self.postgres) if server is not None]
        try:
            await asyncio.gather(*(server.stop() for server in servers))
        finally:
            if self._folder is not None:
                self._folder.close()
            self._folder = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _choose_kafka(self) -> Kafka:
        servers = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
        if servers:
            self._announce(f"Kafka: {servers} (KAFKA_BOOTSTRAP_SERVERS is set)")
            return ExistingKafka(servers)
        if wants_docker():
            from deploy.local.docker import KAFKA_IMAGE, DockerKafka

            if self._brokers != 1:
                raise StackError(
                    "NOT_EMBEDDED", "three brokers need the embedded Kafka: unset WAYSTONE_STACK."
                )
            self._announce(f"Kafka: {KAFKA_IMAGE} in Docker (WAYSTONE_STACK=docker)")
            return DockerKafka()
        count = "one broker" if self._brokers == 1 else f"{self._brokers} brokers"
        self._announce(f"Kafka: embedded, {count} on the local Java (KAFKA_BOOTSTRAP_SERVERS is not set)")
        return KafkaCluster(self.folder, self._brokers, self._announce)

    def _choose_postgres(self) -> Postgres:
        url = os.environ.get("DATABASE_URL")
        if url:
            self._announce("PostgreSQL: an existing server (DATABASE_URL is set)")
            return ExistingPostgres(url, self._own_databases(), self._announce)
        if wants_docker():
            from deploy.local.docker import POSTGRES_IMAGE, DockerPostgres

            self._announce(f"PostgreSQL: {POSTGRES_IMAGE} in Docker (WAYSTONE_STACK=docker)")
            return DockerPostgres()
        self._announce("PostgreSQL: embedded, version 18 from its wheel (DATABASE_URL is not set)")
        return PostgresServer(self.folder)

    def _own_databases(self) -> dict[str, str]:
        """Names on a server that others use too: a run that ends has databases of its own, one that stays has not."""
        if self._persistent:
            return {}
        return {service: f"waystone-{self.folder.path.name}-{service}" for service in SERVICES}


def wants_docker() -> bool:
    """Tell whether WAYSTONE_STACK asks for containers. Raises StackError CONFIG_BAD for an unknown value."""
    wanted = os.environ.get("WAYSTONE_STACK", "embedded")
    if wanted not in ("embedded", "docker"):
        raise StackError("CONFIG_BAD", f"WAYSTONE_STACK is embedded or docker, not {wanted!r}.")
    return wanted == "docker"


async def both(*starts: Coroutine[Any, Any, None]) -> None:
    """Run starts at the same time; wait for all of them, then raise the first failure, if any."""
    for outcome in await asyncio.gather(*starts, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
