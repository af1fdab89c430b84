"""Somebody who owns the database and knows the document: computes anew what was changed, as far up as told."""

from collections.abc import Sequence
from enum import IntEnum

import asyncpg
from aiokafka import TopicPartition

from services.kit.batch import Outcome, Position, Span
from services.ledger.domain import Entry
from services.ledger.proof import encoding, merkle
from tests.integration.proof_rig import ENTRIES, Signer

_IDS = ("id", "withdraws")
_COLUMNS = ", ".join(f"{name}::text" if name in _IDS else name for name in Entry._fields)
_ROWS = f"""SELECT {_COLUMNS}, words_digest FROM entry
    WHERE log_partition = $1 AND log_offset >= $2 AND log_offset < $3 ORDER BY log_offset"""
_BATCHES = f"""SELECT b.*, p.leaves, p.tree_index FROM batch AS b JOIN batch_proof AS p USING (partition, first_offset)
    WHERE topic = '{ENTRIES}' AND partition = $1 ORDER BY p.tree_index"""


class UpTo(IntEnum):
    """How far up the forger computes anew."""

    LEAVES = 1
    ROOTS = 2
    HEADS = 3


async def forge(connection: asyncpg.Connection, partition: int, up_to: UpTo) -> None:
    """Compute the proof of a partition anew from what its entries say now."""
    frontier = merkle.Frontier()
    for batch in await connection.fetch(_BATCHES, partition):
        rows = await connection.fetch(_ROWS, partition, batch["first_offset"], batch["next_offset"])
        width = len(Entry._fields)
        leaves = [encoding.entry_leaf(Entry(*row[:width]), row[width]) for row in rows]
        values: dict[str, bytes] = {"leaves": b"".join(leaves)}
        if up_to >= UpTo.ROOTS:
            values["root"] = merkle.root(leaves)
        if up_to >= UpTo.HEADS:
            frontier.append(merkle.leaf_hash(_batch_data(batch, leaves)))
            values |= {"head": frontier.head, "peaks": frontier.peaks}
        await connection.execute(
            f"UPDATE batch_proof SET {', '.join(f'{name} = ${at}' for at, name in enumerate(values, start=3))}"
            " WHERE partition = $1 AND tree_index = $2",
            partition, batch["tree_index"], *values.values(),
        )  # fmt: skip


def _batch_data(batch: asyncpg.Record, leaves: Sequence[bytes]) -> bytes:
    position = Position(TopicPartition(ENTRIES, batch["partition"]), batch["epoch"], 0)
    offsets = {o: [(r.lower, r.upper) for r in batch[o.value]] for o in Outcome}
    span = Span(position, batch["first_offset"], batch["next_offset"], offsets)
    return encoding.batch_data(span, len(leaves), merkle.root(leaves))


async def sign_anew(connection: asyncpg.Connection, partition: int, signer: Signer) -> None:
    """Put the tree's present heads into the checkpoints of a partition, signed by this key, which becomes known."""
    key = signer.key.public
    await connection.execute(
        "INSERT INTO checkpoint_key VALUES ($1, $2) ON CONFLICT DO NOTHING", key.id, key.raw
    )
    rows = await connection.fetch(
        """SELECT c.tree_size, c.signed_at, p.head FROM checkpoint AS c
        JOIN batch_proof AS p ON p.partition = c.partition AND p.tree_index = c.tree_size - 1
        WHERE c.partition = $1""",
        partition,
    )
    for size, signed_at, head in rows:
        data = encoding.checkpoint_data(partition, size, head, signed_at, key.id)
        await connection.execute(
            "UPDATE checkpoint SET head = $3, key_id = $4, signature = $5 WHERE partition = $1 AND tree_size = $2",
            partition, size, head, key.id, signer.key.sign(data),
        )  # fmt: skip
