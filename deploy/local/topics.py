"""Creates the topics that the topic files describe, and leaves existing ones as they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import for_code

from deploy.local.errors import StackError
from schemas.topic_files import Topic, TopicFileError, read_topics

REPLICATION_MAX = 3
TIMEOUT_MS = 30_000
TOPIC_EXISTS = 36  # Kafka's error code TOPIC_ALREADY_EXISTS


async def create_topics(bootstrap_servers: str, topics: Iterable[Topic] | None = None) -> list[str]:
    """Create the topics that do not exist yet, by default those of the topic files; return their names.

    Raises StackError TOPIC_FILE_BAD, TOPIC_REFUSED, or TOPIC_PARTITIONS when an existing topic has another number of
    partitions.
    """
    wanted = _read_files() if topics is None else list(topics)
    admin: Any = AIOKafkaAdminClient(
        bootstrap_servers=bootstrap_servers.split(","), request_timeout_ms=TIMEOUT_MS
    )
    await admin.start()
    try:
        existing = set(await admin.list_topics())
        missing = [topic for topic in wanted if topic.topic not in existing]
        if missing:
            brokers = len((await admin.describe_cluster())["brokers"])
            await _create(admin, missing, replication=min(REPLICATION_MAX, brokers))
        await _check_partitions(admin, [topic for topic in wanted if topic.topic in existing])
    finally:
        await admin.close()
    return [topic.topic for topic in missing]


async def _create(admin: Any, topics: list[Topic], replication: int) -> None:
    answer = await admin.create_topics(
        [
            NewTopic(topic.topic, topic.partitions, replication, topic_configs=broker_config(topic))
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
        for described in await admin.describe_topics([topic.topic for topic in topics])
    }
    for topic in topics:
        if found[topic.topic] != topic.partitions:
            raise StackError(
                "TOPIC_PARTITIONS",
                f"topic {topic.topic} has {found[topic.topic]} partitions, its topic file says {topic.partitions}: "
                "change one of them.",
            )


def broker_config(topic: Topic) -> dict[str, str]:
    """Return a topic's settings as Kafka names them."""
    return {
        "cleanup.policy": topic.cleanup,
        "retention.ms": str(topic.retention_ms),
        "max.message.bytes": str(topic.max_message_bytes),
        **topic.config,
    }


def _read_files() -> list[Topic]:
    try:
        return list(read_topics().values())
    except TopicFileError as reason:
        raise StackError("TOPIC_FILE_BAD", f"{reason}.") from reason
