"""Public keys of checkpoints, as somebody names them on the command line."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from services.cli.errors import CliError

_HEX = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_PEM = re.compile(rb"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)

KeyOption = Annotated[
    list[str],
    typer.Option(
        "--key", help="Public key of checkpoints that you trust: a PEM file, or 64 hex digits. Repeatable."
    ),
]


def read_public_keys(named: Sequence[str]) -> list[bytes]:
    """The keys these name, 32 bytes each. Raises CliError KEY_UNUSABLE."""
    return [key for one in named for key in _read(one)]


def _read(named: str) -> list[bytes]:
    if _HEX.fullmatch(named):
        return [bytes.fromhex(named)]
    try:
        blocks = _PEM.findall(Path(named).read_bytes())
        keys = [load_pem_public_key(block) for block in blocks]
    except OSError as error:
        raise CliError("KEY_UNUSABLE", f"{named}: {error.strerror}") from None
    except (ValueError, UnsupportedAlgorithm):
        raise _unusable(named) from None
    raw = [key.public_bytes_raw() for key in keys if isinstance(key, Ed25519PublicKey)]
    if not raw or len(raw) != len(blocks):
        raise _unusable(named)
    return raw


def _unusable(named: str) -> CliError:
    return CliError("KEY_UNUSABLE", f"{named} is neither 64 hex digits nor a PEM file of Ed25519 public keys")
