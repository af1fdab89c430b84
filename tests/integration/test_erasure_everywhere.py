"""Erasure through the three services on one log: gone everywhere, nothing of others, and never back."""

import asyncio
import json
import os
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord

from deploy.local.stack import Stack
from services.cli.servers import SERVICES, partitions_of
from tests.integration.cli_rig import PATIENCE_SECONDS, event
from tests.integration.erasure_rig import (
    ADA,
    BEFORE,
    ERASED,
    GIVEN,
    OTHER,
    RECEIVED,
    LogHouse,
    databases,
    directory,
    later,
    story,
)

FORGETFUL = ("recognition.people.v1", "recognition.preferences.v1")
NOWHERE: dict[str, list[str]] = {service: [] for service in SERVICES}
_ASIDE = "INSERT INTO outbox_aside (topic, key, value, headers, code) VALUES ('t', $1, $2, '', 'TOO_LARGE')"


class Told:
    """The house after the erasure, how others stood before it, and a copy of the databases from before it."""

    def __init__(self, house: LogHouse, dump: dict[str, str]) -> None:
        self.house, self.dump = house, dump
        self.before: dict[str, list[str]] = {}
        self.after: dict[str, list[str]] = {}
        self.seen: dict[str, list[str]] = {}


@pytest_asyncio.fixture(scope="module")
async def told(stack: Stack) -> AsyncIterator[Told]:
    label = f"erasure_{os.getpid()}"
    names = await databases(stack, label)
    house = LogHouse(stack, {service: stack.database_url(name) for service, name in names.items()}, names)
    await house.start()
    await house.send(*story())
    await house.at_rest()
    for pool in house.pools.values():
        await pool.execute(_ASIDE, ADA.encode(), RECEIVED.encode())
        await pool.execute(_ASIDE, b"somebody", json.dumps({"to": [ADA], "deed": RECEIVED}).encode())
        await pool.execute(_ASIDE, b"somebody", json.dumps({"to": ["e-adam"], "deed": OTHER}).encode())
    await house.stop()
    found = Told(house, await databases(stack, f"{label}_dump", names))
    found.seen = await house.tables_with(RECEIVED)
    await house.start()
    found.before = await house.others()
    await house.send(event("erasure", "erase-ada", {"employee": ADA, "request": "case-1"}))
    await house.at_rest()
    found.after = await house.others()
    await house.send(*later())
    await house.at_rest()
    yield found
    await house.stop()
    admin = await asyncpg.connect(stack.database_url("postgres"))
    for name in (*names.values(), *found.dump.values()):
        await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await admin.close()


async def test_the_words_were_in_every_place_that_holds_words(told: Told) -> None:
    assert {"parked", "awaiting", "outbox_aside"} <= set(told.seen["recognition"])
    assert {"person", "outbox_aside"} <= set(told.seen["ledger"])
    assert any(table.startswith("words_") for table in told.seen["ledger"])
    assert {"person", "intent", "outbox_aside"} <= set(told.seen["notifier"])


async def test_after_an_erasure_the_words_are_in_no_table_of_any_service(told: Told) -> None:
    assert await told.house.tables_with(RECEIVED) == NOWHERE


async def test_other_people_are_unchanged_and_words_given_stay(told: Told) -> None:
    for what, rows in told.before.items():
        assert told.after[what] == rows, what
    kept = await told.house.tables_with(GIVEN)
    assert any(table.startswith("words_") for table in kept["ledger"])
    assert "intent" in kept["notifier"]
    assert "outbox_aside" in (await told.house.tables_with(OTHER))["ledger"]


async def test_former_ids_are_erased_in_all_three_services(told: Told) -> None:
    pools = told.house.pools
    erased = await pools["recognition"].fetch("SELECT employee FROM person WHERE erased ORDER BY 1")
    assert [row["employee"] for row in erased] == sorted(ERASED)
    erased = await pools["ledger"].fetch("SELECT employee FROM erasure ORDER BY 1")
    assert [row["employee"] for row in erased] == sorted(ERASED)
    erased = await pools["notifier"].fetch("SELECT employee FROM person WHERE erased IS NOT NULL ORDER BY 1")
    assert [row["employee"] for row in erased] == sorted(ERASED)


async def test_the_receipt_is_complete_with_all_three_and_names_the_last_day(told: Told) -> None:
    receipt = await told.house.receipt(ADA)
    assert receipt is not None
    assert (receipt.complete, receipt.former_ids) == (True, [BEFORE])
    assert receipt.last_day is not None
    assert receipt.last_day == receipt.kafka_until
    gone = {one.service: one.gone for one in receipt.services}
    assert set(gone["recognition"]) == {
        "directory-record", "preferences", "skills", "parked-events", "waiting-withdrawals", "undelivered-records",
    }  # fmt: skip
    assert gone["ledger"].keys() == {"directory-record", "preferences", "words", "undelivered-records"}
    assert gone["notifier"].keys() == {"directory-record", "preferences", "words", "undelivered-records"}
    assert gone["ledger"]["words"] >= 12


async def test_later_events_about_the_erased_are_refused_and_others_go_on(told: Told) -> None:
    pool = told.house.pools["recognition"]
    accepted = "SELECT id FROM inbox WHERE digest IS NOT NULL AND (id LIKE '%-late%' OR id = 'note-fine')"
    assert [row["id"] for row in await pool.fetch(accepted)] == ["note-fine"]
    closed = "SELECT id FROM inbox WHERE closed ORDER BY id"
    assert [row["id"] for row in await pool.fetch(closed)] == ["deed-late", "note-late", "note-late-before"]


