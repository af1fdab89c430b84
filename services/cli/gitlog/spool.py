"""Commits on disk between the first reading (who is who) and the second (events in order of time)."""

import tempfile
from array import array
from collections.abc import Iterator

import msgspec

from services.cli.gitlog.commit import Commit


class Spool:
    """Write all, then read in order of time. In memory some 50 bytes a commit; the rest in an unnamed file."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="waystone-")  # noqa: SIM115 - closed by `close`
        self._at = array("q")
        self._start = array("q", [0])
        self._order: list[int] | None = None

    def append(self, commit: Commit) -> None:
        """Keep one more; before the first reading."""
        assert self._order is None, "written to the end, then read"
        self._at.append(commit.at)
        self._start.append(self._start[-1] + self._file.write(msgspec.msgpack.encode(commit)))

    def drop_before(self, at: int) -> int:
        """Leave out commits from before `at` (seconds since 1970); return how many that were."""
        kept = [number for number in self._in_order() if self._at[number] >= at]
        dropped = len(self) - len(kept)
        self._order = kept
        return dropped

    def newest_at(self) -> int:
        """Time of the newest commit; there must be one."""
        return self._at[self._in_order()[-1]]

    def count_since(self, at: float) -> int:
        """How many are not from before `at`."""
        return sum(1 for number in self._in_order() if self._at[number] >= at)

    def __len__(self) -> int:
        return len(self._at) if self._order is None else len(self._order)

    def __iter__(self) -> Iterator[Commit]:
        """In order of time; of the same second, in order of writing."""
        decoder = msgspec.msgpack.Decoder(Commit)
        for number in self._in_order():
            start, stop = self._start[number], self._start[number + 1]
            self._file.seek(start)
            yield decoder.decode(self._file.read(stop - start))

    def close(self) -> None:
        """Let the file go."""
        self._file.close()

    def _in_order(self) -> list[int]:
        if self._order is None:
            self._order = sorted(range(len(self._at)), key=self._at.__getitem__)
        return self._order
