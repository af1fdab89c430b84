"""What the demo looks like: steps with their time, bars, tables. Plain lines where there is no terminal."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

PLAIN_COLUMNS = 240
LINE_EVERY_SECONDS = 5.0
_STEP_CHARS = 32


class Step:
    """A step under way. `became` is said beside it when it has ended, with a cross unless it is `good`."""

    def __init__(self) -> None:
        self.became = ""
        self.good = True


class Screen:
    """One place to write to. to_stderr: leaves stdout to something else."""

    def __init__(self, to_stderr: bool = False) -> None:
        stream = sys.stderr if to_stderr else sys.stdout
        self.console = Console(
            file=stream, width=None if stream.isatty() else PLAIN_COLUMNS, highlight=False, markup=False
        )

    @property
    def is_terminal(self) -> bool:
        """Whether somebody watches."""
        return self.console.is_terminal

    def title(self, text: str) -> None:
        """A headline with air above it."""
        self.console.print()
        self.console.print(Text(text, style="bold cyan" if self.is_terminal else ""))

    def say(self, *lines: str, style: str = "") -> None:
        """Lines as they stand: neither wrapped nor coloured in between, so that they can be copied."""
        for line in lines:
            self.console.print(Text(line, style=style), soft_wrap=True)

    def prose(self, text: str) -> None:
        """A sentence or two, wrapped."""
        if self.is_terminal:
            self.console.print(Padding(Text(text, style="dim"), (0, 2)))
        else:
            self.say(f"  {text}")

    def say_of(self, what: str, why: str, url: str) -> None:
        """One address and what is there."""
        self.console.print(Text.assemble("  ", (what, "bold"), (f": {why}", "")), soft_wrap=True)
        self.console.print(Text.assemble("      ", (url, f"cyan link {url}")), soft_wrap=True)

    @contextmanager
    def step(self, doing: str, done: str) -> Iterator[Step]:
        """Show what is being done (“Starting”); afterwards that it is (“Started”), its time, and what became of it."""
        step, began = Step(), time.monotonic()
        try:
            if self.is_terminal:
                with self.console.status(Text(f"{doing} …")):
                    yield step
            else:
                self.say(f"    {doing} …")
                yield step
        except BaseException:
            self.say(f"  ✗ {doing}: broke off after {time.monotonic() - began:.1f} s", style="red")
            raise
        self.done(done, step.became, time.monotonic() - began, good=step.good)

    def done(self, what: str, became: str, seconds: float, *, good: bool = True) -> None:
        """One line about a step that has ended."""
        line = Text("  ✓ ", style="green") if good else Text("  ✗ ", style="red")
        line.append(what.ljust(_STEP_CHARS), style="bold")
        line.append(f"{seconds:6.1f} s   ")
        line.append(became, style="dim")
        self.console.print(line, soft_wrap=True)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], *, emphasise: int = 0) -> None:
        """A table; the first `emphasise` rows stand out."""
        table = Table(
            box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0), collapse_padding=True
        )
        for column in columns:
            table.add_column(column, overflow="fold")
        for number, row in enumerate(rows):
            table.add_row(*(Text(cell) for cell in row), style="bold" if number < emphasise else "")
        shown = Padding(table, (0, 0, 0, 2))
        if self.is_terminal:
            self.console.print(shown)
            return
        with self.console.capture() as captured:
            self.console.print(shown)
        self.say(*(line.rstrip() for line in captured.get().splitlines()))

    @contextmanager
    def bars(self, names: Sequence[str]) -> Iterator["Bars"]:
        """One bar per name."""
        bars = Bars(self, names)
        if bars.progress is None:
            yield bars
        else:
            with bars.progress:
                yield bars


class Bars:
    """Several progress bars; without a terminal, a line every few seconds."""

    def __init__(self, screen: Screen, names: Sequence[str]) -> None:
        self.progress: Progress | None = None
        self._screen = screen
        self._told_at = time.monotonic()
        self._told = ""
        self._tasks = {}
        if screen.is_terminal:
            self.progress = Progress(
                TextColumn("    {task.description}"),
                BarColumn(bar_width=30),
                TextColumn("{task.fields[became]}"),
                console=screen.console,
                transient=True,
            )
            self._tasks = {name: self.progress.add_task(name, total=None, became="") for name in names}

    def show(self, states: dict[str, tuple[int, int, str]]) -> None:
        """How far each is: done, of how many, and in words."""
        if self.progress is not None:
            for name, (done, total, words) in states.items():
                self.progress.update(self._tasks[name], completed=done, total=max(total, 1), became=words)
        elif time.monotonic() - self._told_at >= LINE_EVERY_SECONDS:
            line = "; ".join(f"{name}: {words}" for name, (_, _, words) in states.items())
            if line != self._told:
                self._told, self._told_at = line, time.monotonic()
                self._screen.say(f"      {line}", style="dim")
