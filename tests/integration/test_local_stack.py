"""The embedded stack, really started: Kafka on the local JVM and PostgreSQL 18."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from deploy.local.errors import StackError
from deploy.local.folder import LOCAL_ROOT, PROJECT_ROOT, RunFolder
from deploy.local.stack import Stack
from deploy.local.topics import create_topics
from schemas.topic_files import Topic, read_topics

OWN_DATABASES = "SELECT string_agg(datname, ' ') FROM pg_database"
PARENT = """
import asyncio, sys
from deploy.local.stack import Stack
async def main():
    async with Stack("parent", announce=lambda line: None) as stack:
        print(stack.folder.path, flush=True)
        await asyncio.sleep(600)
try:
    asyncio.run(main())
except KeyboardInterrupt:
    sys.exit(130)
"""


pytestmark = pytest.mark.usefixtures("only_embedded")


@pytest.fixture(scope="module")
async def stack(only_embedded: None) -> AsyncIterator[Stack]:
    async with Stack("stack-test") as running:
        await running.create_topics()
        yield running


async def send(bootstrap_servers: str, topic: str, value: bytes) -> int:
    """Send one record to partition 0; return its offset."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers.split(","),
        acks="all",
        enable_idempotence=True,
        max_request_size=2 * 1024 * 1024,
    )
    async with producer:
        return (await producer.send_and_wait(topic, value, partition=0)).offset


