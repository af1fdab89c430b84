"""Kafka and PostgreSQL in containers, by testcontainers, where a Docker daemon answers."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, TypeVar

from docker.errors import DockerException  # type: ignore[import-untyped]
from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from deploy.local.databases import create_database, create_owner, with_database
from deploy.local.errors import StackError
from deploy.local.ports import LOOPBACK, free_port

KAFKA_IMAGE = "apache/kafka:4.4.0"
POSTGRES_IMAGE = "postgres:18.4"
OWNER = "waystone"
T = TypeVar("T")
FAILURES = (DockerException, RuntimeError, TimeoutError)  # the daemon, the container, the waiting
KAFKA_ENVIRONMENT = {
    "KAFKA_NODE_ID": "1",
    "KAFKA_PROCESS_ROLES": "broker,controller",
    "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9094",
    "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
    "KAFKA_INTER_BROKER_LISTENER_NAME": "BROKER",
    "KAFKA_LISTENERS": "HOST://:9092,BROKER://localhost:9093,CONTROLLER://localhost:9094",
    "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "HOST:PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
    "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "4",
    "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS": "4",
    "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "100",
    "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    "KAFKA_MESSAGE_MAX_BYTES": str(2 * 1024 * 1024),
    "KAFKA_LOG_RETENTION_MS": "-1",
}


class DockerKafka:
    """One broker in a container, its port published on loopback."""

    def __init__(self) -> None:
        port = free_port()  # known before the start, because the broker must advertise it
        self.bootstrap_servers = f"{LOOPBACK}:{port}"
        self._port = port
        self._containers = ExitStack()

    async def start(self) -> None:
        """Start the container and wait until the broker answers. Raises StackError DOCKER_FAILED."""
        await to_the_end(self._run)

    async def stop(self) -> None:
        """Remove the container."""
        await asyncio.to_thread(self._containers.close)

    def _run(self) -> None:
        try:
            container = DockerContainer(KAFKA_IMAGE).with_envs(**KAFKA_ENVIRONMENT)
            container.with_env(
                "KAFKA_ADVERTISED_LISTENERS", f"HOST://{self.bootstrap_servers},BROKER://localhost:9093"
            )
            publish(container, 9092, self._port)
            container.waiting_for(LogMessageWaitStrategy("Kafka Server started"))
            self._containers.enter_context(container)
        except FAILURES as reason:
            raise docker_failed(reason) from reason


class DockerPostgres:
    """One PostgreSQL server in a container, its port published on loopback."""

    def __init__(self) -> None:
        self._password = secrets.token_urlsafe(18)
        self._server_url = ""
        self._containers = ExitStack()

    @property
    def admin_url(self) -> str:
        """URL of the superuser, in database `postgres`."""
        return self._server_url

    def database_url(self, name: str) -> str:
        """URL of database `name` as its owner, an ordinary role."""
        address = self._server_url.rpartition("@")[2]
        return with_database(f"postgresql://{OWNER}:{self._password}@{address}", name)

    async def create_database(self, name: str) -> None:
        """Create database `name`, owned by the role of `database_url`, unless it exists."""
        await create_database(self.database_url("postgres"), name)

    async def start(self) -> None:
        """Start the container and wait until the server answers. Raises StackError DOCKER_FAILED."""
        self._server_url = await to_the_end(self._run)
        await create_owner(self._server_url, OWNER, self._password)

    async def stop(self) -> None:
        """Remove the container."""
        await asyncio.to_thread(self._containers.close)

    def _run(self) -> str:
        try:
            container = PostgresContainer(
                POSTGRES_IMAGE, username="postgres", password=self._password, dbname="postgres"
            )
            publish(container, 5432, free_port())
            return self._containers.enter_context(container).get_connection_url(driver=None)
        except FAILURES as reason:
            raise docker_failed(reason) from reason


def publish(container: DockerContainer, port: int, host_port: int) -> None:
    """Publish a container's port on loopback alone: without an address Docker takes every interface of the machine."""
    ports: dict[str, Any] = container.ports  # typed narrower than what Docker takes
    ports[str(port)] = (LOOPBACK, host_port)


async def to_the_end(start: Callable[[], T]) -> T:
    """Run a start in a thread, and on cancellation wait for it: what it has started must be there to be removed.

    Bound by the wrapper's own patience with a container.
    """
    starting = asyncio.ensure_future(asyncio.to_thread(start))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait((starting,))
        raise


def docker_failed(reason: Exception) -> StackError:
    """Return the error that says what to do where no Docker daemon answers."""
    return StackError(
        "DOCKER_FAILED",
        f"WAYSTONE_STACK=docker, but Docker did not do it ({str(reason)[:200]}): start a Docker daemon, or unset "
        "WAYSTONE_STACK for the embedded servers, or set KAFKA_BOOTSTRAP_SERVERS and DATABASE_URL.",
    )
