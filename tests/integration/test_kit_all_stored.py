"""Whether everything in the log is stored is asked of all partitions, whoever holds them."""

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from deploy.local.stack import Stack
from services.kit.watch import all_stored
from tests.conftest import Database, Topics


async def test_all_is_stored_when_at_most_a_transaction_s_marker_remains(
    stack: Stack, database: Database, topic: Topics
) -> None:
    name = await topic("all-stored", partitions=2)
    pool = await asyncpg.create_pool(await database("ledger"), min_size=0, max_size=2)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=stack.bootstrap_servers, isolation_level="read_committed", enable_auto_commit=False
    )
    await consumer.start()
    consumer.assign([TopicPartition(name, 0)])
    producer = AIOKafkaProducer(bootstrap_servers=stack.bootstrap_servers, transactional_id=f"test-{name}")
    await producer.start()

    async def store(partition: int, next_offset: int) -> None:
        await pool.execute(
            """INSERT INTO consumer_position (topic, partition, cluster_id, epoch, first_offset, next_offset)
               VALUES ($1, $2, 'c', 1, 0, $3)
               ON CONFLICT (topic, partition) DO UPDATE SET next_offset = excluded.next_offset""",
            name,
            partition,
            next_offset,
        )

    try:
        assert await all_stored(consumer, pool, [name])
        async with producer.transaction():
            for partition in (0, 0, 1):
                await producer.send_and_wait(name, b"x", partition=partition)
        assert not await all_stored(consumer, pool, [name])
        await store(0, 2)
        assert not await all_stored(
            consumer, pool, [name]
        )  # the other partition is somebody else's, and behind
        await store(1, 1)
        assert await all_stored(consumer, pool, [name])
        async with producer.transaction():
            await producer.send_and_wait(name, b"x", partition=1)
        assert not await all_stored(consumer, pool, [name])
    finally:
        await producer.stop()
        await consumer.stop()
        await pool.close()