async def test_the_compacted_topics_are_told_to_forget(told: Told) -> None:
    for topic in FORGETFUL:
        newest = await newest_of(told.house, topic)
        assert [newest.get(employee.encode()) for employee in ERASED] == [None, None], topic
        assert newest[b"e-bo"] is not None


async def test_tombstones_of_the_erased_are_ignored_wherever_they_come_late(told: Told) -> None:
    written = await tombstones(told.house)
    assert {key for _, key in written.values()} == {employee.encode() for employee in ERASED}
    for service in SERVICES:
        assert await outcomes(told.house, service, written) <= {"ignored", "applied"}, service
    assert await outcomes(told.house, "recognition", written) == {"ignored"}


async def test_a_tombstone_before_the_erasure_takes_the_record_and_leaves_the_erasure_its_work(
    told: Told,
) -> None:
    gone = "e-gone"
    before = set(await tombstones(told.house))
    await told.house.send(
        directory(gone, GIVEN), event("preferences", "wishes-gone", {"employee": gone, "celebrate": "team"})
    )
    await told.house.at_rest()
    producer = AIOKafkaProducer(**told.house.kafka)
    await producer.start()
    for topic in FORGETFUL:
        await producer.send_and_wait(topic, None, gone.encode())
    await producer.stop()
    await told.house.at_rest()
    first = {place: at for place, at in (await tombstones(told.house)).items() if place not in before}
    await told.house.send(event("erasure", "erase-gone", {"employee": gone}))
    await told.house.at_rest()
    later = {
        place: at
        for place, at in (await tombstones(told.house)).items()
        if place not in before and place not in first
    }
    assert (len(first), len(later)) == (2, 2)
    for service in SERVICES:
        assert await outcomes(told.house, service, first) == {"applied"}, service
        assert await outcomes(told.house, service, later) == {"ignored"}, service
    receipt = await told.house.receipt(gone)
    assert receipt is not None
    assert receipt.complete


Places = dict[tuple[str, int, int], tuple[str, bytes | None]]


async def tombstones(house: LogHouse) -> Places:
    """Topic, partition and offset of every record without a value since the story began → topic and key."""
    return {
        (topic, record.partition, record.offset): (topic, record.key)
        for topic in FORGETFUL
        for record in await records_of(house, topic)
        if record.value is None
    }


async def outcomes(house: LogHouse, service: str, places: Places) -> set[str]:
    """What became of these records in a service."""
    query = """SELECT CASE WHEN applied @> $3::bigint THEN 'applied' WHEN ignored @> $3 THEN 'ignored'
        WHEN rejected @> $3 THEN 'rejected' ELSE 'other' END
        FROM batch WHERE topic = $1 AND partition = $2 AND first_offset <= $3 AND next_offset > $3"""
    return {await house.pools[service].fetchval(query, *place) for place in places}


async def newest_of(house: LogHouse, topic: str) -> dict[bytes | None, bytes | None]:
    """What compaction would keep of a topic, from where the story began."""
    return {record.key: record.value for record in await records_of(house, topic)}


async def records_of(house: LogHouse, topic: str) -> list[ConsumerRecord]:
    """Every record of a topic, from where the story began."""
    consumer = AIOKafkaConsumer(**house.kafka, group_id=None, isolation_level="read_committed")
    await consumer.start()
    try:
        partitions = await partitions_of(consumer, [topic])
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        for partition in partitions:
            consumer.seek(partition, house.begin[partition])
        found: list[ConsumerRecord] = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            while any([await consumer.position(partition) < ends[partition] for partition in partitions]):
                for records in (await consumer.getmany(timeout_ms=100)).values():
                    found += records
        return found
    finally:
        await consumer.stop()


async def test_a_restored_copy_from_before_forgets_again_as_it_catches_up(told: Told, stack: Stack) -> None:
    await told.house.stop()
    restored = LogHouse(
        stack,
        {service: stack.database_url(name) for service, name in told.dump.items()},
        told.dump,
        begin=told.house.begin,
    )
    assert await restored.tables_with(RECEIVED) != NOWHERE
    await restored.start()
    try:
        await restored.at_rest()
        assert await restored.tables_with(RECEIVED) == NOWHERE
        receipt = await restored.receipt(ADA)
        assert receipt is not None
        assert receipt.complete
    finally:
        await restored.stop()
        await told.house.start()
        await told.house.at_rest()


async def test_a_replay_into_empty_databases_brings_nothing_back(told: Told, stack: Stack) -> None:
    await told.house.stop()
    names = await databases(stack, f"erasure_{os.getpid()}_replay")
    urls = {service: stack.database_url(name) for service, name in names.items()}
    replayed = LogHouse(stack, urls, names, begin=told.house.begin)
    await replayed.start()
    try:
        await replayed.at_rest()
        assert await replayed.tables_with(RECEIVED) == NOWHERE
        assert any(table.startswith("words_") for table in (await replayed.tables_with(OTHER))["ledger"])
        for service in SERVICES:
            assert await outcomes(replayed, service, await tombstones(replayed)) == {"ignored"}, service
        receipt = await replayed.receipt(ADA)
        assert receipt is not None
        assert receipt.complete
    finally:
        await replayed.stop()
        admin = await asyncpg.connect(stack.database_url("postgres"))
        for name in names.values():
            await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        await admin.close()
        await told.house.start()


@pytest.mark.parametrize("text", [RECEIVED, GIVEN])
async def test_words_given_go_too_once_that_is_asked_for(told: Told, text: str) -> None:
    await told.house.send(
        event("erasure", f"erase-given-{text == GIVEN}", {"employee": ADA, "scope": "given"})
    )
    await told.house.at_rest()
    assert await told.house.tables_with(text) == NOWHERE
    receipt = await told.house.receipt(ADA)
    assert receipt is not None
    assert (receipt.scope, receipt.complete) == ("given", True)
