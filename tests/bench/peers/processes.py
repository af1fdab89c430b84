"""The peers' processes: a Connect worker with two tasks, and two of Quix Streams."""

import asyncio
import json
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from deploy.local.folder import LOCAL_ROOT, PROJECT_ROOT
from deploy.local.guarded import GuardedProcess
from deploy.local.java import fetch_jars, find_java
from deploy.local.kafka import LOG4J2
from deploy.local.stack import Stack

HERE = Path(__file__).parent
POM, REQUIREMENTS = HERE / "pom.xml", HERE / "requirements.txt"
ENVIRONMENT = LOCAL_ROOT / "bench-peers" / "venv"
FLAT_TOPIC = "bench.flat"
TEXTS = ("kind", "id", "employee", "cause_source", "cause_id", "basis", "size", "visibility", "giver",
         "answers_source", "answers_id", "skills", "title", "words")  # fmt: skip
_REQUIRED = ("kind", "id", "employee", "cause_source", "cause_id")


async def prepare(announce: Callable[[str], None]) -> Path:
    """Fetch what the peers need, the first time; return the folder of jars."""
    jars = await fetch_jars(announce, POM)
    if not (ENVIRONMENT / "ready").exists():
        announce("Quix Streams: installing it into an environment of its own (only this once)")
        uv = PROJECT_ROOT / ".venv" / "bin" / "uv"
        for command in (
            [
                uv,
                "venv",
                "--quiet",
                "--allow-existing",
                "--python",
                PROJECT_ROOT / ".venv/bin/python",
                ENVIRONMENT,
            ],
            [uv, "pip", "sync", "--quiet", "--python", ENVIRONMENT / "bin" / "python", REQUIREMENTS],
        ):
            await asyncio.to_thread(subprocess.run, command, check=True, timeout=600)
        (ENVIRONMENT / "ready").touch()
    return jars


def connect(
    stack: Stack, jars: Path, url: str, group: str, *, lanes: int, batch: int
) -> list[GuardedProcess]:
    """A standalone Connect worker: `lanes` tasks, upserts of `batch` rows by unnest. Its group is `connect-<group>`."""
    folder = stack.folder.path / f"connect-{group}"
    folder.mkdir()
    where = urlsplit(url)
    schema = {
        "type": "struct",
        "fields": [
            {"field": "occurred_at_ms", "type": "int64", "optional": False},
            *({"field": name, "type": "string", "optional": name not in _REQUIRED} for name in TEXTS),
        ],
    }
    worker = {
        "bootstrap.servers": stack.bootstrap_servers,
        "key.converter": "org.apache.kafka.connect.storage.StringConverter",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "value.converter.schemas.enable": "true",
        "value.converter.schema.content": json.dumps(schema),
        "offset.storage.file.filename": str(folder / "offsets"),
        "offset.flush.interval.ms": "1000",
        "plugin.discovery": "hybrid_warn",
        "connector.client.config.override.policy": "All",
        "listeners": f"http://127.0.0.1:{stack.folder.port('connect-http')}",
    }
    connector = {
        "name": group,
        "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
        "tasks.max": str(lanes),
        "topics": FLAT_TOPIC,
        "connection.url": f"jdbc:postgresql://{where.hostname}:{where.port}{where.path}",
        "connection.username": where.username or "",
        "connection.password": unquote(where.password or ""),
        "insert.mode": "upsert",
        "primary.key.mode": "record_value",
        "primary.key.fields": "employee,id",
        "collection.name.format": "flat",
        "schema.evolution": "none",
        "dialect.postgres.unnest.insert.enabled": "true",
        "batch.size": str(batch),
        "consumer.override.max.poll.records": str(batch),
        "consumer.override.fetch.min.bytes": "1048576",
        "consumer.override.fetch.max.wait.ms": "100",
        "consumer.override.auto.offset.reset": "earliest",
    }
    for name, settings in (("worker", worker), ("connector", connector)):
        lines = "".join(f"{key}={_escaped(value)}\n" for key, value in settings.items())
        (folder / f"{name}.properties").write_text(lines)
    command = [
        find_java(), "-Xmx1g", f"-Dlog4j2.configurationFile={LOG4J2.as_uri()}",
        f"-Dwaystone.log={folder / 'connect.log'}", "-cp", f"{jars}/*",
        "org.apache.kafka.connect.cli.ConnectStandalone",
        str(folder / "worker.properties"), str(folder / "connector.properties"),
    ]  # fmt: skip
    return [_guarded("Kafka Connect", stack, command, folder / "output.log")]


def quix(stack: Stack, url: str, group: str, *, lanes: int, batch: int) -> list[GuardedProcess]:
    """`lanes` processes of one consumer group."""
    where = urlsplit(url)
    env = {
        "QUIX_BROKERS": stack.bootstrap_servers, "QUIX_GROUP": group, "QUIX_TOPIC": FLAT_TOPIC,
        "QUIX_BATCH": str(batch), "PGHOST": where.hostname or "", "PGPORT": str(where.port),
        "PGDATABASE": where.path.removeprefix("/"), "PGUSER": where.username or "",
        "PGPASSWORD": unquote(where.password or ""),
    }  # fmt: skip
    command = [str(ENVIRONMENT / "bin" / "python"), str(HERE / "quix.py")]
    return [
        _guarded("Quix Streams", stack, command, stack.folder.path / f"quix-{group}-{number}.log", env)
        for number in range(lanes)
    ]


def _guarded(
    name: str, stack: Stack, command: list[str], log: Path, env: Mapping[str, str] | None = None
) -> GuardedProcess:
    return GuardedProcess(
        name, command, log=log, farewell="TERM", env={**os.environ, **(env or {})}, cwd=stack.folder.path,
        keep_open=[stack.folder.lock_fd],
    )  # fmt: skip


def _escaped(value: str) -> str:
    """For a Java properties file."""
    return value.replace("\\", "\\\\")
