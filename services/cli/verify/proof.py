"""The ledger's proof as a whole: beside the other checks, on a connection of its own with the same snapshot."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aiokafka import TopicPartition

from services.cli.servers import database_complaints, reading
from services.cli.verify import checkpoints, history
from services.cli.verify.erasures import erasures_check
from services.cli.verify.log import Log
from services.cli.verify.report import Check
from services.cli.verify.tail import tail_check
from services.kit.sql import Connection

Done = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Proof:
    """What is needed to judge. url, snapshot: of the ledger's database. keys: trusted ones, 32 bytes each."""

    url: str
    snapshot: str
    keys: Sequence[bytes]


async def walk(proof: Proof, done: Done) -> list[Check]:
    """Everything the database alone shows. done: told how many more entries were hashed."""
    with database_complaints("ledger"):
        async with reading("ledger", proof.url, proof.snapshot) as connection:
            return await walk_on(connection, proof.keys, done)


async def walk_on(connection: Connection, keys: Sequence[bytes], done: Done) -> list[Check]:
    """The same on a connection of the caller's, inside a transaction. keys: trusted ones, 32 bytes each."""
    through = history.Walk(done)
    await through.run(connection)
    known = await checkpoints.keys_of(connection, keys)
    return [
        *through.checks(),
        await history.words_check(connection),
        *await checkpoints.checks_within(connection, known, bool(keys)),
    ]


async def beside_log(
    connection: Connection,
    log: Log,
    ends: Mapping[TopicPartition, int],
    keys: Sequence[bytes],
    waiting: int,
) -> list[Check]:
    """What only the log shows. ends: of the checkpoints' topic, before the database's snapshot."""
    known = await checkpoints.keys_of(connection, keys)
    return [
        await checkpoints.published(connection, log, ends, known, waiting),
        await tail_check(connection, log),
        await erasures_check(connection, log),
    ]


async def entries_count(connection: Connection) -> int:
    """How many entries a walk hashes."""
    return int(await connection.fetchval(history.PROOF["entries_count"]))
