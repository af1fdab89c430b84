"""The key that signs the local ledger's checkpoints: made once per run folder, kept in it."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from deploy.local.folder import RunFolder

_PRIVATE, _PUBLIC = "checkpoint-key.pem", "checkpoint-key.pub.pem"


def private_file(folder: RunFolder) -> Path:
    """Path of the private key (PKCS#8 PEM), for CHECKPOINT_SIGNING_KEY_FILE; nobody else may read it."""
    path = folder.path / _PRIVATE
    if not path.exists():
        pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        unfinished = path.with_name(f"{path.name}.unfinished")
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(pem)
        unfinished.replace(path)
    return path


def public_file(folder: RunFolder) -> Path:
    """Path of its public key (PEM), for `waystone verify --key`."""
    key = load_pem_private_key(private_file(folder).read_bytes(), None)
    path = folder.path / _PUBLIC
    path.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return path
