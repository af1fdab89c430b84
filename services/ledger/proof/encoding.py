"""What is hashed and what is signed, byte for byte: MessagePack in its shortest form (see docs/proof.md). Pure."""

from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec

from services.kit.batch import Outcome, Span
from services.ledger.domain import Entry, Words

_encode = msgspec.msgpack.Encoder().encode
_WORDS_FROM = Words._fields.index("title")
_ENTRY, _BATCH, _CHECKPOINT = b"waystone/entry/1", b"waystone/batch/1", b"waystone/checkpoint/1"

StoredEntry = tuple[Any, ...]
"""One row of `entry`: the columns of `Entry`, then `words_digest`."""


def words_digest(salt: bytes, words: Words) -> bytes:
    """Digest of an entry's free text: all that history keeps of it once it is erased."""
    return sha256(salt + _encode(words[_WORDS_FROM:])).digest()


def entry_leaf(entry: Entry, digest_of_words: bytes) -> bytes:
    """Leaf hash of an entry: over its id, the digest of its columns and the digest of its words.

    Two steps, so that a proof names the entry and its digests, and discloses nothing else of it.
    """
    columns = sha256(_ENTRY + _encode(entry)).digest()
    return sha256(b"\x00" + entry.id.encode() + columns + digest_of_words).digest()


def batch_data(span: Span, entries_count: int, root: bytes) -> bytes:
    """What the leaf of a batch says: who wrote which offsets, what became of each, and the root of its entries."""
    outcomes = _encode([span.offsets.get(outcome, ()) for outcome in Outcome])
    position = span.position
    return _BATCH + _encode(
        (
            position.partition.partition,
            position.epoch,
            span.first_offset,
            span.next_offset,
            sha256(outcomes).digest(),
            entries_count,
            root,
        )
    )


def checkpoint_data(partition: int, tree_size: int, head: bytes, signed_at: datetime, key_id: str) -> bytes:
    """What a checkpoint signs. signed_at: UTC, whole ms."""
    return _CHECKPOINT + _encode((partition, tree_size, head, signed_at, key_id))
