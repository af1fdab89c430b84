"""A broken record is stepped over alone; a broken batch costs its own offsets and nothing else."""

from typing import Any

import pytest
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from aiokafka.record.util import calc_crc32c

from services.kit import unreadable
from services.kit.errors import Stop


class _Name:
    def __init__(self, name: bytes) -> None:
        self._name = name

    def encode(self, _: str) -> bytes:
        return self._name


def _batch(names: list[bytes]) -> bytearray:
    builder = _DefaultRecordBatchBuilderPy(
        magic=2, compression_type=0, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=-1,
        batch_size=1_000_000,
    )  # fmt: skip
    for n, name in enumerate(names):
        builder.append(n, 1_700_000_000_000, b"k", str(n).encode(), [(_Name(name), b"v")])
    return bytearray(builder.build())


def _read(raw: bytes) -> list[Any]:
    records = unreadable._Records(raw)
    found: list[Any] = []
    while records.has_next():
        batch = records.next_batch()
        assert batch is not None
        assert batch.validate_crc()
        found += batch
    return found


@pytest.mark.parametrize("bad", [{0}, {3}, {7}, {0, 1, 7}, set(range(8))])
def test_only_the_records_with_a_broken_header_name_are_replaced(bad: set[int]) -> None:
    found = _read(bytes(_batch([b"\xff" if n in bad else b"fine" for n in range(8)])))
    assert [r.offset for r in found] == list(range(8))
    assert {r.offset for r in found if unreadable.is_unreadable(r)} == bad
    assert [r.value for r in found if r.offset not in bad] == [
        str(n).encode() for n in range(8) if n not in bad
    ]


def test_a_batch_with_a_bad_checksum_gives_a_stand_in_for_each_of_its_offsets() -> None:
    raw = _batch([b"h"] * 4)
    raw[-1] ^= 1
    found = _read(bytes(raw))
    assert [r.offset for r in found] == [0, 1, 2, 3]
    assert all(unreadable.is_unreadable(r) for r in found)


def test_a_batch_in_an_unknown_codec_gives_a_stand_in_for_each_of_its_offsets() -> None:
    raw = _batch([b"h"] * 4)
    raw[22] = 7  # lowest byte of the attributes
    raw[17:21] = calc_crc32c(bytes(raw[21:])).to_bytes(4, "big")
    found = _read(bytes(raw))
    assert [r.offset for r in found] == [0, 1, 2, 3]
    assert all(unreadable.is_unreadable(r) for r in found)


def test_the_batch_after_a_broken_one_is_read() -> None:
    broken, fine = _batch([b"h"] * 2), _batch([b"h"])
    broken[-1] ^= 1
    fine[0:8] = (2).to_bytes(8, "big")
    assert [unreadable.is_unreadable(r) for r in _read(bytes(broken + fine))] == [True, True, False]


def test_a_broken_batch_that_claims_too_many_records_stops_the_service() -> None:
    raw = _batch([b"h"] * 4)
    raw[23:27] = (1_000_000).to_bytes(4, "big")  # the last offset, relative to the first
    with pytest.raises(Stop, match="LOG_UNREADABLE"):
        _read(bytes(raw))


def test_a_header_that_only_looks_like_the_mark_is_a_record_like_any_other() -> None:
    [record] = _read(bytes(_batch([b""])))
    assert not unreadable.is_unreadable(record)
