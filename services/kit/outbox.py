"""Outgoing events are rows of the same transaction; a relay publishes them later, in order (see relay.py)."""

from collections.abc import Iterator, Sequence

import msgspec

from services.kit.batch import Outgoing
from services.kit.cloudevents import RawHeader
from services.kit.sql import PLUMBING, AnyConnection

ROW_BYTES_MAX = 4 * 1024 * 1024

_Packed = tuple[str, bytes | None, bytes | None, list[RawHeader]]
_decoder = msgspec.msgpack.Decoder(list[_Packed])


async def append(connection: AnyConnection, records: Sequence[Outgoing]) -> None:
    """Write records to the outbox; must be the transaction's last statement (see the query)."""
    if not records:
        return
    counts: list[int] = []
    rows: list[bytes] = []
    for chunk in _chunks(records):
        counts.append(len(chunk))
        rows.append(pack(chunk))
    await connection.execute(PLUMBING["insert_outbox"], counts, rows)


def pack(records: Sequence[Outgoing]) -> bytes:
    """Records → one outbox row."""
    return msgspec.msgpack.encode([(r.topic, r.key, r.value, list(r.headers)) for r in records])


def unpack(row: bytes) -> list[Outgoing]:
    """The records of one outbox row, in order."""
    return [Outgoing(topic, key, value, headers) for topic, key, value, headers in _decoder.decode(row)]


def pack_headers(headers: Sequence[RawHeader]) -> bytes:
    """Headers as the set-aside table keeps them."""
    return msgspec.msgpack.encode(list(headers))


def _chunks(records: Sequence[Outgoing]) -> Iterator[list[Outgoing]]:
    chunk: list[Outgoing] = []
    size = 0
    for record in records:
        weight = _weight_bytes(record)
        if chunk and size + weight > ROW_BYTES_MAX:
            yield chunk
            chunk, size = [], 0
        chunk.append(record)
        size += weight
    yield chunk


def _weight_bytes(record: Outgoing) -> int:
    """At least what the record takes in a row."""
    headers = sum(4 * len(name) + len(value or b"") + 16 for name, value in record.headers)
    return 4 * len(record.topic) + len(record.key or b"") + len(record.value or b"") + headers + 32
