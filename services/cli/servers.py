"""Where Kafka and the databases are: from the environment, else the local stack that is up; and how to read them."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from services.cli.errors import EXIT_UNREACHABLE, CliError
from services.cli.producer import EmitSettings
from services.kit.kafka import connection_options
from services.kit.settings import read_settings
from services.kit.sql import Connection, Queries

SERVICES = ("recognition", "ledger", "notifier")
CONNECT_SECONDS_MAX = 10.0
STATEMENT_SECONDS_MAX = 1_800.0
# Verification sorts and joins whole histories: in memory where they fit.
_SESSION = {
    "jit": "off",
    "timezone": "UTC",
    "application_name": "waystone command",
    "work_mem": "128MB",
    "cursor_tuple_fraction": "1",
    "enable_partitionwise_join": "on",
    "enable_partitionwise_aggregate": "on",
}
_SQL = Queries(Path(__file__).with_suffix(".sql"))
_HINT = "set no server at all and start the local stack with `waystone local up`"


@dataclass(frozen=True, slots=True)
class Servers:
    """kafka: options of a client, empty when unknown. databases: URL by service, those that are known."""

    kafka: Mapping[str, Any]
    databases: Mapping[str, str]
    checkpoint_keys: Sequence[str] = ()
    """Files of public keys of checkpoints, where the servers are the local stack's."""

    def need_kafka(self) -> Mapping[str, Any]:
        """The options, or CliError `SERVERS_UNKNOWN`."""
        if not self.kafka:
            raise CliError("SERVERS_UNKNOWN", f"set KAFKA_BOOTSTRAP_SERVERS, or {_HINT}", EXIT_UNREACHABLE)
        return self.kafka

    def need_databases(self) -> Mapping[str, str]:
        """The URLs, at least one, or CliError `SERVERS_UNKNOWN`."""
        if not self.databases:
            names = ", ".join(f"{service.upper()}_DATABASE_URL" for service in SERVICES)
            raise CliError("SERVERS_UNKNOWN", f"set {names}, or {_HINT}", EXIT_UNREACHABLE)
        return self.databases


def find_servers(environ: Mapping[str, str] = os.environ) -> Servers:
    """What `environ` names; where it names nothing, the local stack, if that is up.

    Never some of each: databases and a Kafka that do not belong together would be found full of faults.
    """
    databases = {s: url for s in SERVICES if (url := environ.get(f"{s.upper()}_DATABASE_URL"))}
    brokers = environ.get("KAFKA_BOOTSTRAP_SERVERS")
    checkpoint_keys: Sequence[str] = ()
    if not (databases or brokers):
        state = _local_state()
        databases = state.get("database_urls", {})
        brokers = state.get("bootstrap_servers")
        if public_key := state.get("checkpoint_public_key_file"):
            checkpoint_keys = [public_key]
    kafka: Mapping[str, Any] = {}
    if brokers:
        kafka = connection_options(
            read_settings(EmitSettings, {**environ, "KAFKA_BOOTSTRAP_SERVERS": brokers})
        )
    return Servers(kafka, databases, checkpoint_keys)


def with_brokers(environ: Mapping[str, str] = os.environ) -> Mapping[str, str]:
    """`environ`, and in it the local stack's brokers where it names neither Kafka nor a database."""
    named = ("KAFKA_BOOTSTRAP_SERVERS", "KAFKA_BOOTSTRAP_SERVERS_FILE")
    if any(environ.get(name) for name in (*named, *(f"{s.upper()}_DATABASE_URL" for s in SERVICES))):
        return environ
    brokers = _local_state().get("bootstrap_servers")
    return {**environ, "KAFKA_BOOTSTRAP_SERVERS": brokers} if brokers else environ


@asynccontextmanager
async def kafka_reader(options: Mapping[str, Any]) -> AsyncIterator[AIOKafkaConsumer]:
    """A client that reads committed records and belongs to no group. Raises CliError KAFKA_UNREACHABLE.

    options: of a client, as `Servers` has them.
    """
    consumer = AIOKafkaConsumer(
        **options,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    try:
        with kafka_complaints(options):
            await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


async def partitions_of(consumer: AIOKafkaConsumer, topics: Iterable[str]) -> list[TopicPartition]:
    """Every partition of those of the topics that the cluster has, by topic and number."""
    # Asked of the brokers: a client itself only knows the topics it is subscribed to.
    cluster = await consumer._client.fetch_all_metadata()
    return [
        TopicPartition(topic, number)
        for topic in sorted(topics)
        for number in sorted(cluster.partitions_for_topic(topic) or ())
    ]


@contextmanager
def kafka_complaints(options: Mapping[str, Any]) -> Iterator[None]:
    """Turn a failure of Kafka into CliError KAFKA_UNREACHABLE."""
    try:
        yield
    except (KafkaError, OSError, TimeoutError) as error:
        where = ",".join(options["bootstrap_servers"])
        sentence = f"no broker answers at {where} ({type(error).__name__})"
        raise CliError("KAFKA_UNREACHABLE", sentence, EXIT_UNREACHABLE) from None


@asynccontextmanager
async def reading(
    service: str,
    url: str,
    snapshot: str | None = None,
    prepare: Callable[[Connection], Awaitable[None]] | None = None,
) -> AsyncIterator[Connection]:
    """One snapshot of a service's database: a read-only connection inside one transaction.

    snapshot: that of another connection, by the name `pg_export_snapshot` gave it; None takes a new one.
    prepare: what to do on the connection before that, for this session alone.

    Raises CliError DATABASE_UNREACHABLE, or RIGHTS_MISSING for a role that would see a part and take it for all.
    What goes wrong afterwards is for `database_complaints`.
    """
    with database_complaints(service):
        connection = await asyncpg.connect(
            url,
            timeout=CONNECT_SECONDS_MAX,
            command_timeout=STATEMENT_SECONDS_MAX,
            server_settings=_SESSION,
        )
    try:
        with database_complaints(service):
            hidden = await connection.fetchval(_SQL["hidden_rows"])
            if hidden is not None:
                raise CliError(
                    "RIGHTS_MISSING",
                    f"row security hides rows of {hidden} from this role: name the {service}'s database as its owner",
                    EXIT_UNREACHABLE,
                )
            if prepare is not None:
                await prepare(connection)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            if snapshot is not None:
                with database_complaints(service):
                    await connection.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
            yield connection
    finally:
        connection.terminate()


@contextmanager
def database_complaints(service: str) -> Iterator[None]:
    """Turn a failure of a service's database into a CliError: DATABASE_UNREACHABLE or SCHEMA_UNKNOWN."""
    try:
        yield
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
        raise CliError(
            "SCHEMA_UNKNOWN",
            f"the {service}'s database is not as this version knows it ({error}): "
            f"run `python -m services.{service} migrate`",
            EXIT_UNREACHABLE,
        ) from None
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError, ValueError) as error:
        # Never its message: it may quote an address with a password.
        sentence = f"the {service}'s database does not answer as it should ({type(error).__name__})"
        raise CliError("DATABASE_UNREACHABLE", sentence, EXIT_UNREACHABLE) from None


def _local_state() -> Mapping[str, Any]:
    try:
        from deploy.local import lifecycle
    except ModuleNotFoundError:  # installed without the extra `local`
        return {}
    state = lifecycle.status()
    return state if state["running"] else {}
