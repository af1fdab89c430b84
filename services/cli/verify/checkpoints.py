"""Checkpoints: signed by a key one trusts, of the tree's own heads, and the same in the log as in the database."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from aiokafka import TopicPartition
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.cli.verify import digests
from services.cli.verify.history import PROOF
from services.cli.verify.log import Log
from services.cli.verify.report import Check, Fault, made
from services.cli.verify.tally import Finding
from services.kit.sql import Connection

CHECKPOINTS = "recognition.checkpoints.v1"
_ROWS_AT_ONCE = 1_000
Keys = Mapping[str, bytes]
"""Public keys of 32 bytes by id."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What was signed, and the signature."""

    partition: int
    tree_size: int
    head: bytes
    signed_at: datetime
    key_id: str
    signature: bytes

    @property
    def place(self) -> str:
        """How a fault names it."""
        return f"partition {self.partition} checkpoint of size {self.tree_size}"

    def is_signed(self, keys: Keys) -> bool:
        """Whether one of these keys, the one it names, made the signature."""
        key = keys.get(self.key_id)
        data = digests.checkpoint_data(self.partition, self.tree_size, self.head, self.signed_at, self.key_id)
        return key is not None and signed(key, self.signature, data)


def signed(public_key: bytes, signature: bytes, data: bytes) -> bool:
    """Whether this key made this signature over these bytes."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


async def keys_of(connection: Connection, trusted: Sequence[bytes]) -> dict[str, bytes]:
    """The keys to judge by: those one trusts, or, where none are named, those the ledger itself names."""
    if trusted:
        return {digests.key_id(key): key for key in trusted}
    rows = await connection.fetch(PROOF["keys"])
    return {
        row["key_id"]: row["public_key"] for row in rows if digests.key_id(row["public_key"]) == row["key_id"]
    }


async def checks_within(connection: Connection, keys: Keys, trusted: bool) -> list[Check]:
    """What can be said of the database alone. trusted: the keys came from outside."""
    figures = await connection.fetchrow(PROOF["figures"])
    assert figures is not None
    signatures = Finding("ledger", "checkpoints are signed")
    cursor = await connection.cursor(PROOF["checkpoints"])
    while rows := await cursor.fetch(_ROWS_AT_ONCE):
        for one in (Checkpoint(*row) for row in rows):
            signatures.checked += 1
            if one.key_id not in keys:
                signatures.fault(
                    one.place, f"a key of {', '.join(sorted(keys)) or 'nobody'}", f"key {one.key_id}"
                )
            elif not one.is_signed(keys):
                signatures.fault(one.place, f"a signature by key {one.key_id}", "one that is not")
    row = await connection.fetchrow(PROOF["checkpoints_fit"])
    by = "by keys you named" if trusted else "by keys the ledger names itself: name yours with --key"
    after = f"{figures['batches_after']:,} of {figures['batches']:,} batches came after"
    return [
        made(
            "ledger",
            "checkpoints = tree heads",
            figures["checkpoints"],
            f"{figures['checkpoints']:,} checkpoints; {after}: their loss shows beside the log alone",
            None if row is None else Fault(*row),
        ),
        signatures.check(f"{signatures.checked:,} checkpoints, {by}"),
    ]


async def published(
    connection: Connection, log: Log, ends: Mapping[TopicPartition, int], keys: Keys, waiting: int
) -> Check:
    """What the log holds of checkpoints by these keys is in the database, and what is there was published.

    ends: where the topic ended before the database's snapshot. waiting: records in the outbox of that snapshot.
    """
    finding = Finding("ledger", "checkpoints = those in the log")
    seen: set[tuple[int, int]] = set()
    async for _, records in log.read({partition: (0, end) for partition, end in ends.items()}):
        told = [one for record in records if (one := _parse(record.value)) and one.is_signed(keys)]
        rows = await connection.fetch(
            PROOF["checkpoints_beside"], [t.partition for t in told], [t.tree_size for t in told]
        )
        kept = {(row["partition"], row["tree_size"]): Checkpoint(*row) for row in rows}
        for one in told:
            finding.checked += 1
            beside = kept.get((one.partition, one.tree_size))
            seen.add((one.partition, one.tree_size))
            if beside != one:
                found = "none" if beside is None else f"head {beside.head.hex()} of {beside.signed_at}"
                finding.fault(one.place, f"head {one.head.hex()} of {one.signed_at}, as in the log", found)
    if not waiting:
        cursor = await connection.cursor(PROOF["checkpoints"])
        while rows := await cursor.fetch(_ROWS_AT_ONCE):
            for one in (Checkpoint(*row) for row in rows):
                if (one.partition, one.tree_size) not in seen:
                    finding.fault(one.place, "the same in the log", "none signed by a key that is known")
    return finding.check(f"{finding.checked:,} in the log")


def _parse(value: bytes | None) -> Checkpoint | None:
    """A record's checkpoint; None for whatever else somebody may have written there."""
    try:
        body = json.loads(value or b"")
        return Checkpoint(
            int(body["partition"]),
            int(body["tree_size"]),
            bytes.fromhex(body["head"]),
            datetime.fromisoformat(body["signed_at"]),
            str(body["key_id"]),
            bytes.fromhex(body["signature"]),
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
