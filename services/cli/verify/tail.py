"""What came after the last checkpoint, beside the log: until the next one only the log vouches for it."""

from collections import deque
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
    bounds = await log.bounds(await log.partitions([ENTRIES]))
    ranges: dict[TopicPartition, tuple[int, int]] = {}
    comparisons: dict[TopicPartition, _Comparison] = {}
    for number, first_offset, next_offset in await connection.fetch(PROOF["tails"], ENTRIES):
        partition = TopicPartition(ENTRIES, number)
        begins, ends = bounds.get(partition, (0, 0))
        start = max(first_offset, begins)
        ranges[partition] = start, min(next_offset, ends)
        entries = _Entries(await connection.cursor(PROOF["tail_entries"], number, start))
        comparisons[partition] = _Comparison(connection, finding, partition, entries)
    async for partition, records in log.read(ranges):
        await comparisons[partition].compare(records)
    for partition, (_, end) in ranges.items():
        await comparisons[partition].end(end)
    return finding.check(f"{finding.checked:,} records in the log")


class _Comparison:
    """Two accounts of one partition."""

    def __init__(
        self, connection: Connection, finding: Finding, partition: TopicPartition, entries: "_Entries"
    ) -> None:
        self._connection = connection
        self._finding = finding
        self._partition = partition
        self._entries = entries

    async def compare(self, records: list[ConsumerRecord]) -> None:
        """records: the next stretch of the log."""
        self._finding.checked += len(records)
        logged = {record.offset: _told(record) for record in records}
        kept = {row[0]: row for row in await self._entries.until(records[-1].offset + 1)}
        self._unlogged([row for offset, row in kept.items() if offset not in logged])
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

    async def end(self, offset: int) -> None:
        """The log has been read to this offset."""
        self._unlogged(await self._entries.until(offset))

    def _unlogged(self, rows: list[Told]) -> None:
        if rows:
            self._finding.fault(
                self._place(rows[0][0]), "no entry, for the log has no record", _said(rows[0]), len(rows)
            )

    def _place(self, offset: int) -> str:
        return f"{self._partition.topic}[{self._partition.partition}] offset {offset}"


class _Entries:
    """Entries of one partition in order of offset, taken stretch by stretch."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor
        self._waiting: deque[Told] = deque()

    async def until(self, offset: int) -> list[Told]:
        """The next entries before this offset."""
        taken: list[Told] = []
        while True:
            if not self._waiting:
                self._waiting.extend(tuple(row) for row in await self._cursor.fetch(_ROWS_AT_ONCE))
            if not self._waiting or self._waiting[0][0] >= offset:
                return taken
            taken.append(self._waiting.popleft())


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
