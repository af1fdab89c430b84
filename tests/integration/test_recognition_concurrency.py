"""Other writers at the same time, and batches cut elsewhere: the result is the same."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from services.kit.errors import Retry
from services.recognition import store
from tests.conftest import Database
from tests.integration.recognition_rig import (
    NOON,
    Rig,
    achievement,
    note,
    person,
    record,
    settings_for,
    types_of,
    withdrawal,
)


@pytest_asyncio.fixture
async def url(database: Database) -> str:
    return await database("recognition")


@pytest_asyncio.fixture
async def rig(url: str) -> AsyncIterator[Rig]:
    connection = await asyncpg.connect(url)
    yield Rig(connection, settings_for(url))
    await connection.close()


async def test_parking_and_the_directory_serialise_on_the_person(rig: Rig, url: str) -> None:
    """Whoever comes second sees what the first has done: nothing is parked behind somebody who has come."""
    other = await asyncpg.connect(url)
    transaction = rig.connection.transaction()
    await transaction.start()
    parked = await rig.apply_open(rig.connection, [achievement("a-1", "ada")])
    bringing = asyncio.create_task(Rig(other, rig.settings).apply(person("ada")))
    while not await rig.count("pg_locks", "NOT granted"):
        assert not bringing.done()
    await transaction.commit()
    brought = await bringing
    assert (parked.outcomes, types_of(brought)) == (["parked"], ["deed"])
    await other.close()


async def test_the_same_event_in_two_batches_at_once_is_tried_again_by_the_second(rig: Rig, url: str) -> None:
    other = await asyncpg.connect(url)
    await rig.apply(person("ada"), person("bo"))
    transaction = rig.connection.transaction()
    await transaction.start()
    await rig.apply_open(rig.connection, [achievement("x", "ada")])
    second = asyncio.create_task(Rig(other, rig.settings).apply(achievement("x", "bo")))
    while not await rig.count("pg_locks", "NOT granted"):
        assert not second.done()
    await transaction.commit()
    with pytest.raises(Retry):
        await second
    assert (await Rig(other, rig.settings).apply(achievement("x", "bo"))).outcomes == ["ID_CONFLICT"]
    await other.close()


async def test_a_withdrawal_and_its_original_at_once_miss_each_other_never(rig: Rig, url: str) -> None:
    other = await asyncpg.connect(url)
    await rig.apply(person("ada"))
    transaction = rig.connection.transaction()
    await transaction.start()
    await rig.apply_open(rig.connection, [withdrawal("w-1", "a-1")])
    second = asyncio.create_task(Rig(other, rig.settings).apply(achievement("a-1", "ada")))
    while not await rig.count("pg_locks", "NOT granted"):
        assert not second.done()
    await transaction.commit()
    with pytest.raises(Retry):
        await second
    told = await Rig(other, rig.settings).apply(achievement("a-1", "ada"))
    assert types_of(told) == ["deed", "recognition-withdrawn"]
    await other.close()


async def test_what_is_parked_between_a_look_and_the_lock_is_looked_at_again(
    rig: Rig, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await asyncpg.connect(url)
    real = store.lock_people

    async def lock_late(connection: Any, employees: Any) -> Any:
        monkeypatch.setattr(store, "lock_people", real)
        await Rig(other, rig.settings).apply(note("n-1", "bo", "ada"))
        return await real(connection, employees)

    monkeypatch.setattr(store, "lock_people", lock_late)
    with pytest.raises(Retry):
        await rig.apply(person("ada"))
    await rig.apply(person("ada"))
    assert types_of(await rig.apply(person("bo"))) == ["recognition/thanks"]
    await other.close()


# --- a law ----------------------------------------------------------------------------------------------------

_PEOPLE = st.sampled_from(["ada", "bo", "cy"])
_IDS = st.integers(0, 9).map(str)
_RECORDS = st.one_of(
    st.builds(lambda i, e, s, h, a: achievement(f"e-{i}", e, skills=s, helped_by=h, accepted_by=a), _IDS, _PEOPLE,
              st.lists(st.sampled_from(["rust", "sql"]), max_size=2), st.lists(_PEOPLE, max_size=2),
              st.none() | _PEOPLE),
    st.builds(lambda i, g, to: note(f"e-{i}", g, *to), _IDS, _PEOPLE, st.lists(_PEOPLE, min_size=1, max_size=3)),
    st.builds(lambda e, hours: person(e, id_=f"p-{e}-{hours}", at=NOON + timedelta(hours=hours)),
              _PEOPLE, st.integers(0, 2)),
    st.builds(lambda i, of: withdrawal(f"w-{i}", f"e-{of}"), _IDS, _IDS),
    st.builds(lambda e: record("erasure", id_=f"x-{e}", employee=e), st.sampled_from(["cy"])),
)  # fmt: skip
# A helper is erased while the deed they helped with waits: they are named in no entry, wherever the batches end.
_ERASED_HELPER = [
    achievement("e-1", "ada", helped_by=["cy"], accepted_by="bo"),
    record("erasure", id_="x-cy", employee="cy"),
    record("erasure", id_="x-bo", employee="bo"),
    person("ada"),
]
_TABLES = ("person", "skill", "inbox", "parked", "awaiting", "emitted")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=st.lists(_RECORDS, max_size=20), cuts=st.sets(st.integers(1, 19), max_size=6))
@example(records=_ERASED_HELPER, cuts={1, 2, 3})
async def test_law_the_bounds_of_batches_change_neither_entries_nor_outcomes(
    rig: Rig, records: list[Any], cuts: set[int]
) -> None:
    whole = await _run(rig, [records] if records else [])
    bounds = [0, *sorted(cuts), len(records)]
    batches = [records[a:b] for a, b in itertools.pairwise(bounds) if records[a:b]]
    assert await _run(rig, batches) == whole


async def _run(rig: Rig, batches: list[list[Any]]) -> Any:
    """Outcomes, entries and dead letters, and everything stored, from an empty database."""
    await rig.connection.execute(f"TRUNCATE {', '.join(_TABLES)}")
    tolds = [await rig.apply(*batch) for batch in batches]
    stored = [
        await rig.connection.fetch(query)
        for query in (
            "SELECT * FROM person ORDER BY employee",
            "SELECT * FROM skill ORDER BY employee, skill",
            "SELECT source, id, digest FROM inbox ORDER BY source, id",
            "SELECT source, id, recipient, waits_for FROM parked ORDER BY waits_for, seq",
            "SELECT of_source, of_id, source, id FROM awaiting ORDER BY 1, 2, 3, 4",
            "SELECT * FROM emitted ORDER BY source, id, entry",
        )
    ]
    return (
        [outcome for told in tolds for outcome in told.outcomes],
        # Not what tells of erasures: a batch tells once of a person, and when.
        [
            (o.topic, o.key, o.value, dict(o.headers).get("ce_id"))
            for told in tolds
            for o in told.outgoing
            if o.topic == "recognition.entries.v1" or ".dlq." in o.topic
        ],
        [[tuple(row) for row in rows] for rows in stored],
    )
