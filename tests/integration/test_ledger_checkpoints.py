"""Checkpoints: signed once per growth, published with what they sign, verified through changes of the key."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from schemas.registry import read_body
from services.cli.proofs.file import ForgedProof
from services.cli.verify import digests
from services.kit import outbox
from services.kit.errors import Stop
from services.ledger.proof import web
from services.ledger.proof.keys import CheckpointSettings, retired_keys, signing_key
from tests.conftest import Database
from tests.integration.proof_rig import NEW, OLD, STRANGER, Ledger, faults, note


@pytest_asyncio.fixture
async def ledger(database: Database) -> AsyncIterator[Ledger]:
    opened = await Ledger.open(await database("ledger"))
    yield opened
    await opened.close()


async def kept(ledger: Ledger) -> list[tuple[int, int, str]]:
    """Partition, size and key of each checkpoint."""
    rows = await ledger.pool.fetch("SELECT partition, tree_size, key_id FROM checkpoint ORDER BY 1, 2")
    return [tuple(row) for row in rows]


async def test_what_has_grown_is_signed_once(ledger: Ledger) -> None:
    await ledger.store(ledger.entry(note("n1"), 0), ledger.entry(note("n2"), 1))
    assert [await ledger.sign(), await ledger.sign()] == [2, 0]
    await ledger.store(ledger.entry(note("n3"), 1))
    assert await ledger.sign() == 1
    assert [row[:2] for row in await kept(ledger)] == [(0, 1), (1, 1), (1, 2)]
    assert faults(await ledger.verify(NEW)) == []


async def test_a_young_checkpoint_is_followed_by_another_at_the_end_of_the_service_only(
    ledger: Ledger,
) -> None:
    checkpoints = ledger.checkpoints(NEW, seconds=600)
    await ledger.store(ledger.entry(note("n1")))
    await checkpoints.sign(datetime.now(UTC))
    await ledger.store(ledger.entry(note("n2")))
    assert await checkpoints.sign(datetime.now(UTC) - timedelta(seconds=600)) == 0
    await checkpoints.close()
    assert [row[1] for row in await kept(ledger)] == [1, 2]


async def test_two_processes_sign_a_head_once(ledger: Ledger) -> None:
    await ledger.store(ledger.entry(note("n1")))
    both = [ledger.checkpoints(NEW), ledger.checkpoints(NEW)]
    assert sorted(await asyncio.gather(*(one.sign(datetime.now(UTC)) for one in both))) == [0, 1]


async def test_a_checkpoint_leaves_with_the_transaction_that_keeps_it(ledger: Ledger) -> None:
    await ledger.store(ledger.entry(note("n1"), 5))
    await ledger.sign()
    [row] = await ledger.pool.fetch("SELECT records FROM outbox")
    [outgoing] = outbox.unpack(row["records"])
    headers = {name: (value or b"").decode() for name, value in outgoing.headers}
    assert (outgoing.topic, outgoing.key) == ("recognition.checkpoints.v1", b"5")
    body = read_body(headers["ce_type"], headers["ce_dataschema"], outgoing.value or b"").value.model_dump()
    stored = await ledger.pool.fetchrow("SELECT * FROM checkpoint")
    assert stored is not None
    assert {
        **body,
        "head": bytes.fromhex(body["head"]),
        "signature": bytes.fromhex(body["signature"]),
    } == dict(stored)


async def test_after_the_key_changed_the_old_checkpoints_still_verify(ledger: Ledger) -> None:
    await ledger.store(ledger.entry(note("n1")))
    await ledger.checkpoints(OLD).sign(datetime.now(UTC))
    await ledger.store(ledger.entry(note("n2")))
    await ledger.checkpoints(NEW, OLD).sign(datetime.now(UTC))
    assert [row[2] for row in await kept(ledger)] == [OLD.key.public.id, NEW.key.public.id]
    assert faults(await ledger.verify(NEW, OLD)) == []
    [(check, said)] = faults(await ledger.verify(NEW))
    assert (check, said.split(":")[0]) == ("checkpoints are signed", "partition 0 checkpoint of size 1")
    proof = await ledger.prove((await ledger.entry_ids())[0])
    proof.check({digests.key_id(NEW.raw): NEW.raw})
    with pytest.raises(ForgedProof, match="KEY_UNKNOWN"):
        proof.check({digests.key_id(STRANGER.raw): STRANGER.raw})


async def test_without_a_key_nothing_is_signed_and_the_log_says_so(
    ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    await ledger.store(ledger.entry(note("n1")))
    running = asyncio.create_task(ledger.checkpoints(None, OLD).run())
    async with asyncio.timeout(30):
        while not await ledger.pool.fetchval("SELECT EXISTS (SELECT FROM checkpoint_key)"):
            await asyncio.sleep(0.02)
    running.cancel()
    captured = capsys.readouterr()
    assert "CHECKPOINT_SIGNING_KEY is not set" in captured.err + captured.out
    assert await kept(ledger) == []
    report = await ledger.verify()
    [figures] = [check.figures for check in report.checks if check.name == "checkpoints = tree heads"]
    assert figures == "0 checkpoints; 1 of 1 batches came after: their loss shows beside the log alone"


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"checkpoint_signing_key": "secret"}, "CHECKPOINT_SIGNING_KEY"),
        ({"checkpoint_signing_key": OLD.public_pem}, "CHECKPOINT_SIGNING_KEY"),
        ({"checkpoint_retired_keys": "secret"}, "CHECKPOINT_RETIRED_KEYS"),
        ({"checkpoint_retired_keys": OLD.private_pem}, "CHECKPOINT_RETIRED_KEYS"),
    ],
)
def test_a_key_that_is_none_is_named_and_not_repeated(settings: dict[str, str], names: str) -> None:
    read = signing_key if "checkpoint_signing_key" in settings else retired_keys
    with pytest.raises(Stop, match=f"CONFIG_BAD: {names}") as stopped:
        read(CheckpointSettings.model_validate(settings))
    assert "secret" not in str(stopped.value)


async def test_keys_and_newest_checkpoints_are_open_to_everybody(ledger: Ledger) -> None:
    app = FastAPI()
    app.include_router(web.router(ledger.pool))
    await ledger.store(ledger.entry(note("n1"), 1))
    await ledger.checkpoints(OLD).sign(datetime.now(UTC))
    await ledger.store(ledger.entry(note("n2"), 1))
    await ledger.checkpoints(NEW, OLD).sign(datetime.now(UTC))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://ledger") as client:
        keys = (await client.get("/v1/checkpoint-keys")).json()["keys"]
        [newest] = (await client.get("/v1/checkpoints")).json()["checkpoints"]
    assert [(key["key_id"], key["public_key"]) for key in keys] == [
        (one.key.public.id, one.raw.hex()) for one in (OLD, NEW)
    ]
    assert all(key["last_signed_at"] for key in keys)
    assert (newest["partition"], newest["tree_size"], newest["key_id"]) == (1, 2, NEW.key.public.id)
