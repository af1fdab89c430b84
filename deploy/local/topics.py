"""Creates the topics that the topic files describe, and leaves existing ones as they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import for_code

from deploy.local.errors import StackError
from deploy.local.folder import PROJECT_ROOT

TOPIC_FILES = PROJECT_ROOT / "schemas" / "topics"
REPLICATION_MAX = 3
DAY_MS = 24 * 60 * 60 * 1000
TIMEOUT_MS = 30_000
TOPIC_EXISTS = 36  # Kafka's error code TOPIC_ALREADY_EXISTS


@dataclass(frozen=True)
class Topic:
    """What the broker needs to know of one topic file; `retention_days` None keeps records without limit."""

    name: str
    partitions: int
    cleanup: str
    retention_days: int | None
    max_message_bytes: int
    config: dict[str, str] = field(default_factory=dict)

    def broker_config(self) -> dict[str, str]:
        """Return the topic's settings as Kafka names them."""
        retention_ms = -1 if self.retention_days is None else self.retention_days * DAY_MS
        return {
            "cleanup.policy": self.cleanup,
            "retention.ms": str(retention_ms),
            "max.message.bytes": str(self.max_message_bytes),
            **self.config,
        }


def read_topic(path: Path) -> Topic:
    """Read one topic file. Raises StackError TOPIC_FILE_BAD, naming the file."""
    try:
        content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        retention = content["retention_days"]
        return Topic(
            name=str(content["topic"]),
            partitions=int(content["partitions"]),
            cleanup=str(content["cleanup"]),
            retention_days=None if retention is None else int(retention),
            max_message_bytes=int(content["max_message_bytes"]),
            config={name: _setting(value) for name, value in (content.get("config") or {}).items()},
        )
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as reason:
        raise StackError("TOPIC_FILE_BAD", f"{path} is not a topic file: {reason!r}.") from reason


def read_topics(folder: Path = TOPIC_FILES) -> list[Topic]:
    """Read every topic file of a folder, by name."""
    return [read_topic(path) for path in sorted(folder.glob("*.yaml"))]


async def create_topics(bootstrap_servers: str, topics: list[Topic] | None = None) -> list[str]:
    """Create the topics that do not exist yet, by default those of the topic files; return their names.

    Raises StackError TOPIC_REFUSED, or TOPIC_PARTITIONS when an existing topic has another number of partitions.
    """
    wanted = read_topics() if topics is None else topics
    admin: Any = AIOKafkaAdminClient(
        bootstrap_servers=bootstrap_servers.split(","), request_timeout_ms=TIMEOUT_MS
    )
    await admin.start()
    try:
        existing = set(await admin.list_topics())
        missing = [topic for topic in wanted if topic.name not in existing]
        if missing:
            brokers = len((await admin.describe_cluster())["brokers"])
            await _create(admin, missing, replication=min(REPLICATION_MAX, brokers))
        await _check_partitions(admin, [topic for topic in wanted if topic.name in existing])
    finally:
        await admin.close()
    return [topic.name for topic in missing]


async def _create(admin: Any, topics: list[Topic], replication: int) -> None:
    answer = await admin.create_topics(
        [
            NewTopic(topic.name, topic.partitions, replication, topic_configs=topic.broker_config())
            for topic in topics
        ],
        timeout_ms=TIMEOUT_MS,
    )
    for name, code, *message in answer.topic_errors:
        if code not in (0, TOPIC_EXISTS):
            raise StackError(
                "TOPIC_REFUSED", f"topic {name}: {for_code(code).__name__} {' '.join(map(str, message))}"
            )


async def _check_partitions(admin: Any, topics: list[Topic]) -> None:
    if not topics:
        return
    found = {
        described["topic"]: len(described["partitions"])
        for described in await admin.describe_topics([topic.name for topic in topics])
    }
    for topic in topics:
        if found[topic.name] != topic.partitions:
            raise StackError(
                "TOPIC_PARTITIONS",
                f"topic {topic.name} has {found[topic.name]} partitions, its topic file says {topic.partitions}: "
                "change one of them.",
            )


def _setting(value: object) -> str:
    """Return a YAML value as Kafka writes it: `true`, not `True`."""
    return str(value).lower() if isinstance(value, bool) else str(value)
