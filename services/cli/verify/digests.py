"""What each digest of the ledger is over; docs/proof.md says the same in words."""

from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from services.cli.verify import packing
from services.cli.verify.packing import array, binary, day, moment, number, text, texts, truth

OUTCOMES = ("applied", "duplicate", "rejected", "parked", "ignored", "control")
ENTRY_COLUMNS: dict[str, Callable[[Any], bytes]] = {
    "occurred_at": moment,
    "log_offset": number,
    "log_partition": number,
    "follow_up": day,
    "kind": number,
    "subkind": number,
    "by": number,
    "basis": number,
    "size": number,
    "visibility": number,
    "giver_is_manager": truth,
    "lead": truth,
    "stretch": truth,
    "id": text,
    "employee": text,
    "cause_source": text,
    "cause_id": text,
    "digest": binary,
    "giver": text,
    "accepted_by": text,
    "goal": text,
    "value": text,
    "answers_source": text,
    "answers_id": text,
    "award_grant": text,
    "withdraws": text,
    "skills": texts,
    "helped_by": texts,
}
WORDS_COLUMNS: dict[str, Callable[[Any], bytes]] = {
    "title": text,
    "words": text,
    "impact": text,
    "links": texts,
    "lines": text,
}
_ENTRY_WRITERS, _WORDS_WRITERS = tuple(ENTRY_COLUMNS.values()), tuple(WORDS_COLUMNS.values())


def of_columns(values: Sequence[Any]) -> bytes:
    """Digest of an entry's columns, in the order of ENTRY_COLUMNS; ids as text."""
    return sha256(b"waystone/entry/1" + packing.record(_ENTRY_WRITERS, values)).digest()


def of_words(salt: bytes, values: Sequence[Any]) -> bytes:
    """Salted digest of an entry's free text, in the order of WORDS_COLUMNS."""
    return sha256(salt + packing.record(_WORDS_WRITERS, values)).digest()


def entry_leaf(entry_id: str, columns: bytes, words: bytes) -> bytes:
    """Leaf hash of an entry."""
    return sha256(b"\x00" + entry_id.encode() + columns + words).digest()


def of_outcomes(ranges: Sequence[Sequence[tuple[int, int]]]) -> bytes:
    """Digest of a batch's outcomes: for each of OUTCOMES its ranges `[start, end)` of offsets, rising."""
    lists = [array([array([number(a), number(b)]) for a, b in outcome]) for outcome in ranges]
    return sha256(array(lists)).digest()


def batch_data(
    partition: int,
    epoch: int,
    first_offset: int,
    next_offset: int,
    outcomes: bytes,
    entries_count: int,
    root: bytes,
) -> bytes:
    """What the leaf of a batch is over. outcomes: their digest."""
    return b"waystone/batch/1" + array(
        [
            number(partition),
            number(epoch),
            number(first_offset),
            number(next_offset),
            binary(outcomes),
            number(entries_count),
            binary(root),
        ]
    )


def checkpoint_data(partition: int, tree_size: int, head: bytes, signed_at: datetime, key_id: str) -> bytes:
    """What a checkpoint's signature is over."""
    return b"waystone/checkpoint/1" + array(
        [number(partition), number(tree_size), binary(head), moment(signed_at), text(key_id)]
    )


def key_id(public_key: bytes) -> str:
    """Id of a public key of 32 bytes."""
    return sha256(public_key).hexdigest()[:16]
