"""Events of `recognition.checkpoints.v1`: signed statements of how far the ledger had come."""

from typing import Annotated

from pydantic import Field

from schemas.fields import NO_NUL, Contract, Moment

_Hex32 = Annotated[str, Field(max_length=64, pattern=r"^[0-9a-f]{64}$")]


class CheckpointV1(Contract):
    """Head of the tree over a partition's batch roots, signed."""

    partition: Annotated[int, Field(ge=0, le=65535)]
    """Partition of the entries topic, and the key of the record."""
    tree_size: Annotated[int, Field(ge=0, le=2**63 - 1)]
    """Batches under the head."""
    head: _Hex32
    """RFC 6962 tree head, hexadecimal."""
    signed_at: Moment
    """When."""
    key_id: Annotated[str, Field(min_length=1, max_length=64, pattern=NO_NUL)]
    """Which public key verifies it."""
    signature: Annotated[str, Field(max_length=128, pattern=r"^[0-9a-f]{128}$")]
    """Ed25519 over the other fields, hexadecimal."""
