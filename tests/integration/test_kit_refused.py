"""What cannot be stored leaves by the dead-letter topic; what is our own fault stops the service instead."""

import asyncio
from typing import Any

import asyncpg
import pytest
from prometheus_client import REGISTRY

from services.kit import sql, writer
from services.kit.consume import Consumer
from services.kit.errors import Stop
from services.kit.run import create_pool
from tests.integration.kit_tally import EVENTUALLY_SECONDS, Bench, bench

__all__ = ["bench"]


async def test_a_refused_record_leaves_by_the_dead_letter_topic_with_its_bytes_untouched(
    bench: Bench,
) -> None:
    await bench.send({"n": 1}, b"{broken", {"n": 2, "wish": "refuse"}, {"n": 3, "wish": "ignore"}, {"n": 4})
    async with bench.running():
        letters = await bench.read(bench.handler.dlq_topic, 2)
    assert await bench.numbers() == [1, 4]
    assert letters[0].value == b"{broken"
    headers = dict(letters[0].headers)
    assert headers["dlq_code"] == b"DECODE_BAD"
    assert headers["dlq_offset"] == b"1"
    assert headers["dlq_attempts"] == b"1"
    assert dict(letters[1].headers)["dlq_code"] == b"RULE_NO"
    outcomes = await bench.pool.fetchrow(
        "SELECT range_agg(rejected)::text AS rejected, range_agg(ignored)::text AS ignored FROM batch"
    )
    assert outcomes is not None
    assert outcomes["rejected"] == "{[1,3)}"
    assert outcomes["ignored"] == "{[3,4)}"


@pytest.mark.parametrize("place", [0, 7, 15])
async def test_a_record_the_store_refuses_is_found_and_the_others_are_stored(
    bench: Bench, place: int
) -> None:
    values: list[dict[str, Any]] = [{"n": n} for n in range(16)]
    values[place] = {"n": 99_999}  # out of range for the column
    await bench.send(*values)
    async with bench.running():
        [letter] = await bench.read(bench.handler.dlq_topic, 1)
        await bench.until_stored(16)
    assert dict(letter.headers)["dlq_code"] == b"STORE_REFUSED"
    assert dict(letter.headers)["dlq_offset"] == str(place).encode()
    assert await bench.numbers() == [n for n in range(16) if n != place]


@pytest.mark.parametrize("values", [
    [{"n": 1}, {"wish": "crash"}, {"n": 2}],
    [{"wish": "crash"}, {"n": 1}, {"n": 2}],
    [{"wish": "crash"}, {"wish": "crash"}, {"n": 1}, {"n": 2}],
    [{"n": 1}, {"n": 2}, {"wish": "crash"}],
])  # fmt: skip
async def test_a_record_that_breaks_the_handler_is_refused_and_the_others_are_stored(
    bench: Bench, values: list[dict[str, Any]]
) -> None:
    await bench.send(*values)
    async with bench.running():
        letters = await bench.read(bench.handler.dlq_topic, len(values) - 2)
        await bench.until_stored(len(values))
    assert {dict(letter.headers)["dlq_code"] for letter in letters} == {b"HANDLER_FAILED"}
    assert await bench.numbers() == [1, 2]


async def _run_until_it_stops(bench: Bench, code: str) -> None:
    consumer = Consumer(bench.settings, bench.pool, bench.handler, group=bench.group)
    with pytest.raises(ExceptionGroup) as failure:
        async with asyncio.timeout(EVENTUALLY_SECONDS):
            await consumer.run()
    assert failure.group_contains(Stop, match=code)


