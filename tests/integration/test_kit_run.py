"""One process of a service: how it refuses to start, answers, rides out trouble, and ends."""

import asyncio
import json
import signal

import pytest

from tests.integration.kit_process import Place, Tiny, place

__all__ = ["place"]

# A member that died is thrown out of the group after ten seconds; the drain is bounded by fifteen.
SESSION_SECONDS = 10
DRAIN_SECONDS_MAX = 15

# --- how it does not start ----------------------------------------------------------------------------------------


async def test_without_its_settings_it_says_which_are_missing_and_ends(place: Place) -> None:
    code, text = await place.run("serve", DATABASE_URL=None, TOPIC_IN=None)
    assert code == 78
    assert text.startswith("tiny: CONFIG_MISSING: ")
    assert "DATABASE_URL" in text
    assert "TOPIC_IN" in text
    assert "KAFKA" not in text


async def test_it_does_not_serve_a_schema_it_does_not_know(place: Place) -> None:
    code, text = await place.run("serve")
    assert code == 70
    assert "SCHEMA_UNKNOWN" in text
    assert "migrate" in text
    assert (await place.run("migrate"))[0] == 0
    await place.execute("INSERT INTO schema_migration VALUES ('tiny', 2, 'later', 'digest')")
    code, text = await place.run("serve")
    assert code == 70
    assert "this code lacks" in text


async def test_it_warns_of_the_digest_key_that_everybody_knows(place: Place) -> None:
    _, text = await place.run("serve", DIGEST_KEY=None)
    assert "DIGEST_KEY" in text
    assert "development-only" not in text
    _, text = await place.run("serve", DIGEST_KEY="canary")
    assert "DIGEST_KEY" not in text
    assert "canary" not in text


async def test_it_does_not_serve_without_its_topics(place: Place) -> None:
    assert (await place.run("migrate"))[0] == 0
    code, text = await place.run("serve", TOPIC_IN="no.such.topic")
    assert code == 70
    assert "TOPIC_MISSING" in text
    assert "no.such.topic" in text


@pytest.mark.parametrize(
    "change", [{"DATABASE_URL": "postgresql://u:canary@127.0.0.1:1/d"}], ids=["unreachable"]
)
async def test_migrating_a_database_that_is_not_there_fails_in_one_line(
    place: Place, change: dict[str, str]
) -> None:
    code, text = await place.run("migrate", **change)
    assert code == 70
    assert text.count("\n") == 1
    assert "DATABASE_UNREACHABLE" in text
    assert "canary" not in text


async def test_a_fault_of_ours_ends_it_with_class_and_place_but_no_message(place: Place) -> None:
    assert (await place.run("migrate"))[0] == 0
    code, text = await place.run("serve", CRASH="true")
    assert code == 1
    assert "CRASHED: LookupError at __main__.py:" in text
    assert "canary" not in text
    assert "Traceback" not in text


# --- how it serves ------------------------------------------------------------------------------------------------


async def test_it_answers_what_operators_ask(place: Place) -> None:
    assert (await place.run("migrate"))[0] == 0
    assert (await place.run("migrate"))[0] == 0
    async with place.start("serve") as tiny:
        await tiny.until_status("/readyz/consumer", 200)
        assert (await tiny.get("/livez"))[0] == 200
        assert (await tiny.get("/readyz"))[0] == 200
        assert json.loads((await tiny.get("/version"))[1])["service"] == "tiny"
        await place.send(0, 20)
        await place.until_counted(20)
        status, text = await tiny.get("/metrics")
        assert status == 200
        assert f'waystone_records_total{{outcome="applied",topic="{place.environ["TOPIC_IN"]}"}} 20.0' in text
        status, text = await tiny.get("/nothing")
        assert status == 404
        assert json.loads(text)["code"] == "NOT_FOUND"


async def test_it_is_ready_on_a_newer_schema_but_not_on_one_that_lacks_something(place: Place) -> None:
    assert (await place.run("migrate"))[0] == 0
    async with place.start("serve") as tiny:
        await tiny.until_status("/readyz", 200)
        await place.execute("INSERT INTO schema_migration VALUES ('tiny', 2, 'later', 'digest')")
        assert (await tiny.get("/readyz"))[0] == 200
        await place.execute("DELETE FROM schema_migration WHERE component = 'tiny' AND number = 1")
        assert (await tiny.get("/readyz"))[0] == 503


