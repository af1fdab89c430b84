"""Progress of long work on stderr: a bar with a rate on a terminal, else a line every few seconds."""

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

LINE_EVERY_S = 5.0


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.finished_speed or task.speed or 0:,.0f}/s")


class Meter:
    """Counts steps of one piece of work and shows how fast it goes; a context manager.

    label: what is counted, e.g. "events sent". total: how many there will be, None when unknown.
    """

    def __init__(self, label: str, total: int | None = None) -> None:
        self.done = 0
        self._label = label
        self._total = total
        self._started_s = time.monotonic()
        self._told_s = self._started_s
        self._progress: Progress | None = None
        if sys.stderr.isatty():
            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                _Rate(),
                console=Console(stderr=True),
                transient=True,
            )
            self._task = self._progress.add_task(label, total=total)

    def advance(self, steps: int = 1) -> None:
        """Count `steps` more."""
        self.done += steps
        if self._progress is not None:
            self._progress.update(self._task, completed=self.done)
        elif time.monotonic() - self._told_s >= LINE_EVERY_S:
            self._told_s = time.monotonic()
            of = "" if self._total is None else f" of {self._total:,}"
            print(f"{self._label}: {self.done:,}{of}, {self.rate:,.0f}/s", file=sys.stderr)

    def expect(self, total: int) -> None:
        """How many steps there will be is known now."""
        self._total = total
        if self._progress is not None:
            self._progress.update(self._task, total=total)

    def relabel(self, label: str) -> None:
        """Say what is being done; the steps go on counting."""
        self._label = label
        if self._progress is not None:
            self._progress.update(self._task, description=label)

    @property
    def rate(self) -> float:
        """Steps per second since the start."""
        return self.done / max(self.seconds, 1e-6)

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started_s

    def __enter__(self) -> Self:
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()
