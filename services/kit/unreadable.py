"""Records the client cannot read are stepped over one by one, and nothing else with them.

A header name that is not UTF-8, a bad checksum or an unknown codec fails inside aiokafka's own fetch: it drops what
it had read of that fetch, and fails at the same place for ever. Here the batch reader hands out a stand-in for each
such record instead: coordinates, and no bytes. The consumer's fetcher is pointed at this reader by `install`.
Only a broken batch that claims more records than any producer sends is not stepped over: Stop `LOG_UNREADABLE`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import aiokafka.consumer.fetcher
from aiokafka import ConsumerRecord
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy
from aiokafka.record.util import decode_varint

from services.kit.errors import Stop

# A batch whose header claims more than this is not stepped over record by record.
_BATCH_RECORDS_MAX = 1_000_000
_MARK = ("", b"unreadable")


def is_unreadable(record: ConsumerRecord) -> bool:
    """True for a stand-in."""
    return bool(record.headers) and record.headers[0] is _MARK


def install() -> None:
    """Make every consumer of this process read through `_Records`. Held by tests against a real broker."""
    aiokafka.consumer.fetcher.MemoryRecords = _Records


@dataclass(frozen=True, slots=True)
class _StandIn:
    """Looks like a record to the fetcher."""

    offset: int
    timestamp: int
    timestamp_type: int = 0
    key: None = None
    value: None = None
    checksum: None = None
    headers: tuple[tuple[str, bytes]] = (_MARK,)


class _Records(_MemoryRecordsPy):  # type: ignore[misc]
    """The batches of one fetch."""

    def next_batch(self) -> "_Batch | None":  # type: ignore[override, unused-ignore]
        raw = self._next_slice
        if raw is None:
            return None
        self._cache_next()
        return _Batch(raw)


class _Batch:
    """One batch: the fast reader where it can read, the stand-ins where it cannot."""

    def __init__(self, raw: memoryview) -> None:
        self._raw = raw
        self._batch: Any = DefaultRecordBatch(raw)
        self._intact = True
        self.base_offset: int = self._batch.base_offset
        self.next_offset: int = self._batch.next_offset
        self.producer_id: int | None = self._batch.producer_id
        self.is_control_batch: bool = self._batch.is_control_batch
        self.is_transactional: bool = self._batch.is_transactional

    def validate_crc(self) -> bool:
        """Always true for the fetcher, which would stop for good; a broken batch yields stand-ins instead."""
        self._intact = self._batch.validate_crc()
        return True

    def __iter__(self) -> Iterator[Any]:
        if not self._intact:
            return self._stand_ins(self.base_offset)
        try:
            return iter(list(self._batch))
        except Exception:  # whatever a malformed record makes the fast reader raise
            return self._one_by_one()

    def __next__(self) -> Any:
        return next(self._batch)

    def _stand_ins(self, offset: int) -> Iterator[_StandIn]:
        """Stand-ins from `offset` to the end of the batch. Raises Stop `LOG_UNREADABLE` when that lies too far off."""
        if self.next_offset - offset > _BATCH_RECORDS_MAX:
            raise Stop(
                "LOG_UNREADABLE",
                f"a broken batch at offset {offset} claims to go on until {self.next_offset}",
            )
        for missing in range(offset, self.next_offset):
            yield _StandIn(missing, self._batch.max_timestamp)

    def _one_by_one(self) -> Iterator[Any]:
        """Read with the slow reader, stepping over each record it fails at; give up at the first bad length."""
        reader = _DefaultRecordBatchPy(self._raw)
        offset = self.base_offset
        try:
            iter(reader)
            while True:
                start = reader._pos
                try:
                    record = next(reader, None)
                except CorruptRecordException:
                    end, offset = _skip(reader, start)
                    yield _StandIn(offset, self._batch.max_timestamp)
                    reader._pos, reader._next_record_index = end, reader._next_record_index + 1
                else:
                    if record is None:
                        return
                    yield record
                    offset = record.offset
                offset += 1
        except Exception:  # unknown codec, or lengths that make no sense: the rest of the batch is lost to us
            yield from self._stand_ins(offset)


def _skip(reader: Any, start: int) -> tuple[int, int]:
    """Position after the record that begins at `start`, and its offset. Raises when its lengths make no sense."""
    length, body = decode_varint(reader._buffer, start)
    if length <= 0 or body + length > len(reader._buffer):
        raise CorruptRecordException("record length outside its batch")
    _, place = decode_varint(reader._buffer, body)  # attributes
    _, place = decode_varint(reader._buffer, place)  # time
    delta, _ = decode_varint(reader._buffer, place)
    return body + length, reader.base_offset + delta
