"""Whatever bytes a sender writes to the log, the consumer gets past them or says why not."""

import asyncio
import json
import time
from collections.abc import Sequence

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from services.kit import unreadable
from services.kit.consume import Consumer
from services.kit.errors import Stop
from tests.conftest import Topics
from tests.integration.kit_tally import EVENTUALLY_SECONDS, Bench, bench

__all__ = ["bench"]


async def test_bad_headers_and_a_hostile_reply_to_harm_nobody(bench: Bench, topic: Topics) -> None:
    victim = await topic("victim", partitions=1)
    await bench.send({"n": 1}, headers=[("reply_to", victim.encode())])
    await bench.send({"n": 2}, headers=[("h", b"\xff\xfe"), ("x", None)])
    await bench.send({"n": 3})
    async with bench.running():
        await bench.until_stored(3)
    assert await bench.numbers() == [1, 2, 3]
    consumer = AIOKafkaConsumer(bootstrap_servers=bench.stack.bootstrap_servers)
    await consumer.start()
    assert await consumer.end_offsets([TopicPartition(victim, 0)]) == {TopicPartition(victim, 0): 0}
    await consumer.stop()


async def _send_raw_batch(bench: Bench, records: Sequence[tuple[bytes, bytes]]) -> None:
    """Write one record batch by hand: (value, header name) each; names need not be UTF-8."""

    class Name:
        def __init__(self, name: bytes) -> None:
            self._name = name

        def encode(self, _: str) -> bytes:
            return self._name

    builder = _DefaultRecordBatchBuilderPy(
        magic=2, compression_type=0, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=-1,
        batch_size=1_000_000,
    )  # fmt: skip
    for n, (value, name) in enumerate(records):
        assert builder.append(n, int(time.time() * 1000), b"k", value, [(Name(name), b"v")]) is not None
    await _produce(bench, bytes(builder.build()))


async def _produce(bench: Bench, batch: bytes) -> None:
    client = bench.producer.client
    topic = bench.handler.topics[0]
    await bench.producer.partitions_for(topic)  # so that the client knows it
    while (node := client.cluster.leader_for_partition(TopicPartition(topic, 0))) in (None, -1):
        await client.force_metadata_update()
    response = await client.send(node, ProduceRequest(None, -1, 10_000, [(topic, [(0, batch)])]))
    assert response.topics[0][1][0][1] == 0, response


@pytest.mark.parametrize("place", [0, 3, 7])
async def test_a_record_the_client_cannot_read_is_stepped_over(bench: Bench, place: int) -> None:
    await bench.send({"n": 100})
    names = [b"\xff\xfe" if n == place else b"fine" for n in range(8)]
    await _send_raw_batch(bench, [(json.dumps({"n": n}).encode(), name) for n, name in enumerate(names)])
    async with bench.running():
        [letter] = await bench.read(bench.handler.dlq_topic, 1)
        await bench.until_stored(9)
    headers = dict(letter.headers)
    assert headers["dlq_code"] == b"UNREADABLE"
    assert headers["dlq_offset"] == str(place + 1).encode()
    assert letter.value == b""
    assert await bench.numbers() == [100, *(n for n in range(8) if n != place)]


async def test_a_record_without_key_and_value_becomes_a_dead_letter(bench: Bench) -> None:
    await bench.producer.send_and_wait(bench.handler.topics[0], b"", partition=0)
    client_side_null = _DefaultRecordBatchBuilderPy(
        magic=2, compression_type=0, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=-1,
        batch_size=1_000,
    )  # fmt: skip
    client_side_null.append(0, int(time.time() * 1000), None, None, [])
    await _produce(bench, bytes(client_side_null.build()))
    async with bench.running():
        letters = await bench.read(bench.handler.dlq_topic, 2)
    assert [dict(letter.headers).get("dlq_value") for letter in letters] == [None, b"null"]


async def test_a_broken_batch_too_long_to_step_over_stops_the_service_instead_of_being_fetched_for_ever(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def validate_crc(batch: unreadable._Batch) -> bool:
        batch._intact = False  # the broker takes no batch that is broken on arrival
        return True

    monkeypatch.setattr(unreadable._Batch, "validate_crc", validate_crc)
    monkeypatch.setattr(unreadable, "_BATCH_RECORDS_MAX", 7)
    await _send_raw_batch(bench, [(b"{}", b"h")] * 8)
    with pytest.raises(ExceptionGroup) as failure:
        async with asyncio.timeout(EVENTUALLY_SECONDS):
            await Consumer(bench.settings, bench.pool, bench.handler, group=bench.group).run()
    assert failure.group_contains(Stop, match="LOG_UNREADABLE")
    assert (await bench.offsets())[0] == 0
