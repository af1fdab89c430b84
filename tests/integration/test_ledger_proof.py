"""Every batch of entries is sealed in the transaction that stores it, whatever befell its records on the way."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from schemas.registry import BY_NAME
from services.cli.verify import digests
from services.kit.batch import Outcome
from tests.conftest import Database
from tests.integration.proof_rig import AT, NEW, Ledger, faults, note
from tests.unit.ledger_records import canonical, event_of, record_of


@pytest_asyncio.fixture
async def ledger(database: Database) -> AsyncIterator[Ledger]:
    opened = await Ledger.open(await database("ledger"))
    yield opened
    await opened.close()


async def proofs(ledger: Ledger) -> list[tuple[int, int, int, int]]:
    """Partition, place in its tree, first offset and number of entries of each sealed batch."""
    rows = await ledger.pool.fetch(
        "SELECT partition, tree_index, first_offset, octet_length(leaves) / 32 FROM batch_proof ORDER BY 1, 2"
    )
    return [tuple(row) for row in rows]


async def clean(ledger: Ledger) -> bool:
    """Verified, nothing found, and the proof's checks among those made."""
    report = await ledger.verify(NEW)
    assert faults(report) == []
    made = {check.name for check in report.checks if not check.skipped}
    assert {"entries = their digests", "words = their digests", "roots = tree heads"} <= made
    return report.clean


async def test_each_partition_has_a_tree_of_its_own(ledger: Ledger) -> None:
    await ledger.store(*(ledger.entry(note(f"n{n}", f"e-{n}"), n % 2) for n in range(7)))
    await ledger.store(ledger.entry(note("later"), 1))
    assert await proofs(ledger) == [(0, 0, 0, 4), (1, 0, 0, 3), (1, 1, 3, 1)]
    assert await clean(ledger)


async def test_batches_without_a_new_entry_are_sealed_as_well(ledger: Ledger) -> None:
    await ledger.store(ledger.entry(note("first")))
    again = await ledger.store(ledger.entry(note("first")))
    other = await ledger.store(
        ledger.entry(note("first", words="Other words.")), ledger.entry(note("new"), skip=3)
    )
    assert [item.outcome for item in (*again, *other)] == [
        Outcome.DUPLICATE,
        Outcome.REJECTED,
        Outcome.APPLIED,
    ]
    assert await proofs(ledger) == [(0, 0, 0, 1), (0, 1, 1, 0), (0, 2, 2, 1)]
    assert await clean(ledger)


async def test_a_refused_record_leaves_no_leaf(ledger: Ledger) -> None:
    bad = record_of(
        event_of(BY_NAME["recognition"], b'{"no": "recognition"}'), partition=0, offset=ledger.offset(0)
    )
    items = await ledger.store(bad, ledger.entry(note("good")))
    assert [item.outcome for item in items] == [Outcome.REJECTED, Outcome.APPLIED]
    assert await proofs(ledger) == [(0, 0, 0, 1)]
    assert await clean(ledger)


async def test_a_batch_that_is_halved_is_sealed_in_its_parts(ledger: Ledger) -> None:
    await ledger.pool.execute("ALTER TABLE entry ADD CONSTRAINT not_that CHECK (employee <> 'e-bad')")
    records = [ledger.entry(note(f"n{n}", "e-bad" if n == 2 else "e-1")) for n in range(5)]
    items = await ledger.store(*records)
    assert [item.outcome for item in items].count(Outcome.REJECTED) == 1
    assert await proofs(ledger) == [(0, 0, 0, 2), (0, 1, 2, 0), (0, 2, 3, 2)]
    assert await clean(ledger)


async def test_a_transaction_that_was_rolled_back_leaves_no_trace_in_the_tree(ledger: Ledger) -> None:
    await ledger.pool.execute("""
        CREATE SEQUENCE attempts;
        CREATE FUNCTION fail_once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF nextval('attempts') = 1 THEN RAISE EXCEPTION USING ERRCODE = '40001'; END IF; RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER late AFTER INSERT ON batch_proof DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION fail_once()""")
    await ledger.store(ledger.entry(note("n1")), ledger.entry(note("n2")))
    assert await ledger.pool.fetchval("SELECT last_value FROM attempts") == 2
    assert await proofs(ledger) == [(0, 0, 0, 2)]
    assert await clean(ledger)


async def test_the_tree_goes_on_under_another_owner_and_a_former_one_adds_nothing(ledger: Ledger) -> None:
    await ledger.store(ledger.entry(note("n1")))
    heir = await Ledger.open(ledger.url)
    heir._offsets = ledger._offsets
    await heir.claim(0)
    await heir.store(ledger.entry(note("n2")))
    [item] = await ledger.store(ledger.entry(note("n3")))
    assert item.position.lost
    assert await proofs(ledger) == [(0, 0, 0, 1), (0, 1, 1, 1)]
    assert await clean(ledger)
    await heir.close()


async def test_lanes_that_write_side_by_side_each_keep_their_trees(ledger: Ledger) -> None:
    other = await Ledger.open(ledger.url)
    for lane, partitions in ((ledger, (0, 2)), (other, (1, 3))):
        for partition in partitions:
            await lane.claim(partition)

    async def write(lane: Ledger, partitions: tuple[int, int]) -> None:
        for n in range(10):
            await lane.store(
                *(lane.entry(note(f"{p}-{n}", f"e-{n % 3}"), p) for p in partitions for _ in range(2))
            )

    await asyncio.gather(write(ledger, (0, 2)), write(other, (1, 3)))
    assert len(await proofs(ledger)) == 40
    assert await clean(ledger)
    await other.close()


async def test_after_an_erasure_every_digest_still_verifies(ledger: Ledger) -> None:
    await ledger.store(*(ledger.entry(note(f"n{n}", f"e-{n}")) for n in range(4)))
    await ledger.sign()
    gone = (await ledger.entry_ids())[2]
    before = await ledger.prove(gone)
    erasure = BY_NAME["erasure"]
    told = event_of(erasure, canonical(erasure, {"employee": "e-2"}), at=AT, id_="erase-e-2")
    await ledger.store(record_of(told, erasure.topic, partition=0, offset=0))
    assert await ledger.pool.fetchval("SELECT count(*) FROM words") == 3
    assert await clean(ledger)
    assert await ledger.prove(gone) == before
    # Words that come later for somebody erased are never kept; what history says of them verifies all the same.
    await ledger.store(ledger.entry(note("late", "e-2")))
    assert await ledger.pool.fetchval("SELECT count(*) FROM words") == 3
    assert await clean(ledger)


async def test_a_proof_holds_for_every_entry_at_every_size_of_the_tree(ledger: Ledger) -> None:
    keys = {digests.key_id(NEW.raw): NEW.raw}
    for size in range(1, 12):
        await ledger.store(*(ledger.entry(note(f"{size}-{n}")) for n in range(size % 4 + 1)))
        await ledger.sign()
        for entry_id in await ledger.entry_ids():
            proof = await ledger.prove(entry_id)
            assert (proof.entry_id, proof.tree_size) == (entry_id, size)
            proof.check(keys)


@pytest.mark.parametrize(
    "statement", ["UPDATE {} SET partition = 1", "DELETE FROM {}", "TRUNCATE {} CASCADE"]
)
@pytest.mark.parametrize("table", ["batch_proof", "checkpoint"])
async def test_proofs_and_checkpoints_cannot_be_changed(ledger: Ledger, statement: str, table: str) -> None:
    await ledger.store(ledger.entry(note("n")))
    await ledger.sign()
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        await ledger.pool.execute(statement.format(table))
