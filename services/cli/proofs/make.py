"""A proof from the ledger's database. It costs a few hundred rows, whatever the size of history."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg

from services.cli.errors import EXIT_FAULTS, CliError
from services.cli.proofs.file import EntryProof
from services.cli.verify import digests, tree
from services.cli.verify.checkpoints import Checkpoint
from services.cli.verify.history import batch_data, outcomes
from services.cli.verify.within import ENTRIES
from services.kit.sql import Connection, Queries

_SQL = Queries(Path(__file__).parent / "sql" / "prove.sql")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a tree: `size` leaves from `start` on."""

    start: int
    size: int

    @property
    def is_kept(self) -> bool:
        """Whether it is the last peak of the tree that ends with it: then its hash is in that batch's row."""
        end = self.start + self.size
        return self.size == end & -end

    def halves(self) -> tuple["Part", "Part"]:
        """As RFC 6962 splits it."""
        left = tree.split(self.size)
        return Part(self.start, left), Part(self.start + left, self.size - left)


async def prove(connection: Connection, entry_id: UUID) -> EntryProof:
    """The proof of one entry under the newest checkpoint.

    Raises CliError `ENTRY_UNKNOWN`, `NO_CHECKPOINT_YET`, or `HISTORY_FAULTY` where the pieces do not fit together.
    """
    occurred_at = _EPOCH + timedelta(milliseconds=entry_id.int >> 80)
    row = await connection.fetchrow(_SQL["entry"], entry_id, occurred_at, ENTRIES)
    if row is None:
        raise CliError("ENTRY_UNKNOWN", f"history has no entry {entry_id} with a proof of its batch")
    found = await connection.fetchrow(_SQL["checkpoint"], row["log_partition"], row["tree_index"])
    if found is None:
        raise CliError(
            "NO_CHECKPOINT_YET", "no checkpoint covers this entry yet: try again after the next one"
        )
    checkpoint = Checkpoint(*found)
    leaves = [row["leaves"][at : at + _HASH_BYTES] for at in range(0, len(row["leaves"]), _HASH_BYTES)]
    place = sum(max(0, min(r.upper, row["log_offset"]) - r.lower) for r in row["applied"])
    parts = list(_beside(row["tree_index"], Part(0, checkpoint.tree_size)))
    batches = await _batches(connection, checkpoint.partition, row["tree_index"], parts)
    batch = batches.get(row["tree_index"])
    if place >= len(leaves) or batch is None:
        raise _faulty(f"entry {entry_id}")
    columns = digests.of_columns(row[: len(digests.ENTRY_COLUMNS)])
    proof = EntryProof(
        str(entry_id), columns, row["words_digest"], place, len(leaves),
        batch["epoch"], batch["first_offset"], batch["next_offset"], digests.of_outcomes(outcomes(batch)),
        row["tree_index"], [*tree.path(leaves, place), *(_hash(part, batches) for part in parts)],
        checkpoint.partition, checkpoint.tree_size, checkpoint.signed_at, checkpoint.key_id, checkpoint.signature,
    )  # fmt: skip
    if proof.checkpoint() != checkpoint:
        raise _faulty(checkpoint.place)
    return proof


def _beside(index: int, whole: Part) -> Iterator[Part]:
    """The parts beside the way from one leaf up, the lowest first."""
    if whole.size == 1:
        return
    left, right = whole.halves()
    ours, beside = (left, right) if index < right.start else (right, left)
    yield from _beside(index, ours)
    yield beside


async def _batches(
    connection: Connection, partition: int, index: int, parts: list[Part]
) -> Mapping[int, asyncpg.Record]:
    """The rows that the hashes of these parts, and the batch itself, are in."""
    wanted = {index}
    open_parts = list(parts)
    while open_parts:
        part = open_parts.pop()
        if part.is_kept or part.size == 1:
            wanted.add(part.start + part.size - 1)
        else:
            open_parts.extend(part.halves())
    rows = await connection.fetch(_SQL["batches"], ENTRIES, partition, sorted(wanted))
    return {row["tree_index"]: row for row in rows}


def _hash(part: Part, batches: Mapping[int, asyncpg.Record]) -> bytes:
    if part.size > 1 and not part.is_kept:
        left, right = part.halves()
        return tree.node(_hash(left, batches), _hash(right, batches))
    row = batches.get(part.start + part.size - 1)
    if row is None:
        raise _faulty(f"batch {part.start + part.size - 1}")
    if part.size == 1:
        return tree.leaf(batch_data(row, row["entries_count"], row["root"]))
    return bytes(row["peaks"][-_HASH_BYTES:])


def _faulty(where: str) -> CliError:
    return CliError(
        "HISTORY_FAULTY", f"the ledger's proof does not hold at {where}: see `waystone verify`", EXIT_FAULTS
    )
