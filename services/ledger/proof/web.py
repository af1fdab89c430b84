"""Open to everybody: the public keys of checkpoints and the newest checkpoints. They name no person."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from services.kit.sql import Pool
from services.ledger.proof.sealing import QUERIES

_EXAMPLE_KEY: JsonDict = {
    "key_id": "4f0c6ad1c2d8f0b1",
    "public_key": "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "first_seen_at": "2026-01-05T08:00:00Z",
    "last_signed_at": "2026-11-20T17:40:00Z",
}


class _Answer(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class CheckpointKey(_Answer):
    """A public key that signs, or has signed, checkpoints."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE_KEY})
    key_id: str
    """First 16 hexadecimal digits of the SHA-256 of the key."""
    public_key: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Ed25519, the 32 bytes of RFC 8032 in hexadecimal."""
    first_seen_at: datetime
    last_signed_at: datetime | None
    """Time of the newest checkpoint it signed; null when there is none."""


class Checkpoint(_Answer):
    """The newest checkpoint of one partition; `docs/proof.md` says what is signed."""

    partition: int
    tree_size: int
    """Batches under the head."""
    head: str
    """RFC 6962 tree head, hexadecimal."""
    signed_at: datetime
    key_id: str
    signature: str
    """Ed25519, hexadecimal."""


class CheckpointKeys(_Answer):
    """Every key, the oldest first."""

    keys: list[CheckpointKey]


class NewestCheckpoints(_Answer):
    """One of each partition, in order of partition."""

    checkpoints: list[Checkpoint]


def router(pool: Pool) -> APIRouter:
    """The two routes; neither asks who asks."""
    routes = APIRouter(prefix="/v1", tags=["proof"])

    @routes.get("/checkpoint-keys", summary="Public keys that verify checkpoints, retired ones included.")
    async def checkpoint_keys() -> CheckpointKeys:
        """Keep a copy: keys that come from the same place as the history prove nothing to you tomorrow."""
        rows = await pool.fetch(QUERIES["read_keys"])
        keys = [CheckpointKey(**{**dict(row), "public_key": row["public_key"].hex()}) for row in rows]
        return CheckpointKeys(keys=keys)

    @routes.get("/checkpoints", summary="The newest signed checkpoint of each partition.")
    async def checkpoints() -> NewestCheckpoints:
        """All of them are on the topic `recognition.checkpoints.v1`."""
        rows = await pool.fetch(QUERIES["read_checkpoints"])
        found = [
            Checkpoint(**{**dict(row), "head": row["head"].hex(), "signature": row["signature"].hex()})
            for row in rows
        ]
        return NewestCheckpoints(checkpoints=found)

    return routes
