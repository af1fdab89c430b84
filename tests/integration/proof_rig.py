"""A ledger whose batches are stored by the kit's own writer, with any offsets, and verified by the command's code."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from aiokafka import ConsumerRecord, TopicPartition
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from pydantic import SecretStr

from schemas.registry import BY_NAME
from services.cli.proofs.file import EntryProof
from services.cli.proofs.make import prove
from services.cli.servers import reading
from services.cli.verify.report import Report
from services.cli.verify.verification import Targets, verify
from services.kit import ids, positions
from services.kit.batch import Item, Position
from services.kit.run import create_pool
from services.kit.settings import ServiceSettings
from services.kit.sql import Pool
from services.kit.writer import Writer
from services.ledger.handlers import LedgerHandler
from services.ledger.proof.checkpoints import Checkpoints
from services.ledger.proof.keys import CheckpointSettings, PublicKey, retired_keys, signing_key
from tests.unit.ledger_records import NOW, canonical, event_of, record_of

ENTRIES = "recognition.entries.v1"
AT = datetime(2026, 10, 6, 12, tzinfo=UTC)
_OFFSETS_MAX = 1_000_000


class Signer:
    """A pair of keys as the settings name them."""

    def __init__(self, seed: bytes) -> None:
        private = Ed25519PrivateKey.from_private_bytes(seed)
        self.private_pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        self.public_pem = (
            private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        )
        self.raw = private.public_key().public_bytes_raw()
        self.settings = CheckpointSettings(checkpoint_signing_key=SecretStr(self.private_pem))
        key = signing_key(self.settings)
        assert key is not None
        self.key = key

    @classmethod
    def pretending(cls, other: Signer) -> Signer:
        """Names the other's key, and signs with one of its own."""
        pretender = cls(b"p" * 32)
        pretender.key = replace(pretender.key, public=other.key.public)
        return pretender


OLD, NEW, STRANGER = Signer(b"o" * 32), Signer(b"n" * 32), Signer(b"x" * 32)


def note(label: str, employee: str = "e-1", giver: str = "e-2", **said: Any) -> dict[str, Any]:
    """Thanks, before they have a place in the log."""
    return {
        "label": label,
        "employee": employee,
        "giver": giver,
        "words": f"Secret words of {label}.",
        **said,
    }


def entry_id(label: str, employee: str = "e-1", name: str = "recognition", at: datetime = AT) -> str:
    """Id of an entry of the rig."""
    return str(ids.derive(at, name, "urn:tracker", label, employee))


@dataclass
class Ledger:
    """One database of the ledger and a writer."""

    url: str
    pool: Pool
    writer: Writer[Any]
    handler: LedgerHandler
    positions: dict[TopicPartition, Position] = field(default_factory=dict)
    _offsets: dict[int, itertools.count[int]] = field(default_factory=dict)

    @classmethod
    async def open(cls, url: str) -> Ledger:
        """Connect; nothing is claimed yet."""
        pool = await create_pool(
            ServiceSettings(kafka_bootstrap_servers="unused", database_url=SecretStr(url))
        )
        handler = LedgerHandler(b"key")
        return cls(url, pool, Writer(pool, handler, group="ledger", digest_key=b"key"), handler)

    async def claim(self, partition: int, topic: str = ENTRIES) -> Position:
        """Become the owner of a partition, as after a rebalance."""
        place = TopicPartition(topic, partition)
        async with self.pool.acquire() as connection:
            [position] = await positions.claim(
                connection, [place], cluster_id="test", beginnings={place: 0}, ends={place: _OFFSETS_MAX}
            )
        self.positions[place] = position
        return position

    def offset(self, partition: int) -> int:
        """The next offset of a partition's log."""
        return next(self._offsets.setdefault(partition, itertools.count()))

    def entry(self, said: dict[str, Any], partition: int = 0, skip: int = 0) -> ConsumerRecord:
        """Thanks as a record at the next offset. skip: offsets that the log never shows before it."""
        body = {k: v for k, v in said.items() if k != "label"} | {
            "by": "person", "kind": "thanks", "title": "Thanks",
            "cause": {"source": "urn:tracker", "id": said["label"]},
        }  # fmt: skip
        return self.record("recognition", said["label"], body, partition, skip)

    def record(
        self,
        name: str,
        label: str,
        body: dict[str, Any],
        partition: int = 0,
        skip: int = 0,
        at: datetime = AT,
    ) -> ConsumerRecord:
        """A record of the entries topic at the next offset."""
        for _ in range(skip):
            self.offset(partition)
        event_type = BY_NAME[name]
        event = event_of(
            event_type, canonical(event_type, body), at=at, id_=entry_id(label, body["employee"], name, at)
        )
        return record_of(event, partition=partition, offset=self.offset(partition))

    async def store(self, *records: ConsumerRecord) -> list[Item[Any]]:
        """Store one batch, as a lane would."""
        items = []
        for record in records:
            place = TopicPartition(record.topic, record.partition)
            position = self.positions.get(place) or await self.claim(record.partition, record.topic)
            items.append(Item(position, record, self.handler.decode(record, NOW)))
        await self.writer.store(items)
        return items

    def checkpoints(self, signer: Signer | None, *retired: Signer, seconds: float = 600) -> Checkpoints:
        """As the service wires them."""
        named = CheckpointSettings(checkpoint_retired_keys="".join(one.public_pem for one in retired))
        keys: Sequence[PublicKey] = retired_keys(named)
        return Checkpoints(self.pool, signer and signer.key, keys, seconds)

    async def sign(self, signer: Signer = NEW) -> int:
        """Sign whatever has grown."""
        return await self.checkpoints(signer).sign(datetime.now(UTC))

    async def verify(self, *keys: Signer) -> Report:
        """Everything that the database alone shows."""
        return await verify(Targets({"ledger": self.url}, keys=[key.raw for key in keys]))

    async def prove(self, entry_id: str) -> EntryProof:
        """A proof under the newest checkpoint."""
        async with reading("ledger", self.url) as connection:
            return await prove(connection, UUID(entry_id))

    async def entry_ids(self) -> list[str]:
        """Ids of all entries, in order of the log."""
        rows = await self.pool.fetch("SELECT id::text FROM entry ORDER BY log_partition, log_offset")
        return [row["id"] for row in rows]

    async def close(self) -> None:
        """Let go of the database."""
        await self.pool.close()


def faults(report: Report) -> list[tuple[str, str]]:
    """Check and first fault of each that found one."""
    return [
        (check.name, f"{fault.place}: {fault.expected}; {fault.found}")
        for check in report.checks
        for fault in check.faults
    ]
