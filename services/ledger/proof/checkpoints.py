"""Signed statements of how far history had come: kept in the database, and published for whoever keeps a copy."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import asyncpg

from schemas.models.checkpoints import CheckpointV1
from schemas.registry import BY_NAME
from services.kit import cloudevents, ids, logs, outbox
from services.kit.batch import Outgoing
from services.kit.remedy import TROUBLE
from services.kit.sql import Pool
from services.ledger import metrics
from services.ledger.decode import ENTRIES
from services.ledger.proof.encoding import checkpoint_data
from services.ledger.proof.keys import PublicKey, SigningKey
from services.ledger.proof.sealing import QUERIES

SOURCE = "urn:waystone:ledger"
_TYPE = BY_NAME["checkpoint"]
# A partition falls due between two looks: its checkpoint is late by at most this part of the interval.
_LOOKS_PER_INTERVAL = 4
_ACQUIRE_SECONDS_MAX = 10.0
_log = logs.get("checkpoints")


class Checkpoints:
    """Signs what has grown: at an interval, and when the service ends. One process at a time, under a lock."""

    def __init__(
        self,
        pool: Pool,
        key: SigningKey | None,
        retired: Sequence[PublicKey],
        interval_seconds: float,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """key: None signs nothing. retired: keys to publish beside it. interval_seconds: between two of a partition."""
        self._pool = pool
        self._key = key
        self._retired = retired
        self._interval = timedelta(seconds=interval_seconds)
        self._now = now

    async def run(self) -> None:
        """Sign until cancelled; a database that is away is waited for."""
        if self._key is None:
            _log.warning("CHECKPOINT_SIGNING_KEY is not set: no checkpoint is signed, and what history loses shows "
                         "only beside the Kafka log")  # fmt: skip
        while True:
            await self._try(self._now() - self._interval)
            await asyncio.sleep(self._interval.total_seconds() / _LOOKS_PER_INTERVAL)

    async def close(self) -> None:
        """Sign what has grown since the last checkpoint, however young that is. What fails is left to the next."""
        await self._try(self._now())

    async def _try(self, before: datetime) -> None:
        try:
            await self.sign(before)
        except TROUBLE as error:
            _log.warning("checkpoints must wait", error=logs.error_name(error))

    async def sign(self, before: datetime) -> int:
        """Sign the head of each partition that has grown and has no checkpoint of `before` (UTC) or later.

        Returns how many were signed. The checkpoint and the event of it commit together.
        """
        keys = [*self._retired] if self._key is None else [self._key.public, *self._retired]
        async with self._pool.acquire(timeout=_ACQUIRE_SECONDS_MAX) as connection, connection.transaction():
            await connection.execute(QUERIES["lock_signing"])
            await connection.execute(QUERIES["insert_keys"], [k.id for k in keys], [k.raw for k in keys])
            if self._key is None:
                return 0
            heads = await connection.fetch(QUERIES["read_unsigned"], ENTRIES, before)
            if not heads:
                return 0
            signed_at = _whole_ms(self._now())
            signatures = [_sign(self._key, head, signed_at) for head in heads]
            await connection.execute(
                QUERIES["insert_checkpoints"],
                [head["partition"] for head in heads],
                [head["tree_size"] for head in heads],
                [head["head"] for head in heads],
                signed_at,
                self._key.public.id,
                signatures,
            )
            await outbox.append(
                connection,
                [
                    _event(self._key, head, signed_at, one)
                    for head, one in zip(heads, signatures, strict=True)
                ],
            )
        metrics.CHECKPOINTS.inc(len(heads))
        metrics.CHECKPOINT_AT.set(signed_at.timestamp())
        return len(heads)


def _sign(key: SigningKey, head: asyncpg.Record, signed_at: datetime) -> bytes:
    data = checkpoint_data(head["partition"], head["tree_size"], head["head"], signed_at, key.public.id)
    return key.sign(data)


def _event(key: SigningKey, head: asyncpg.Record, signed_at: datetime, signature: bytes) -> Outgoing:
    body = CheckpointV1(
        partition=head["partition"],
        tree_size=head["tree_size"],
        head=head["head"].hex(),
        signed_at=signed_at,
        key_id=key.public.id,
        signature=signature.hex(),
    )
    partition = str(body.partition)
    event = cloudevents.Event(
        id=str(ids.derive(signed_at, "checkpoint", SOURCE, partition, str(body.tree_size))),
        source=SOURCE,
        type=_TYPE.type,
        time=signed_at,
        data=body.model_dump_json().encode(),
        dataschema=_TYPE.dataschema,
        partitionkey=partition,
    )
    return Outgoing(_TYPE.topic, *cloudevents.encode(event))


def _whole_ms(time: datetime) -> datetime:
    return time.replace(microsecond=time.microsecond // 1000 * 1000)
