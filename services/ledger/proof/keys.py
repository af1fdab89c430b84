"""Keys of checkpoints: Ed25519, as PEM. A key's id follows from it, so that no two keys share one."""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from pydantic import BaseModel, Field, SecretStr

from services.kit.errors import Stop

RETIRED_KEYS_MAX = 64
_PEM = re.compile(r"-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----", re.DOTALL)
_UNUSABLE = (ValueError, TypeError, UnsupportedAlgorithm)


class CheckpointSettings(BaseModel):
    """Settings of signed checkpoints; to be mixed into the ledger's settings."""

    checkpoint_signing_key: SecretStr | None = None
    """Private key that signs checkpoints: Ed25519, PKCS#8 PEM (`openssl genpkey -algorithm ed25519`). Without it no
    checkpoint is signed, and what the database loses shows only beside the Kafka log."""
    checkpoint_retired_keys: Annotated[str, Field(max_length=16_384)] = ""
    """Public keys that signed before, PEM, one after the other: what they signed goes on verifying."""
    checkpoint_seconds: Annotated[float, Field(ge=1, le=86_400)] = 600
    """Seconds between the checkpoints of a partition whose history has grown."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that verifies. id: first 16 hexadecimal digits of the SHA-256 of `raw`. raw: 32 bytes."""

    id: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The key that signs."""

    public: PublicKey
    _private: Ed25519PrivateKey

    def sign(self, data: bytes) -> bytes:
        """Ed25519 signature, 64 bytes."""
        return self._private.sign(data)


def signing_key(settings: CheckpointSettings) -> SigningKey | None:
    """The key the settings name, or None. Raises Stop `CONFIG_BAD` for one that is unusable."""
    if settings.checkpoint_signing_key is None:
        return None
    try:
        private = load_pem_private_key(settings.checkpoint_signing_key.get_secret_value().encode(), None)
    except _UNUSABLE:
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        raise Stop("CONFIG_BAD", "CHECKPOINT_SIGNING_KEY: not an Ed25519 private key as PKCS#8 PEM")
    return SigningKey(_public(private.public_key()), private)


def retired_keys(settings: CheckpointSettings) -> list[PublicKey]:
    """The public keys the settings name. Raises Stop `CONFIG_BAD` for one that is unusable."""
    text = settings.checkpoint_retired_keys
    blocks = _PEM.findall(text)
    if _PEM.sub("", text).strip() or len(blocks) > RETIRED_KEYS_MAX:
        raise Stop("CONFIG_BAD", f"CHECKPOINT_RETIRED_KEYS: not up to {RETIRED_KEYS_MAX} keys as PEM")
    found = []
    for block in blocks:
        try:
            key = load_pem_public_key(block.encode())
        except _UNUSABLE:
            key = None
        if not isinstance(key, Ed25519PublicKey):
            raise Stop("CONFIG_BAD", "CHECKPOINT_RETIRED_KEYS: not an Ed25519 public key as PEM")
        found.append(_public(key))
    return found


def _public(key: Ed25519PublicKey) -> PublicKey:
    raw = key.public_bytes_raw()
    return PublicKey(sha256(raw).hexdigest()[:16], raw)
