"""The proof file: two audit paths and one checkpoint, as JSON of one line. Pure; docs/proof.md describes it.

There is one way to write a proof: whoever reads a file refuses what is not written in that way.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

from services.cli.verify import digests, tree
from services.cli.verify.checkpoints import Checkpoint, Keys

FORMAT = "waystone-proof-1"
BYTES_MAX = 16_384
_ENTRY_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_KEY_ID = re.compile(r"[0-9a-f]{16}", re.ASCII)
_NUMBER_MAX = 2**63 - 1
_HASH_BYTES, _SIGNATURE_BYTES = 32, 64


class ForgedProof(Exception):
    """A proof that proves nothing. code: stable, by kind of fault."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(f"{code}: {sentence}")
        self.code, self.sentence = code, sentence


@dataclass(frozen=True, slots=True)
class EntryProof:
    """That an entry was in history when a checkpoint was signed.

    columns, words: digests of the entry. place: of the entry in its batch. outcomes: digest of the batch's.
    index: of the batch in the tree of its partition. path: hashes beside the way up, the entry's in its batch first.
    """

    entry_id: str
    columns: bytes
    words: bytes
    place: int
    entries_count: int
    epoch: int
    first_offset: int
    next_offset: int
    outcomes: bytes
    index: int
    path: Sequence[bytes]
    partition: int
    tree_size: int
    signed_at: datetime
    key_id: str
    signature: bytes

    def check(self, keys: Keys) -> None:
        """Raise ForgedProof unless the paths lead to a head that one of these keys signed."""
        if self.key_id not in keys:
            known = ", ".join(sorted(keys)) or "none"
            raise ForgedProof("KEY_UNKNOWN", f"signed by key {self.key_id}; yours: {known}")
        if not self.checkpoint().is_signed(keys):
            raise ForgedProof(
                "SIGNATURE_BAD", f"what the file says does not lead to a head that key {self.key_id} signed"
            )

    def checkpoint(self) -> Checkpoint:
        """The checkpoint, with the head the paths lead to."""
        lower = tree.path_length(self.place, self.entries_count)
        leaf = digests.entry_leaf(self.entry_id, self.columns, self.words)
        root = tree.climb(leaf, self.place, self.entries_count, self.path[:lower])
        data = digests.batch_data(
            self.partition, self.epoch, self.first_offset, self.next_offset,
            self.outcomes, self.entries_count, root,
        )  # fmt: skip
        head = tree.climb(tree.leaf(data), self.index, self.tree_size, self.path[lower:])
        return Checkpoint(self.partition, self.tree_size, head, self.signed_at, self.key_id, self.signature)

    def render(self) -> bytes:
        """The file's bytes."""
        document = {
            "format": FORMAT,
            "entry": [self.entry_id, _base64(self.columns), _base64(self.words)],
            "place": [self.place, self.entries_count],
            "batch": [self.epoch, self.first_offset, self.next_offset, _base64(self.outcomes)],
            "index": [self.index, self.tree_size],
            "path": _base64(b"".join(self.path)),
            "checkpoint": [self.partition, _time(self.signed_at), self.key_id, _base64(self.signature)],
        }
        return json.dumps(document, separators=(",", ":")).encode() + b"\n"


def parse(data: bytes) -> EntryProof:
    """File → proof. Raises ForgedProof, which names the field that is not as it must be."""
    if len(data) > BYTES_MAX:
        _bad("the file", "is no proof: it is too long")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        _bad("the file", "is not JSON")
    names = ("format", "entry", "place", "batch", "index", "path", "checkpoint")
    if not isinstance(document, dict) or tuple(document) != names:
        _bad("the file", f"does not hold {', '.join(names)}, in this order")
    if document["format"] != FORMAT:
        raise ForgedProof("FORMAT_UNKNOWN", f"format is not {FORMAT}")
    proof = _read(document)
    if proof.render() != data:
        _bad("the file", "is not written as a proof is")
    return proof


def _read(document: Mapping[str, Any]) -> EntryProof:
    entry_id, columns, words = _list(document, "entry", _id, _hash, _hash)
    place, entries_count = _list(document, "place", _number, _number)
    epoch, first_offset, next_offset, outcomes = _list(document, "batch", _number, _number, _number, _hash)
    index, tree_size = _list(document, "index", _number, _number)
    partition, signed_at, key_id, signature = _list(
        document, "checkpoint", _number, _moment, _key, _signature
    )
    if place >= entries_count:
        _bad("place", "is not among the batch's entries")
    if index >= tree_size:
        _bad("index", "is not in the tree")
    joined = _bytes(document["path"], None)
    if joined is None:
        _bad("path", "is not base64url")
    lengths = tree.path_length(place, entries_count) + tree.path_length(index, tree_size)
    if len(joined) != lengths * _HASH_BYTES:
        raise ForgedProof("PATH_LENGTH", f"path has not the {lengths} hashes that place and index ask for")
    path = [joined[at : at + _HASH_BYTES] for at in range(0, len(joined), _HASH_BYTES)]
    return EntryProof(
        entry_id, columns, words, place, entries_count, epoch, first_offset, next_offset, outcomes,
        index, path, partition, tree_size, signed_at, key_id, signature,
    )  # fmt: skip


def _list(document: Mapping[str, Any], name: str, *readers: Callable[[Any], Any]) -> list[Any]:
    values = document[name]
    if not isinstance(values, list) or len(values) != len(readers):
        _bad(name, f"is not a list of {len(readers)}")
    read = [reader(value) for reader, value in zip(readers, values, strict=True)]
    for number, value in enumerate(read, start=1):
        if value is None:
            _bad(name, f"holds something else than it must in place {number}")
    return read


def _id(value: Any) -> str | None:
    return value if isinstance(value, str) and _ENTRY_ID.fullmatch(value) else None


def _key(value: Any) -> str | None:
    return value if isinstance(value, str) and _KEY_ID.fullmatch(value) else None


def _number(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= _NUMBER_MAX else None


def _hash(value: Any) -> bytes | None:
    return _bytes(value, _HASH_BYTES)


def _signature(value: Any) -> bytes | None:
    return _bytes(value, _SIGNATURE_BYTES)


def _bytes(value: Any, length: int | None) -> bytes | None:
    if not isinstance(value, str):
        return None
    try:
        data = base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
    return data if length is None or len(data) == length else None


def _moment(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None and found.year >= 2000 else None


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bad(what: str, why: str) -> NoReturn:
    raise ForgedProof("PROOF_MALFORMED", f"{what} {why}")