async def read(bootstrap_servers: str, topic: str, count: int) -> list[bytes]:
    """Return the first `count` values of a topic; fail after 60 s."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap_servers.split(","), group_id="reader", auto_offset_reset="earliest"
    )
    async with consumer, asyncio.timeout(60):
        return [(await consumer.getone()).value for _ in range(count)]


def topic_file(
    name: str, *, partitions: int = 1, cleanup: str = "delete", max_message_bytes: int = 1_048_576
) -> Topic:
    return Topic(
        topic=name, description="", types=(), key="", partitions=partitions, cleanup=cleanup, retention_days=1,
        max_message_bytes=max_message_bytes, dlq=None, producers=(), consumers=(),
    )  # fmt: skip


async def topic_named(stack: Stack, name: str, max_message_bytes: int = 1_048_576) -> str:
    await create_topics(stack.bootstrap_servers, [topic_file(name, max_message_bytes=max_message_bytes)])
    return name


async def ask(url: str, question: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        return str(await connection.fetchval(question))
    finally:
        await connection.close()


async def until(true: Callable[[], bool]) -> None:
    """Wait until something holds; fail after 60 s."""
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_a_record_of_the_largest_size_comes_back_from_a_consumer_group(stack: Stack) -> None:
    value = os.urandom(1024 * 1024 + 60 * 1024)
    topic = await topic_named(stack, "test.large", max_message_bytes=1024 * 1024 + 64 * 1024)
    await send(stack.bootstrap_servers, topic, value)
    assert await read(stack.bootstrap_servers, topic, 1) == [value]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("server_version_num", "18"),
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("data_checksums", "on"),
        ("jit", "off"),
        ("max_connections", "200"),
        ("server_encoding", "UTF8"),
        ("listen_addresses", "127.0.0.1"),
    ],
)
async def test_postgres_18_is_set_as_in_production(stack: Stack, setting: str, value: str) -> None:
    assert (await ask(stack.database_url("ledger"), f"SHOW {setting}")).startswith(value)


async def test_each_service_has_a_database_and_is_no_superuser(stack: Stack) -> None:
    for service in ("recognition", "ledger", "notifier"):
        url = stack.database_url(service)
        assert await ask(url, "SELECT current_database()") == service
        assert await ask(url, "SHOW is_superuser") == "off"


async def test_a_wrong_password_is_refused(stack: Stack) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(stack.database_url("ledger"), password="guess")


async def test_the_topics_of_the_topic_files_exist_with_their_partitions(stack: Stack) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    await admin.start()
    try:
        described = await admin.describe_topics(list(read_topics()))
    finally:
        await admin.close()
    assert {topic["topic"]: len(topic["partitions"]) for topic in described} == {
        topic.topic: topic.partitions for topic in read_topics().values()
    }


async def test_existing_topics_are_left_and_another_number_of_partitions_is_an_error(stack: Stack) -> None:
    assert await stack.create_topics() == []
    await topic_named(stack, "test.one-partition")
    with pytest.raises(StackError, match=r"test\.one-partition has 1 partitions, its topic file says 4"):
        await create_topics(stack.bootstrap_servers, [topic_file("test.one-partition", partitions=4)])


async def test_a_topic_the_broker_refuses_is_named(stack: Stack) -> None:
    with pytest.raises(StackError, match=r"test\.bad") as caught:
        await create_topics(stack.bootstrap_servers, [topic_file("test.bad", cleanup="nonsense")])
    assert caught.value.code == "TOPIC_REFUSED"


async def test_a_killed_broker_comes_back_on_its_port_with_its_records(stack: Stack) -> None:
    topic = await topic_named(stack, "test.killed-broker")
    await send(stack.bootstrap_servers, topic, b"before")
    pid = stack.embedded_kafka.pids[1]
    await stack.embedded_kafka.kill_broker(1)
    assert not psutil.pid_exists(pid)
    await stack.embedded_kafka.start_broker(1)
    await send(stack.bootstrap_servers, topic, b"after")
    assert await read(stack.bootstrap_servers, topic, 2) == [b"before", b"after"]


async def test_a_killed_postgres_keeps_what_was_committed(stack: Stack) -> None:
    url = stack.database_url("ledger")
    await ask(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    await stack.embedded_postgres.kill()
    assert stack.embedded_postgres.pid is None
    await stack.embedded_postgres.start()
    assert await ask(url, "SELECT answer FROM kept") == "42"
    await stack.embedded_postgres.restart()
    assert await ask(url, "SELECT answer FROM kept") == "42"


async def test_existing_servers_are_used_and_left_running(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", stack.bootstrap_servers)
    monkeypatch.setenv("DATABASE_URL", stack.database_url("postgres"))
    told: list[str] = []
    async with Stack("second", announce=told.append) as second:
        assert second.bootstrap_servers == stack.bootstrap_servers
        await second.create_database("made-elsewhere")
        assert await ask(second.database_url("made-elsewhere"), "SELECT 1") == "1"
        with pytest.raises(StackError, match="unset KAFKA_BOOTSTRAP_SERVERS"):
            second.embedded_kafka  # noqa: B018
        assert await ask(second.database_url("ledger"), "SELECT 1") == "1"
        databases = await ask(stack.database_url("postgres"), OWN_DATABASES)
        assert databases.count("-second-") == 3, "beside the stack's own, which are left alone"
    assert "-second-" not in await ask(stack.database_url("postgres"), OWN_DATABASES)
    assert [("KAFKA_BOOTSTRAP_SERVERS" in told[0]), ("DATABASE_URL" in told[1])] == [True, True]
    assert not any("postgresql://" in line for line in told)
    assert await ask(stack.database_url("made-elsewhere"), "SELECT 1") == "1"


async def test_without_a_docker_daemon_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    monkeypatch.setenv("WAYSTONE_STACK", "docker")
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    with pytest.raises(StackError, match="start a Docker daemon, or unset WAYSTONE_STACK") as caught:
        await Stack("docker").start()
    assert caught.value.code == "DOCKER_FAILED"


async def test_a_failed_start_leaves_no_process_and_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr("deploy.local.postgres._as_unprivileged", lambda: ["/usr/bin/env", "false"])
    before = psutil.Process().children(recursive=True)
    with pytest.raises(StackError):
        await Stack("failing").start()
    assert [child for child in psutil.Process().children(recursive=True) if child not in before] == []
    assert list(LOCAL_ROOT.glob("run-failing-*")) == []


async def test_the_log_that_a_failed_start_names_outlives_its_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.local.kafka.find_java", lambda: "/bin/false")
    with pytest.raises(StackError, match="Kafka") as caught:
        await Stack("failing").start()
    log = re.search(r"all of it: (\S+)\)", caught.value.message)
    assert log, caught.value.message
    assert log[1] in map(str, (LOCAL_ROOT / "logs" / "failing").rglob("*.log"))


@pytest.fixture
def parent() -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Another process with a running stack, and that stack's folder."""
    command = [sys.executable, "-c", PARENT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT_ROOT) as process:
        assert process.stdout is not None
        yield process, Path(process.stdout.readline().strip())
        process.kill()


async def test_a_killed_parent_leaves_no_process_and_its_folder_goes_with_the_next_run(
    parent: tuple[subprocess.Popen[str], Path],
) -> None:
    process, folder = parent
    descendants = psutil.Process(process.pid).children(recursive=True)
    assert {"java", "postgres"} <= {child.name() for child in descendants}
    process.kill()
    await until(lambda: not any(alive(child) for child in descendants))
    RunFolder.create_ephemeral("next").close()
    assert not folder.exists()


async def test_ctrl_c_stops_everything_and_removes_the_folder(
    parent: tuple[subprocess.Popen[str], Path],
) -> None:
    process, folder = parent
    descendants = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    assert await asyncio.to_thread(process.wait, 60) == 130
    assert not any(alive(child) for child in descendants)
    assert not folder.exists()


async def test_three_brokers_lose_one_and_go_on_without_losing_a_record() -> None:
    async with Stack("three", brokers=3) as stack:
        topic = await topic_named(stack, "test.three")
        await send(stack.bootstrap_servers, topic, b"with three")
        await stack.embedded_kafka.kill_broker(2)
        await send(stack.bootstrap_servers, topic, b"with two")
        await stack.embedded_kafka.start_broker(2)
        await stack.embedded_kafka.stop_broker(1)
        assert await read(stack.bootstrap_servers, topic, 2) == [b"with three", b"with two"]
