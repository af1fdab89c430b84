"""Merkle trees of RFC 6962, section 2.1, over SHA-256. Pure."""

from collections.abc import Sequence
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Hash of one leaf."""
    return sha256(b"\x00" + data).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Hash of the tree over these leaf hashes.

    Pairing level by level, an odd one carried up as it is, gives the tree the RFC defines by its largest power of two.
    """
    if not leaves:
        return EMPTY_ROOT
    level = leaves
    while len(level) > 1:
        above = [
            sha256(b"\x01" + left + right).digest()
            for left, right in zip(level[::2], level[1::2], strict=False)
        ]
        if len(level) % 2:
            above.append(level[-1])
        level = above
    return level[0]


class Frontier:
    """A tree that grows: only the roots of its full subtrees ("peaks"), largest first, one per set bit of the size."""

    def __init__(self, size: int = 0, peaks: bytes = b"") -> None:
        """size: leaves so far. peaks: their hashes, joined. Raises ValueError when the two do not fit."""
        if len(peaks) != size.bit_count() * HASH_BYTES:
            raise ValueError("as many peaks as set bits of the size")
        self.size = size
        self._peaks = [peaks[i : i + HASH_BYTES] for i in range(0, len(peaks), HASH_BYTES)]

    def append(self, leaf: bytes) -> None:
        """Grow by one leaf hash; O(log size)."""
        rest, node = self.size, leaf
        while rest & 1:
            node = sha256(b"\x01" + self._peaks.pop() + node).digest()
            rest >>= 1
        self._peaks.append(node)
        self.size += 1

    @property
    def peaks(self) -> bytes:
        """What is needed to go on."""
        return b"".join(self._peaks)

    @property
    def head(self) -> bytes:
        """Hash of the whole tree."""
        if not self._peaks:
            return EMPTY_ROOT
        node = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            node = sha256(b"\x01" + peak + node).digest()
        return node
