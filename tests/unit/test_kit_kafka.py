"""What every Kafka client of ours asks of the brokers."""

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.metadata import MetadataRequest_v5

from services.kit import kafka


async def test_asking_about_a_topic_does_not_create_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert kafka.REQUEST_TIMEOUT_MS
    asked: list[Any] = []

    async def send(request: Any) -> None:
        asked.append(request)
        raise KafkaConnectionError

    async def connection(*_: Any) -> Any:
        return SimpleNamespace(send=send)

    client = AIOKafkaClient(bootstrap_servers="127.0.0.1:1")
    monkeypatch.setattr(client, "_conns", {("bootstrap", ConnectionGroup.DEFAULT): None})
    monkeypatch.setattr(client, "_get_conn", connection)
    await client._metadata_update(client.cluster, ["no.such.topic"])
    [request] = asked
    built = request.build(MetadataRequest_v5)
    assert built.topics == ["no.such.topic"]
    assert built.allow_auto_topic_creation is False
