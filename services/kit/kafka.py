"""How to reach Kafka: the connection options that consumer, producer and admin client share."""

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import Any

import aiokafka.client
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.helpers import create_ssl_context
from aiokafka.protocol.metadata import MetadataRequest
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from services.kit.errors import Stop
from services.kit.settings import ServiceSettings

REQUEST_TIMEOUT_MS = 20_000
# Whoever asks about a topic asks brokers to create it, unless told not to; the client's producer never says so.
aiokafka.client.MetadataRequest = partial(MetadataRequest, allow_auto_topic_creation=False)
_ANSWER_SECONDS_MAX = 10.0


def connection_options(settings: ServiceSettings) -> dict[str, Any]:
    """Settings → keyword arguments of every aiokafka client."""
    options: dict[str, Any] = {
        # A list: some layers take "a:1,b:2" for one host.
        "bootstrap_servers": [s.strip() for s in settings.kafka_bootstrap_servers.split(",") if s.strip()],
        "security_protocol": settings.kafka_security_protocol,
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
    }
    if settings.kafka_security_protocol.endswith("SSL"):
        options["ssl_context"] = create_ssl_context(
            cafile=_text(settings.kafka_ssl_cafile),
            certfile=_text(settings.kafka_ssl_certfile),
            keyfile=_text(settings.kafka_ssl_keyfile),
        )
    if settings.kafka_security_protocol.startswith("SASL"):
        options |= {
            "sasl_mechanism": settings.kafka_sasl_mechanism,
            "sasl_plain_username": settings.kafka_sasl_username,
            "sasl_plain_password": settings.kafka_sasl_password.get_secret_value(),
        }
    return options


async def look_at_cluster(settings: ServiceSettings, topics: Iterable[str]) -> str:
    """Ask the brokers once: the cluster's id. Raises Stop `TOPIC_MISSING`: topics are never created at run time."""
    admin = AIOKafkaAdminClient(**connection_options(settings))
    await admin.start()
    try:
        missing = sorted(set(topics) - set(await admin.list_topics()))
        cluster = await admin.describe_cluster()
    finally:
        await admin.close()
    if missing:
        raise Stop("TOPIC_MISSING", f"create the topics first: {', '.join(missing)}")
    return str(cluster["cluster_id"])


async def answers(settings: ServiceSettings) -> bool:
    """Do the brokers answer a client that has nothing to do with ours, within ten seconds?"""
    try:
        async with asyncio.timeout(_ANSWER_SECONDS_MAX):
            await look_at_cluster(settings, [])
    except (KafkaError, OSError, TimeoutError):
        return False
    return True


async def committed_metadata(settings: ServiceSettings, group: str) -> list[str]:
    """What was kept beside the group's committed offsets."""
    admin = AIOKafkaAdminClient(**connection_options(settings))
    await admin.start()
    try:
        found = await admin.list_consumer_group_offsets(group)
    finally:
        await admin.close()
    return [committed.metadata for committed in found.values()]


def partitions_of(consumer: AIOKafkaConsumer, topics: Iterable[str]) -> list[TopicPartition]:
    """Every partition of these topics, as the connected client knows them."""
    return [
        TopicPartition(topic, number)
        for topic in topics
        for number in consumer.partitions_for_topic(topic) or ()
    ]


def faststream_options(settings: ServiceSettings) -> dict[str, Any]:
    """Settings → the same, as FastStream's broker wants it."""
    options = connection_options(settings)
    ssl_context = options.get("ssl_context")
    user, password = options.get("sasl_plain_username", ""), options.get("sasl_plain_password", "")
    security: BaseSecurity | None = None
    if "sasl_mechanism" in options:
        sasl = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}
        security = sasl[options["sasl_mechanism"]](
            username=user, password=password, ssl_context=ssl_context, use_ssl=ssl_context is not None
        )
    elif ssl_context is not None:
        security = BaseSecurity(ssl_context=ssl_context, use_ssl=True)
    return {
        "bootstrap_servers": options["bootstrap_servers"],
        "request_timeout_ms": options["request_timeout_ms"],
        "security": security,
    }


def _text(path: object) -> str | None:
    return None if path is None else str(path)
