"""What the minute's sweep releases, gives up and clears away."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest_asyncio

from services.kit import outbox
from services.kit.batch import Outgoing
from services.kit.run import create_pool
from services.recognition.sweep import Sweep
from tests.conftest import Database
from tests.integration.recognition_rig import (
    SOURCE,
    Rig,
    achievement,
    entry_of,
    note,
    person,
    settings_for,
    withdrawal,
)


class Yard:
    """A rig whose transactions release two parts at most, and its sweep."""

    def __init__(self, rig: Rig, sweep: Sweep) -> None:
        self.rig, self._sweep = rig, sweep

    async def sweep(self) -> list[Outgoing]:
        """One sweep; what it added to the outbox."""
        await self._sweep.once()
        rows = await self.rig.connection.fetch("DELETE FROM outbox RETURNING id, records")
        return [
            record
            for row in sorted(rows, key=lambda r: int(r["id"]))
            for record in outbox.unpack(row["records"])
        ]

    async def age(self, table: str, column: str, days: int) -> None:
        await self.rig.connection.execute(f"UPDATE {table} SET {column} = now() - interval '{days} days'")


@pytest_asyncio.fixture
async def yard(database: Database) -> AsyncIterator[Yard]:
    url = await database("recognition")
    settings = settings_for(url, released_per_batch_max=2)
    connection = await asyncpg.connect(url)
    pool = await create_pool(settings)
    rig = Rig(connection, settings)
    yield Yard(rig, Sweep(settings, pool, rig.handler))
    await pool.close()
    await connection.close()


def causes(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["cause"]["id"] for entry in entries]


async def test_what_is_too_much_for_one_transaction_is_released_by_the_next_sweeps_in_order(
    yard: Yard,
) -> None:
    for number in range(4):
        await yard.rig.apply(achievement(f"a-{number}", "ada"))
    before, after = achievement("a-4", "ada"), achievement("a-5", "ada")
    brought = await yard.rig.apply(before, person("ada"), after)
    assert (brought.outcomes, causes(brought.entries)) == (["parked", "applied", "parked"], ["a-0", "a-1"])
    assert causes([entry_of(o) for o in await yard.sweep()]) == ["a-2", "a-3"]
    assert causes([entry_of(o) for o in await yard.sweep()]) == ["a-4", "a-5"]
    assert (await yard.rig.apply(achievement("a-6", "ada"))).outcomes == ["applied"]
    assert await yard.sweep() == []


async def test_a_withdrawal_that_missed_its_original_is_carried_out(yard: Yard) -> None:
    await yard.rig.apply(person("ada"), achievement("a-1", "ada"), withdrawal("w-1", "later"))
    await yard.rig.connection.execute("UPDATE awaiting SET of_id = 'a-1'")
    (taken,) = await yard.sweep()
    assert entry_of(taken)["type"] == "recognition-withdrawn"
    assert await yard.rig.count("awaiting") == 0


async def test_what_waited_too_long_leaves_once_with_its_bytes_untouched_and_names_nobody(yard: Yard) -> None:
    sent = note("n-1", "ada", "bo", "cy", "di")
    await yard.rig.apply(person("ada"), person("di"), sent, withdrawal("w-1", "never"))
    await yard.age("parked", "parked_at", 29)
    await yard.age("awaiting", "parked_at", 29)
    assert await yard.sweep() == []
    await yard.age("parked", "parked_at", 31)
    await yard.age("awaiting", "parked_at", 31)
    dead = await yard.sweep()
    codes = {dict(d.headers)["dlq_code"]: d for d in dead}
    assert len(dead) == 2
    assert codes[b"RULE_ORIGINAL_UNKNOWN"].topic == "recognition.dlq.recognition"
    letter = codes[b"RULE_PERSON_UNKNOWN"]
    assert (letter.topic, letter.key, letter.value) == ("recognition.dlq.recognition", sent.key, sent.value)
    assert letter.headers[: len(sent.headers)] == list(sent.headers)
    assert dict(letter.headers)["dlq_detail"] == b"the directory has not brought somebody concerned"
    assert await yard.rig.count("person", "waiting > 0") == 0


async def test_a_withdrawal_that_took_back_what_there_was_is_given_up_without_a_word(yard: Yard) -> None:
    await yard.rig.apply(person("ada"), person("bo"), note("n-1", "ada", "bo", "cy"))
    await yard.age("parked", "parked_at", 31)
    assert len(await yard.sweep()) == 1
    assert (await yard.rig.apply(withdrawal("w-1", "n-1"))).outcomes == ["applied"]
    await yard.age("awaiting", "parked_at", 31)
    assert await yard.sweep() == []
    assert await yard.rig.count("awaiting") == 0


async def test_what_was_given_up_may_come_again(yard: Yard) -> None:
    sent = note("n-1", "ada", "bo", "cy")
    first = await yard.rig.apply(person("ada"), person("bo"), sent)
    await yard.age("parked", "parked_at", 31)
    assert len(await yard.sweep()) == 1
    again = await yard.rig.apply(person("cy"), sent)
    assert again.outcomes == ["applied", "applied"]
    assert [e["employee"] for e in again.entries] == ["bo", "cy"]
    assert again.entries[0] == first.entries[0]


async def test_only_what_nobody_needs_is_cleared_away(yard: Yard) -> None:
    await yard.rig.apply(person("ada"), achievement("a-1", "bo"), note("n-1", "cy", "cy", "di"))
    assert await yard.rig.count("person") == 4
    await yard.rig.connection.execute(
        "UPDATE inbox SET received_at = now() - interval '401 days' WHERE id = 'a-1'"
    )
    await yard.sweep()
    people = await yard.rig.connection.fetch("SELECT employee FROM person ORDER BY employee")
    assert [row["employee"] for row in people] == ["ada", "bo"]
    inbox = await yard.rig.connection.fetch("SELECT source, id FROM inbox")
    assert [tuple(row) for row in inbox] == [(SOURCE, "p-ada")]


async def test_two_sweeps_at_once_are_one(yard: Yard) -> None:
    await yard.rig.apply(achievement("a-1", "ada"))
    await yard.age("parked", "parked_at", 31)
    async with yard.rig.connection.transaction():
        await yard.rig.connection.execute(
            "SELECT pg_advisory_xact_lock(hashtext('waystone.recognition.sweep'))"
        )
        await yard._sweep.once()
        assert await yard.rig.count("parked") == 1
    assert len(await yard.sweep()) == 1
