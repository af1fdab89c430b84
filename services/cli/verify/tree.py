"""Merkle trees as RFC 6962, section 2.1, writes them down, and the audit paths of RFC 9162, section 2.1.3."""

from collections.abc import Sequence
from hashlib import sha256


def leaf(data: bytes) -> bytes:
    """Hash of a leaf."""
    return sha256(b"\x00" + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    """Hash of what stands above two hashes."""
    return sha256(b"\x01" + left + right).digest()


def head(leaves: Sequence[bytes]) -> bytes:
    """Hash of the tree over these leaf hashes."""
    return _head(leaves, 0, len(leaves)) if leaves else sha256(b"").digest()


def _head(leaves: Sequence[bytes], start: int, end: int) -> bytes:
    if end - start == 1:
        return leaves[start]
    if end - start == 2:
        return node(leaves[start], leaves[start + 1])
    middle = start + split(end - start)
    return node(_head(leaves, start, middle), _head(leaves, middle, end))


def split(size: int) -> int:
    """The largest power of two below `size`, which is 2 or more."""
    return 1 << ((size - 1).bit_length() - 1)


def path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Audit path of one leaf: the hashes beside its way up, the lowest first."""
    if len(leaves) == 1:
        return []
    middle = split(len(leaves))
    if index < middle:
        return [*path(leaves[:middle], index), head(leaves[middle:])]
    return [*path(leaves[middle:], index - middle), head(leaves[:middle])]


def path_length(index: int, size: int) -> int:
    """How many hashes the audit path of a leaf has."""
    length = 0
    while size > 1:
        middle = split(size)
        index, size = (index, middle) if index < middle else (index - middle, size - middle)
        length += 1
    return length


def climb(leaf_hash: bytes, index: int, size: int, hashes: Sequence[bytes]) -> bytes:
    """The head that this path leads to. hashes: as many as `path_length` says, the lowest first."""
    turns: list[bool] = []
    while size > 1:
        middle = split(size)
        right = index >= middle
        turns.append(right)
        index, size = (index - middle, size - middle) if right else (index, middle)
    found = leaf_hash
    for right, beside in zip(reversed(turns), hashes, strict=True):
        found = node(beside, found) if right else node(found, beside)
    return found


class Growing:
    """A tree that grows leaf by leaf: the heads of its full parts, each with its height, the highest first."""

    def __init__(self) -> None:
        self.size = 0
        self._parts: list[tuple[int, bytes]] = []

    def grow(self, leaf_hash: bytes) -> None:
        """Add one leaf hash."""
        height = 0
        while self._parts and self._parts[-1][0] == height:
            leaf_hash = node(self._parts.pop()[1], leaf_hash)
            height += 1
        self._parts.append((height, leaf_hash))
        self.size += 1

    @property
    def peaks(self) -> bytes:
        """The heads of the full parts, joined."""
        return b"".join(part for _, part in self._parts)

    @property
    def head(self) -> bytes:
        """Hash of the whole tree, which has a leaf at least."""
        found = self._parts[-1][1]
        for _, part in reversed(self._parts[:-1]):
            found = node(part, found)
        return found