@pytest.mark.parametrize("wish", ["crash", "hang up"])
async def test_a_handler_that_always_fails_stops_the_service_before_anything_is_refused(
    bench: Bench, wish: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_BACKOFF_SECONDS_MAX", 0.01)
    await bench.send(*({"wish": wish} for _ in range(100)))
    await _run_until_it_stops(bench, "HANDLER_BROKEN")
    assert set((await bench.offsets()).values()) == {0}
    assert await bench.pool.fetchval("SELECT count(*) FROM outbox") == 0


async def test_an_error_like_a_lost_connection_is_the_records_fault_if_others_go_through(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_BACKOFF_SECONDS_MAX", 0.01)
    await bench.send({"n": 1}, {"wish": "hang up"}, {"n": 2})
    async with bench.running():
        [letter] = await bench.read(bench.handler.dlq_topic, 1)
        await bench.until_stored(3)
    assert dict(letter.headers)["dlq_code"] == b"HANDLER_FAILED"
    assert await bench.numbers() == [1, 2]


async def test_a_wait_in_vain_is_never_a_records_fault(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_BACKOFF_SECONDS_MAX", 0.01)
    bench.handler.fail_with = [TimeoutError() for _ in range(3 * writer._STRANGE_FAILURES_MAX)]
    await bench.send({"n": 1}, {"n": 2}, {"n": 3})
    async with bench.running():
        await bench.until_stored(3)
    assert await bench.numbers() == [1, 2, 3]
    assert await bench.pool.fetchval("SELECT count(*) FROM outbox") == 0


async def test_a_lock_held_by_others_is_waited_for_by_trying_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_BACKOFF_SECONDS_MAX", 0.01)
    holder = await asyncpg.connect(bench.settings.database_url.get_secret_value())
    impatient = sql.SERVER_SETTINGS | {"lock_timeout": "20ms"}
    monkeypatch.setattr(sql, "SERVER_SETTINGS", impatient)
    pool = await create_pool(bench.settings)
    retries = "waystone_batch_retries_total", {"error": "LockNotAvailableError 55P03"}
    before = REGISTRY.get_sample_value(*retries) or 0
    async with holder.transaction():
        await holder.execute("LOCK TABLE tally")
        await bench.send({"n": 1})
        consumer = Consumer(bench.settings, pool, bench.handler, group=bench.group)
        running = asyncio.create_task(consumer.run())
        async with asyncio.timeout(EVENTUALLY_SECONDS):
            while (REGISTRY.get_sample_value(*retries) or 0) < before + 2 * writer._STRANGE_FAILURES_MAX:
                await asyncio.sleep(0.05)
    await bench.until_stored(1)
    assert await bench.numbers() == [1]
    running.cancel()
    await asyncio.wait([running])
    pool.terminate()
    await holder.close()


async def test_the_server_ends_what_we_do_not_come_back_to(bench: Bench) -> None:
    shown = {name: await bench.pool.fetchval(f"SHOW {name}") for name in sql.SERVER_SETTINGS}
    assert shown["lock_timeout"] == "10s"
    assert shown["idle_in_transaction_session_timeout"] == "1min"


async def test_of_records_that_come_alone_and_fail_one_is_refused_and_the_next_stops_the_service(
    bench: Bench,
) -> None:
    consumer = asyncio.create_task(
        Consumer(bench.settings, bench.pool, bench.handler, group=bench.group).run()
    )
    for offset in (1, 3):
        await bench.send({"wish": "crash"})
        await bench.until_stored(offset)
        await bench.send({"n": offset})  # the handler works after all
        await bench.until_stored(offset + 1)
    await bench.send({"wish": "crash"})
    await bench.until_stored(5)
    await bench.send({"wish": "crash"})
    with pytest.raises(ExceptionGroup) as failure:
        await asyncio.wait_for(consumer, EVENTUALLY_SECONDS)
    assert failure.group_contains(Stop, match="HANDLER_BROKEN")
    assert (await bench.offsets())[0] == 5


async def test_a_record_the_store_refuses_says_nothing_about_the_handler(bench: Bench) -> None:
    await bench.send({"wish": "crash"}, {"n": 99_999})
    async with bench.running():
        letters = await bench.read(bench.handler.dlq_topic, 2)
    codes = [dict(letter.headers)["dlq_code"] for letter in letters]
    assert codes == [b"HANDLER_FAILED", b"STORE_REFUSED"]


async def test_what_the_handler_was_only_tried_with_is_not_stored_twice(bench: Bench) -> None:
    await bench.send({"wish": "crash"}, *({"n": n} for n in range(30)))
    async with bench.running():
        await bench.until_stored(31)
    assert await bench.numbers() == list(range(30))
    row = await bench.pool.fetchrow("SELECT range_agg(applied)::text AS applied FROM batch")
    assert row is not None
    assert row["applied"] == "{[1,31)}"


async def test_a_deadlock_is_tried_again_and_loses_nothing(bench: Bench) -> None:
    bench.handler.fail_with = [asyncpg.DeadlockDetectedError("again"), asyncpg.SerializationError("again")]
    await bench.send({"n": 1}, {"n": 2})
    async with bench.running():
        await bench.until_stored(2)
    assert await bench.numbers() == [1, 2]
