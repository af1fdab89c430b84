"""The walk through history in order of the log: every entry hashed anew, every batch's root, every tree's head."""

from collections import deque
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
from asyncpg.cursor import Cursor

from services.cli.verify import digests, tree
from services.cli.verify.report import Check
from services.cli.verify.tally import Finding
from services.cli.verify.within import ENTRIES
from services.kit.sql import Connection, Queries

PROOF = Queries(Path(__file__).parent / "sql" / "proof.sql")
_ROWS_AT_ONCE = 2_000
_BATCHES_AT_ONCE = 20
_COLUMNS = len(digests.ENTRY_COLUMNS)
_ID, _PARTITION, _OFFSET = (
    list(digests.ENTRY_COLUMNS).index(c) for c in ("id", "log_partition", "log_offset")
)
Row = asyncpg.Record


class Walk:
    """What the walk found: one Finding per promise."""

    def __init__(self, done: Callable[[int], None]) -> None:
        """done: told how many more entries were hashed."""
        self._done = done
        self.entries = Finding("ledger", "entries = their digests")
        self.roots = Finding("ledger", "batches = their roots")
        self.heads = Finding("ledger", "roots = tree heads")
        self._trees: dict[int, tree.Growing] = {}

    async def run(self, connection: Connection) -> None:
        """Read both lists side by side, in bounded memory."""
        entries = _Entries(await connection.cursor(PROOF["entries"]))
        async for batch in _rows(await connection.cursor(PROOF["batches"], ENTRIES), _BATCHES_AT_ONCE):
            place = (batch["partition"], batch["first_offset"])
            self._outside(await entries.until(*place))
            if batch["next_offset"] is None:
                self.roots.fault(_place(batch), "a batch, for there is a proof of it", "none")
                continue
            found = await entries.until(batch["partition"], batch["next_offset"])
            self.entries.checked += len(found)
            self.roots.checked += 1
            self._batch(batch, found)
            self._done(len(found))
        self._outside(await entries.until(None, None))

    def _outside(self, rows: list[Row]) -> None:
        if rows:
            self.entries.checked += len(rows)
            self.entries.fault(_entry(rows[0]), "a batch that covers its offset", "none", len(rows))

    def _batch(self, batch: Row, rows: list[Row]) -> None:
        if batch["tree_index"] is None:
            self.roots.fault(_place(batch), "a proof of the batch", "none")
            return
        joined = batch["leaves"]
        leaves = [joined[at : at + 32] for at in range(0, len(joined), 32)]
        self._compare_entries(batch, leaves, rows)
        root = tree.head(leaves)
        if root != batch["root"]:
            self.roots.fault(
                _place(batch), f"root {root.hex()}, of its entries", f"root {batch['root'].hex()}"
            )
        self._grow(batch, len(leaves), root)

    def _compare_entries(self, batch: Row, leaves: list[bytes], rows: list[Row]) -> None:
        found = [
            digests.entry_leaf(row[_ID], digests.of_columns(row[:_COLUMNS]), row["words_digest"])
            for row in rows
        ]
        if found == leaves:
            return
        if len(found) != len(leaves):
            place = f"{_place(batch)} to {batch['next_offset'] - 1}"
            self.entries.fault(place, f"{len(leaves)} entries under its root", f"{len(found)}")
        known = {leaf: at for at, leaf in enumerate(leaves)}
        for at, (row, leaf) in enumerate(zip(rows, found, strict=True)):
            if at < len(leaves) and leaf == leaves[at]:
                continue
            if leaf in known:
                if len(found) == len(leaves):
                    self.entries.fault(_entry(row), f"place {at} of its batch", f"place {known[leaf]}")
                continue
            expected = f"digest {leaves[at].hex()}" if at < len(leaves) else "no entry in its batch"
            self.entries.fault(_entry(row), expected, f"digest {leaf.hex()}")

    def _grow(self, batch: Row, entries_count: int, root: bytes) -> None:
        growing = self._trees.setdefault(batch["partition"], tree.Growing())
        self.heads.checked += 1
        place = f"{_place(batch)} in the tree of partition {batch['partition']}"
        if batch["tree_index"] != growing.size:
            self.heads.fault(place, f"index {growing.size}", f"index {batch['tree_index']}")
        growing.grow(tree.leaf(batch_data(batch, entries_count, root)))
        if growing.head != batch["head"]:
            self.heads.fault(place, f"head {growing.head.hex()}", f"head {batch['head'].hex()}")
        elif growing.peaks != batch["peaks"]:
            self.heads.fault(place, f"peaks {growing.peaks.hex()}", f"peaks {batch['peaks'].hex()}")

    def checks(self) -> list[Check]:
        """What came of it."""
        trees = len(self._trees)
        return [
            self.entries.check(f"{self.entries.checked:,} entries"),
            self.roots.check(f"{self.roots.checked:,} batches"),
            self.heads.check(f"{self.heads.checked:,} batches, {trees:,} partitions"),
        ]


async def words_check(connection: Connection) -> Check:
    """Free text that is there is the text that came: it and its salt give the digest that history keeps."""
    finding = Finding("ledger", "words = their digests")
    async for row in _rows(await connection.cursor(PROOF["words"]), _ROWS_AT_ONCE):
        finding.checked += 1
        digest = digests.of_words(row["salt"], row[3:])
        if digest != row["words_digest"]:
            finding.fault(f"words of entry {row['id']}", f"digest {row['words_digest'].hex()}", digest.hex())
    return finding.check(f"{finding.checked:,} texts")


def batch_data(batch: Row, entries_count: int, root: bytes) -> bytes:
    """What the leaf of a batch is over, from its row."""
    return digests.batch_data(
        batch["partition"],
        batch["epoch"],
        batch["first_offset"],
        batch["next_offset"],
        digests.of_outcomes(outcomes(batch)),
        entries_count,
        root,
    )


def outcomes(batch: Row) -> list[list[tuple[int, int]]]:
    """Ranges `[start, end)` by outcome, in the order of digests.OUTCOMES. No batch has endless ones."""
    return [[(r.lower or 0, r.upper or 0) for r in batch[name]] for name in digests.OUTCOMES]


class _Entries:
    """Entries in order of the log, taken stretch by stretch."""

    def __init__(self, cursor: "Cursor[Row]") -> None:
        self._cursor = cursor
        self._waiting: deque[Row] = deque()
        self._ended = False

    async def until(self, partition: int | None, offset: int | None) -> list[Row]:
        """The next entries before this place; all that is left when there is no place."""
        taken: list[Row] = []
        while True:
            if not self._waiting:
                if not self._ended:
                    self._waiting.extend(await self._cursor.fetch(_ROWS_AT_ONCE))
                if not self._waiting:
                    self._ended = True
                    return taken
            row = self._waiting[0]
            if partition is not None and (row[_PARTITION], row[_OFFSET]) >= (partition, offset):
                return taken
            taken.append(self._waiting.popleft())


async def _rows(cursor: "Cursor[Row]", at_once: int) -> AsyncIterator[Row]:
    while rows := await cursor.fetch(at_once):
        for row in rows:
            yield row


def _place(batch: Row) -> str:
    return f"{ENTRIES}[{batch['partition']}] offset {batch['first_offset']}"


def _entry(row: Row) -> str:
    return f"entry {row[_ID]} at {ENTRIES}[{row[_PARTITION]}] offset {row[_OFFSET]}"
