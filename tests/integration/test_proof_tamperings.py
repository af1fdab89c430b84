"""A small ledger in its superuser's hands: verification catches every kind of tampering and names it."""

import itertools
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest
import pytest_asyncio

from deploy.local.databases import with_database
from deploy.local.stack import Stack
from schemas.registry import BY_NAME
from services.cli.errors import CliError
from services.cli.verify.report import Report
from services.cli.verify.verification import Targets, verify
from services.kit import sql
from tests.conftest import ROOT, drop_database
from tests.integration.proof_forger import forge, sign_anew
from tests.integration.proof_rig import AT, NEW, Ledger, entry_id, faults, note
from tests.integration.proof_tamperings import KINDS, N1, WITHOUT_THE_TAIL, Tampering, truncated
from tests.unit.ledger_records import canonical, event_of, record_of

_numbers = itertools.count(1)
Tamper = Callable[[Tampering], Awaitable[tuple[str, Report]]]


@pytest_asyncio.fixture(scope="module")
async def proof_story(stack: Stack) -> AsyncIterator[str]:
    """Name of a database: two owners, a duplicate, a deed, a withdrawal, an erasure, a checkpoint, a tail."""
    name = f"proof_story_{os.getpid()}"
    await stack.create_database(name)
    connection = await asyncpg.connect(stack.database_url(name))
    await sql.migrate(connection, sql.migrations_of("ledger", ROOT / "services" / "ledger"))
    await connection.execute("SELECT make_month('2026-11-01')")
    await connection.close()
    ledger = await Ledger.open(stack.database_url(name))
    await ledger.store(
        ledger.entry(note("n0", "e-gone")),
        ledger.entry(note("n1", basis="effort")),
        ledger.entry(note("n2", "e-3")),
    )
    taken_back = {"employee": "e-3", "withdraws": entry_id("n2", "e-3"), "withdraws_kind": "recognition",
                  "cause": {"source": "urn:tracker", "id": "w"}}  # fmt: skip
    deed = {"employee": "e-3", "title": "Deed", "basis": "both", "size": "small",
            "cause": {"source": "urn:tracker", "id": "deed"}}  # fmt: skip
    await ledger.store(
        ledger.entry(note("n3")), ledger.record("deed", "deed", deed), ledger.entry(note("n3"))
    )
    erasure = BY_NAME["erasure"]
    told = event_of(erasure, canonical(erasure, {"employee": "e-gone"}), at=AT, id_="erase")
    await ledger.store(record_of(told, erasure.topic, partition=0, offset=0))
    await ledger.claim(0)
    await ledger.store(
        ledger.record("recognition-withdrawn", "w", taken_back), ledger.entry(note("p1", "e-4"), 1)
    )
    await ledger.sign()
    await ledger.store(ledger.entry(note("tail", "e-5")))
    await ledger.close()
    yield name
    admin = await asyncpg.connect(stack.database_url("postgres"))
    await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await admin.close()


@pytest_asyncio.fixture
async def tampered(stack: Stack, proof_story: str) -> AsyncIterator[Tamper]:
    """`await tampered(kind)` → URL of a clone to which a superuser did that, and the report on it."""
    admin = await asyncpg.connect(stack.database_url("postgres"))
    made: list[str] = []

    async def tamper(kind: Tampering) -> tuple[str, Report]:
        name = f"proof_tampered_{os.getpid()}_{next(_numbers)}"
        await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{proof_story}"')
        made.append(name)
        assert stack.postgres is not None
        connection = await asyncpg.connect(with_database(stack.postgres.admin_url, name))
        try:
            await _tamper(connection, kind)
        finally:
            await connection.close()
        url = stack.database_url(name)
        return url, await verify(Targets({"ledger": url}, keys=[NEW.raw]))

    yield tamper
    for name in made:
        await drop_database(stack, name)
    await admin.close()


async def _tamper(connection: asyncpg.Connection, kind: Tampering) -> None:
    await connection.execute("SET session_replication_role = replica")
    for statement in kind.statements:
        status = await connection.execute(statement)
        assert not status.endswith(" 0"), f"nothing was tampered with: {statement}"
    if kind.up_to is not None:
        await forge(connection, 0, kind.up_to)
    if kind.by is not None:
        await sign_anew(connection, 0, kind.by)


async def test_untouched_it_is_clean_and_says_what_came_after_the_checkpoint(
    stack: Stack, proof_story: str
) -> None:
    report = await verify(Targets({"ledger": stack.database_url(proof_story)}, keys=[NEW.raw]))
    assert faults(report) == []
    figures = {check.name: check.figures for check in report.checks}
    said = "2 checkpoints; 1 of 5 batches came after: their loss shows beside the log alone"
    assert figures["checkpoints = tree heads"] == said
    assert figures["entries = their digests"] == "8 entries"
    assert figures["words = their digests"] == "7 texts"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_tampering_with_history_is_named(tampered: Tamper, kind: str) -> None:
    _, report = await tampered(KINDS[kind])
    said = [sentence for check, sentence in faults(report) if check == KINDS[kind].check]
    assert said, f"not found by {KINDS[kind].check}, but by {faults(report)}"
    assert re.search(KINDS[kind].says, said[0])


async def test_a_tail_cut_off_after_the_last_checkpoint_shows_in_the_database_alone_by_a_figure_only(
    tampered: Tamper,
) -> None:
    _, report = await tampered(Tampering((*truncated(7), *WITHOUT_THE_TAIL), "", ""))
    assert faults(report) == []
    figures = {check.name: check.figures for check in report.checks}
    assert "0 of 4 batches came after" in figures["checkpoints = tree heads"]


async def test_no_proof_is_made_from_a_history_that_does_not_hold(tampered: Tamper) -> None:
    for kind in (
        "edit giver",
        "edit a checkpoint's head",
        "edit a root",
        "drop a proof",
        "stale epoch that fits",
    ):
        url, _ = await tampered(KINDS[kind])
        ledger = await Ledger.open(url)
        with pytest.raises(CliError, match="HISTORY_FAULTY"):
            await ledger.prove(N1)
        await ledger.close()
