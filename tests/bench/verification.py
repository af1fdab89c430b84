"""`make bench-verify`: how long `waystone verify` takes for a million entries that the ledger itself has written.

BENCH_VERIFY_ENTRIES makes it smaller or larger. Only the ledger's database is there: no log, no other service.
"""

import itertools
import os
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import asyncpg
import uvloop
from aiokafka import ConsumerRecord, TopicPartition
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr
from rich.console import Console
from rich.progress import Progress

from deploy.local.folder import RunFolder
from deploy.local.postgres import PostgresServer
from services.kit import positions, sql
from services.kit.batch import Item
from services.kit.run import create_pool
from services.kit.settings import ServiceSettings
from services.kit.writer import Writer
from services.ledger.handlers import LedgerHandler
from services.ledger.proof.checkpoints import Checkpoints
from services.ledger.proof.keys import CheckpointSettings, signing_key
from tests.bench.events import TOPIC, Published, entries

ENTRIES = int(os.environ.get("BENCH_VERIFY_ENTRIES", "1000000"))
PEOPLE, PARTITIONS, BATCH_RECORDS, BATCHES_PER_CHECKPOINT = 10_000, 8, 5_000, 20
_LEDGER = Path(__file__).parents[2] / "services" / "ledger"
_console = Console(stderr=True)


async def main() -> None:
    """Fill, verify, print."""
    folder = RunFolder.create_ephemeral("bench-verify")
    server = PostgresServer(folder)
    try:
        await server.start()
        await server.create_database("ledger")
        url = server.database_url("ledger")
        public_key = await _fill(url)
        _verify(url, public_key)
    finally:
        await server.stop()
        folder.close()


async def _fill(url: str) -> str:
    """Write the entries as a lane would, with a checkpoint now and then; return the public key."""
    connection = await asyncpg.connect(url)
    await sql.migrate(connection, sql.migrations_of("ledger", _LEDGER))
    await connection.close()
    pool = await create_pool(ServiceSettings(kafka_bootstrap_servers="none", database_url=SecretStr(url)))
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    key = signing_key(CheckpointSettings(checkpoint_signing_key=SecretStr(pem)))
    checkpoints = Checkpoints(pool, key, [], 600)
    handler: LedgerHandler = LedgerHandler(b"bench")
    writer: Writer[Any] = Writer(pool, handler, group="ledger", digest_key=b"bench")
    partitions = [TopicPartition(TOPIC, number) for number in range(PARTITIONS)]
    async with pool.acquire() as lent:
        claimed = await positions.claim(
            lent, partitions, cluster_id="bench",
            beginnings=dict.fromkeys(partitions, 0), ends=dict.fromkeys(partitions, ENTRIES),
        )  # fmt: skip
    by_number = {position.partition.partition: position for position in claimed}
    now = datetime.now(UTC)
    with Progress(console=_console) as progress:
        task = progress.add_task("writing entries", total=ENTRIES)
        for number, records in enumerate(_batches(), start=1):
            await writer.store([Item(by_number[r.partition], r, handler.decode(r, now)) for r in records])
            if number % BATCHES_PER_CHECKPOINT == 0:
                await checkpoints.sign(datetime.now(UTC))
            progress.advance(task, len(records))
    await checkpoints.close()
    await pool.execute("ANALYZE")
    await pool.close()
    return private.public_key().public_bytes_raw().hex()


def _batches() -> Iterator[list[ConsumerRecord]]:
    offsets: defaultdict[int, itertools.count[int]] = defaultdict(itertools.count)
    published = entries(ENTRIES, people=PEOPLE, partitions=PARTITIONS)
    while some := list(islice(published, BATCH_RECORDS)):
        yield [_record(one, next(offsets[one.partition])) for one in some]


def _record(one: Published, offset: int) -> ConsumerRecord:
    sizes = len(one.key), len(one.value)
    return ConsumerRecord(
        TOPIC, one.partition, offset, 0, 0, one.key, one.value, None, *sizes, tuple(one.headers)
    )


def _verify(url: str, public_key: str) -> None:
    command: Sequence[str] = (sys.executable, "-m", "services.cli", "verify", "--key", public_key)
    began = time.perf_counter()
    done = subprocess.run(command, env={**os.environ, "LEDGER_DATABASE_URL": url}, check=False)
    seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"{ENTRIES:,} entries verified in {seconds:.1f} s (exit {done.returncode}); the command alone: "
        f"{used.ru_utime + used.ru_stime:.1f} s of CPU, {used.ru_maxrss / 1024:.0f} MB at most"
    )


if __name__ == "__main__":
    uvloop.run(main())