async def test_it_lives_on_without_postgres_says_so_and_goes_on_with_it(place: Place) -> None:
    assert (await place.run("migrate"))[0] == 0
    async with place.start("serve") as tiny:
        await place.send(0, 50)
        await place.until_counted(50)
        await place.stack.embedded_postgres.kill()
        try:
            await place.send(50, 50)
            await tiny.until_status("/readyz", 503)
            assert (await tiny.get("/livez"))[0] == 200
        finally:
            await place.stack.embedded_postgres.start()
        await tiny.until_status("/readyz", 200)
        await place.until_counted(100)
        await place.assert_consistent()
        assert tiny.process.returncode is None


async def test_a_broker_that_dies_neither_ends_it_nor_floods_its_log(place: Place) -> None:
    assert (await place.run("migrate"))[0] == 0
    async with place.start("serve") as tiny:
        await place.send(0, 50)
        await place.until_counted(50)
        before = len(tiny.lines)
        await place.stack.embedded_kafka.kill_broker(1)
        try:
            await asyncio.sleep(6)
            assert (await tiny.get("/readyz"))[0] == 200
            said = tiny.lines[before:]
        finally:
            await place.stack.embedded_kafka.start_broker(1)
        assert said
        assert len(said) < 60  # hundreds a second, were they let through
        await place.send(50, 50)
        await place.until_counted(100)
        await place.assert_consistent()
        assert tiny.process.returncode is None


# --- how it ends --------------------------------------------------------------------------------------------------


async def _terminate(tiny: Tiny) -> int:
    tiny.process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(
        DRAIN_SECONDS_MAX + 5
    ):  # the supervisor's patience; ended by force it exits with 70
        return await tiny.process.wait()


async def test_asked_to_end_under_load_it_stores_and_publishes_what_it_fetched(place: Place) -> None:
    assert (await place.run("migrate"))[0] == 0
    async with place.start("serve", BATCH_RECORDS_MAX="50") as tiny:
        await place.send(0, 20_000)
        await place.until_counted(100)
        assert await _terminate(tiny) == 0
        assert tiny.said("draining")
    await place.assert_consistent()
    assert await place.execute("SELECT count(*) FROM outbox") == 0
    async with place.start("serve"):
        await place.until_counted(20_000)
    await place.assert_consistent()


async def test_asked_to_end_without_postgres_it_ends_all_the_same(place: Place) -> None:
    assert (await place.run("migrate"))[0] == 0
    async with place.start("serve") as tiny:
        await place.send(0, 50)
        await place.until_counted(50)
        await place.stack.embedded_postgres.kill()
        try:
            await place.send(50, 50)
            await tiny.until(lambda: bool(tiny.said("waiting for the database")))
            assert await _terminate(tiny) == 0
        finally:
            await place.stack.embedded_postgres.start()
    async with place.start("serve"):
        await place.until_counted(100)
    await place.assert_consistent()


async def test_asked_to_end_while_it_waits_for_kafka_it_ends(place: Place) -> None:
    assert (await place.run("migrate"))[0] == 0
    async with place.start("serve", KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1") as tiny:
        await tiny.until(lambda: bool(tiny.said("waiting for Kafka")))
        assert (await tiny.get("/livez"))[0] == 200
        assert (await tiny.get("/readyz/consumer"))[0] == 503
        assert await _terminate(tiny) == 0


async def test_killed_and_started_again_it_has_its_partitions_back_before_its_session_ends(
    place: Place,
) -> None:
    assert (await place.run("migrate"))[0] == 0
    async with place.start("serve") as tiny:
        await place.send(0, 50)
        await place.until_counted(50)
        tiny.process.kill()
        await tiny.process.wait()
    await place.send(50, 50)
    async with place.start("serve"):
        await place.until_counted(100, SESSION_SECONDS)
    await place.assert_consistent()
