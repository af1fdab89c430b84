"""The bytes that are hashed and signed, written as docs/proof.md describes them and by nothing else."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

NIL = b"\xc0"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SMALL = [bytes((number,)) for number in range(128)]
_SHORT_TEXT = [bytes((0xA0 | length,)) for length in range(32)]
_SIGNED = ((0xD0, 1), (0xD1, 2), (0xD2, 4), (0xD3, 8))
_UNSIGNED = ((0xCC, 1), (0xCD, 2), (0xCE, 4), (0xCF, 8))


def number(value: int) -> bytes:
    """An integer in as few bytes as it fits in."""
    if 0 <= value < 128:
        return _SMALL[value]
    if value >= 0:
        return _sized(_UNSIGNED, value)
    if value >= -32:
        return value.to_bytes(1, "big", signed=True)
    for mark, width in _SIGNED:
        if value >= -(1 << (8 * width - 1)):
            return bytes((mark,)) + value.to_bytes(width, "big", signed=True)
    raise OverflowError(value)


def text(value: str) -> bytes:
    """UTF-8 behind its length in bytes."""
    data = value.encode()
    if len(data) < 32:
        return _SHORT_TEXT[len(data)] + data
    return _sized(((0xD9, 1), (0xDA, 2), (0xDB, 4)), len(data)) + data


def binary(value: bytes) -> bytes:
    """Bytes behind their length."""
    return _sized(((0xC4, 1), (0xC5, 2), (0xC6, 4)), len(value)) + value


def truth(value: bool) -> bytes:
    """A boolean."""
    return b"\xc3" if value else b"\xc2"


def day(value: date) -> bytes:
    """A calendar day as text, `YYYY-MM-DD`."""
    return text(value.isoformat())


def moment(value: datetime) -> bytes:
    """A moment: seconds since 1970 and nanoseconds."""
    seconds, microseconds = divmod((value - _EPOCH) // _MICROSECOND, 1_000_000)
    nanoseconds = microseconds * 1000
    if not nanoseconds and 0 <= seconds < 1 << 32:
        return b"\xd6\xff" + seconds.to_bytes(4, "big")
    if 0 <= seconds < 1 << 34:
        return b"\xd7\xff" + (nanoseconds << 34 | seconds).to_bytes(8, "big")
    return b"\xc7\x0c\xff" + nanoseconds.to_bytes(4, "big") + seconds.to_bytes(8, "big", signed=True)


def array(parts: Sequence[bytes]) -> bytes:
    """Values already written, behind their count."""
    count = len(parts)
    head = bytes((0x90 | count,)) if count < 16 else _sized(((0xDC, 2), (0xDD, 4)), count)
    return head + b"".join(parts)


def texts(value: Sequence[str]) -> bytes:
    """A list of texts."""
    return array([text(one) for one in value])


def record(writers: Sequence[Callable[[Any], bytes]], values: Sequence[Any]) -> bytes:
    """One value per writer, in order; None is nil."""
    return array([NIL if v is None else write(v) for write, v in zip(writers, values, strict=True)])


def _sized(marks: Sequence[tuple[int, int]], size: int) -> bytes:
    for mark, width in marks:
        if size < 1 << (8 * width):
            return bytes((mark,)) + size.to_bytes(width, "big")
    raise OverflowError(size)
