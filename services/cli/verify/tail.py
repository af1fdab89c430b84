"""What came after the last checkpoint, beside the log: until the next one only the log vouches for it."""

from collections.abc import AsyncIterator
from typing import Any

from aiokafka import ConsumerRecord, TopicPartition

from services.cli.verify.history import PROOF
from services.cli.verify.log import Log
from services.cli.verify.report import Check
from services.cli.verify.tally import Finding
from services.cli.verify.within import ENTRIES
from services.kit.sql import Connection

_ROWS_AT_ONCE = 2_000
Told = tuple[int, str, str]
"""Offset, id and employee of an entry, as the log or history has it."""


async def tail_check(connection: Connection, log: Log) -> Check:
    """Each record after the last checkpoint that the log still has is in history as the log has it."""
    finding = Finding("ledger", "history after the checkpoints = the log")
    tails = await connection.fetch(PROOF["tails"], ENTRIES)
    partitions = [TopicPartition(ENTRIES, row["partition"]) for row in tails]
    bounds = await log.bounds([p for p in await log.partitions([ENTRIES]) if p in partitions])
    entries = _Entries(
        await connection.cursor(
            PROOF["tail_entries"], [row["partition"] for row in tails], [row["first_offset"] for row in tails]
        )
    )
    for partition, row in zip(partitions, tails, strict=True):
        begins, ends = bounds.get(partition, (0, 0))
        start, end = max(row["first_offset"], begins), min(row["next_offset"], ends)
        comparison = _Comparison(connection, finding, partition)
        await entries.until(partition.partition, start)
        async for records in log.read(partition, start, end):
            await comparison.compare(
                records, await entries.until(partition.partition, records[-1].offset + 1)
            )
        comparison.unlogged(await entries.until(partition.partition, end))
    return finding.check(f"{finding.checked:,} records in the log")


class _Comparison:
    """Two accounts of one partition."""

    def __init__(self, connection: Connection, finding: Finding, partition: TopicPartition) -> None:
        self._connection = connection
        self._finding = finding
        self._partition = partition

    async def compare(self, records: list[ConsumerRecord], rows: list[Told]) -> None:
        """records: a stretch of the log. rows: the entries at its offsets."""
        self._finding.checked += len(records)
        logged = {record.offset: _told(record) for record in records}
        kept = {row[0]: row for row in rows}
        self.unlogged([row for offset, row in kept.items() if offset not in logged])
        for offset, told in logged.items():
            if offset in kept and told is not None and told != kept[offset]:
                self._finding.fault(self._place(offset), f"{_said(told)}, as in the log", _said(kept[offset]))
        without = [told for offset, told in logged.items() if told is not None and offset not in kept]
        columns: list[Any] = list(zip(*without, strict=True)) if without else [[], [], []]
        row = await self._connection.fetchrow(
            PROOF["records_without_entry"], ENTRIES, self._partition.partition, *columns
        )
        if row is not None:
            self._finding.fault(row["place"], row["expected"], row["found"], row["faults"])

    def unlogged(self, rows: list[Told]) -> None:
        """Entries at offsets where the log has no record."""
        if rows:
            self._finding.fault(
                self._place(rows[0][0]), "no entry, for the log has no record", _said(rows[0]), len(rows)
            )

    def _place(self, offset: int) -> str:
        return f"{self._partition.topic}[{self._partition.partition}] offset {offset}"


class _Entries:
    """Entries in order of partition and offset, taken stretch by stretch."""

    def __init__(self, cursor: Any) -> None:
        self._stream = self._read(cursor)
        self._next: tuple[int, Told] | None = None

    async def _read(self, cursor: Any) -> AsyncIterator[tuple[int, Told]]:
        while rows := await cursor.fetch(_ROWS_AT_ONCE):
            for row in rows:
                yield row["log_partition"], (row["log_offset"], row["id"], row["employee"])

    async def until(self, partition: int, offset: int) -> list[Told]:
        """The next entries of this partition before this offset; what was left of earlier partitions is passed over."""
        taken: list[Told] = []
        while True:
            if self._next is None:
                self._next = await anext(self._stream, None)
            if self._next is None or (self._next[0], self._next[1][0]) >= (partition, offset):
                return taken
            if self._next[0] == partition:
                taken.append(self._next[1])
            self._next = None


def _told(record: ConsumerRecord) -> Told | None:
    """What a record says it is; None when it says nothing that could be an entry."""
    ids = [value for name, value in record.headers if name == "ce_id" and value is not None]
    if len(ids) != 1 or record.key is None:
        return None
    entry_id, employee = (
        data.decode("utf-8", "replace").replace("\x00", "�") for data in (ids[0], record.key)
    )
    return record.offset, entry_id, employee


def _said(told: Told) -> str:
    return f"entry {told[1]} of employee {told[2]}"
