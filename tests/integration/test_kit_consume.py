"""A batch is one transaction: what the consumer promises, on a real broker and a real database."""

import asyncio
import json
from secrets import token_hex

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from services.kit.consume import Consumer
from services.kit.errors import Stop
from tests.conftest import Topics
from tests.integration.kit_tally import EVENTUALLY_SECONDS, Bench, bench

__all__ = ["bench"]


async def test_records_are_stored_once_with_an_outcome_for_every_offset(bench: Bench) -> None:
    await bench.send(*({"n": n} for n in range(50)))
    async with bench.running():
        await bench.until_stored(50)
    assert await bench.numbers() == list(range(50))
    row = await bench.pool.fetchrow("SELECT range_agg(applied) AS applied FROM batch")
    assert row is not None
    assert [(r.lower, r.upper) for r in row["applied"]] == [(0, 50)]


async def test_a_restart_goes_on_where_the_database_stands_whatever_kafka_remembers(bench: Bench) -> None:
    await bench.send(*({"n": n} for n in range(10)))
    async with bench.running():
        await bench.until_stored(10)
    ahead = AIOKafkaConsumer(bootstrap_servers=bench.stack.bootstrap_servers, group_id=bench.group)
    await ahead.start()
    ahead.assign([TopicPartition(bench.handler.topics[0], 0)])
    await bench.send(*({"n": n} for n in range(10, 20)))
    await ahead.commit({TopicPartition(bench.handler.topics[0], 0): 20})
    await ahead.stop()
    async with bench.running():
        await bench.until_stored(20)
    assert await bench.numbers() == list(range(20))


async def test_an_older_owner_cannot_write_after_another_has_claimed_the_partition(bench: Bench) -> None:
    await bench.send({"n": 1})
    async with bench.running():
        await bench.until_stored(1)
        await bench.pool.execute("UPDATE consumer_position SET epoch = epoch + 1")
        await bench.send({"n": 2})
        await asyncio.sleep(1)
    assert await bench.numbers() == [1]
    async with bench.running():
        await bench.until_stored(2)
    assert await bench.numbers() == [1, 2]


async def test_a_commit_whose_answer_was_lost_is_not_repeated(bench: Bench) -> None:
    """The stored offset has moved on under the same epoch: the batch is there already."""
    await bench.send({"n": 1})
    async with bench.running():
        await bench.until_stored(1)
        await bench.pool.execute("UPDATE consumer_position SET next_offset = 2 WHERE partition = 0")
        await bench.send({"n": 2}, {"n": 3})
        await bench.until_stored(3)
    assert await bench.numbers() == [1, 3]


async def test_a_stored_offset_outside_the_log_stops_the_service_with_a_clear_message(bench: Bench) -> None:
    await bench.send({"n": 1})
    async with bench.running():
        await bench.until_stored(1)
    await bench.pool.execute("UPDATE consumer_position SET next_offset = 1000 WHERE partition = 0")
    with pytest.raises(ExceptionGroup) as failure:
        async with asyncio.timeout(EVENTUALLY_SECONDS):
            await Consumer(bench.settings, bench.pool, bench.handler, group=bench.group).run()
    assert failure.group_contains(Stop, match="OFFSET_LOST")


async def test_positions_of_another_kafka_cluster_stop_the_service(bench: Bench) -> None:
    await bench.send({"n": 1})
    async with bench.running():
        await bench.until_stored(1)
    await bench.pool.execute("UPDATE consumer_position SET cluster_id = 'another'")
    with pytest.raises(ExceptionGroup) as failure:
        async with asyncio.timeout(EVENTUALLY_SECONDS):
            await Consumer(bench.settings, bench.pool, bench.handler, group=bench.group).run()
    assert failure.group_contains(Stop, match="CLUSTER_CHANGED")


async def test_what_a_batch_emits_is_published_in_order_and_leaves_the_outbox(
    bench: Bench, topic: Topics
) -> None:
    bench.handler.out_topic = await topic("out", partitions=1)
    await bench.send(*({"n": n} for n in range(200)))
    async with bench.running():
        published = await bench.read(bench.handler.out_topic, 200)
        async with asyncio.timeout(EVENTUALLY_SECONDS):
            while await bench.pool.fetchval("SELECT count(*) FROM outbox"):
                await asyncio.sleep(0.05)
    assert [json.loads(record.value)["n"] for record in published] == list(range(200))
    assert published[0].headers == (("h", b"v"),)


async def test_an_outgoing_record_the_broker_refuses_is_set_aside_and_blocks_nothing(
    bench: Bench, topic: Topics
) -> None:
    bench.handler.out_topic = await topic("small", partitions=1, **{"max.message.bytes": "2000"})
    await bench.send({"n": 1}, {"n": 2, "word": token_hex(2500)}, {"n": 3})
    async with bench.running():
        published = await bench.read(bench.handler.out_topic, 2)
        async with asyncio.timeout(EVENTUALLY_SECONDS):
            while not await bench.pool.fetchval("SELECT count(*) FROM outbox_aside"):
                await asyncio.sleep(0.05)
    assert [json.loads(record.value)["n"] for record in published] == [1, 3]


async def test_a_member_that_joins_takes_over_partitions_and_nothing_is_doubled(bench: Bench) -> None:
    await bench.send(*({"n": n} for n in range(100)), partition=0)
    await bench.send(*({"n": n} for n in range(100, 200)), partition=1)
    async with bench.running(group_instance_id="a"):
        await bench.until_stored(50)
        async with bench.running(group_instance_id="b"):
            await bench.send(*({"n": n} for n in range(200, 300)), partition=0)
            await bench.send(*({"n": n} for n in range(300, 400)), partition=1)
            await bench.until_stored(200, 0)
            await bench.until_stored(200, 1)
    assert sorted(await bench.numbers()) == list(range(400))


async def test_topics_to_be_read_first_are_read_to_their_end_before_the_others(
    bench: Bench, topic: Topics
) -> None:
    first = await topic("first", partitions=2)
    await bench.send(*({"n": n} for n in range(100, 150)))
    for n in range(50):
        await bench.producer.send(first, json.dumps({"n": n}).encode(), key=b"k", partition=n % 2)
    await bench.producer.flush()
    bench.handler.topics = [*bench.handler.topics, first]
    bench.handler.read_first = [[first]]
    async with bench.running(batch_records_max=10):
        async with asyncio.timeout(EVENTUALLY_SECONDS):
            while len(await bench.numbers()) < 100:
                await asyncio.sleep(0.05)
    numbers = await bench.numbers()
    assert set(numbers[:50]) == set(range(50))
    assert set(numbers[50:]) == set(range(100, 150))


async def test_draining_stores_what_was_fetched(bench: Bench) -> None:
    await bench.send(*({"n": n} for n in range(500)))
    async with bench.running(batch_records_max=50) as consumer:
        await bench.until_stored(50)
        await consumer.drain()
        stored = len(await bench.numbers())
        assert stored == (await bench.offsets())[0]
        assert stored >= 50
