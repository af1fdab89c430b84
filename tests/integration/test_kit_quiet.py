"""A partition that falls quiet behind a transaction's marker outlives retention; a hole is not taken for a marker."""

import asyncio
from collections.abc import Sequence

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from services.kit import quiet, watch
from services.kit.consume import Consumer
from services.kit.errors import Stop
from tests.integration.kit_tally import EVENTUALLY_SECONDS, Bench, bench

__all__ = ["bench"]


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_LOOK_SECONDS", 0.1)
    monkeypatch.setattr(quiet, "_QUIET_SECONDS", 0.3)


async def _transact(bench: Bench, numbers: Sequence[int], *, abort: bool = False) -> None:
    """One Kafka transaction on partition 0; its marker takes one more offset."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bench.stack.bootstrap_servers, transactional_id=f"tx.{bench.group}"
    )
    await producer.start()
    await producer.begin_transaction()
    for n in numbers:
        await producer.send_and_wait(bench.handler.topics[0], b'{"n": %d}' % n, key=b"k", partition=0)
    await (producer.abort_transaction() if abort else producer.commit_transaction())
    await producer.stop()


async def _retain_from(bench: Bench, offset: int) -> None:
    """What retention does: the log begins at `offset`."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bench.stack.bootstrap_servers)
    await admin.start()
    partition = TopicPartition(bench.handler.topics[0], 0)
    await admin.delete_records({partition: RecordsToDelete(before_offset=offset)})
    await admin.close()


async def _outcomes(bench: Bench) -> tuple[str, str]:
    row = await bench.pool.fetchrow(
        "SELECT range_agg(applied)::text AS applied, range_agg(control)::text AS control FROM batch"
    )
    assert row is not None
    return row["applied"], row["control"]


async def test_a_service_starts_again_after_retention_has_emptied_a_quiet_partition(bench: Bench) -> None:
    await _transact(bench, [0, 1, 2])
    async with bench.running():
        await bench.until_stored(4)
    await _retain_from(bench, 4)
    async with bench.running():
        await bench.send({"n": 3})
        await bench.until_stored(5)
    assert await bench.numbers() == [0, 1, 2, 3]
    assert await _outcomes(bench) == ("{[0,3),[4,5)}", "{[3,4)}")


async def test_a_running_service_goes_on_after_retention_has_emptied_a_quiet_partition(bench: Bench) -> None:
    async with bench.running():
        await _transact(bench, [0])
        await _transact(bench, [1, 2], abort=True)
        await bench.until_stored(5)
        await _retain_from(bench, 5)
        await _transact(bench, [3])
        await bench.until_stored(7)
    assert await bench.numbers() == [0, 3]
    assert await _outcomes(bench) == ("{[0,1),[5,6)}", "{[1,5),[6,7)}")


async def test_what_another_owner_has_claimed_is_not_passed_over(bench: Bench) -> None:
    async with bench.running() as consumer:
        await bench.send({"n": 0})
        await bench.until_stored(1)
        await bench.pool.execute("UPDATE consumer_position SET epoch = epoch + 1")
        [position] = [p for p in consumer._assignment.positions if p.partition.partition == 0]
        await _transact(bench, [], abort=True)
        await _transact(bench, [1], abort=True)
        async with asyncio.timeout(EVENTUALLY_SECONDS):
            while not position.lost:
                await asyncio.sleep(0.05)
        assert (await bench.offsets())[0] == 1


async def test_a_hole_at_the_end_of_the_log_stops_the_service_before_the_next_record_comes(
    bench: Bench,
) -> None:
    await bench.send({"n": 0})
    consumer = Consumer(bench.settings, bench.pool, bench.handler, group=bench.group)
    running = asyncio.create_task(consumer.run())
    await bench.until_stored(1)
    assert consumer._consumer is not None
    partition = TopicPartition(bench.handler.topics[0], 0)
    consumer._consumer.pause(partition)
    await asyncio.sleep(1)  # a fetch under way ends
    await bench.send(*({"n": n} for n in range(1, 10)))
    await _retain_from(bench, 10)
    consumer._consumer.resume(partition)
    with pytest.raises(ExceptionGroup) as failure:
        await asyncio.wait_for(running, EVENTUALLY_SECONDS)
    assert failure.group_contains(Stop, match="OFFSET_LOST")
    assert await bench.numbers() == [0]
    assert (await bench.offsets())[0] == 1
