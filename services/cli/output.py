"""How results and complaints are printed: results on stdout, everything else on stderr."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

COMPLAINT_CHARS_MAX = 600
PIPED_COLUMNS_MAX = 400

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def complain(code: str, sentence: str) -> None:
    """Print one line on stderr: `waystone: CODE: sentence`."""
    line = " ".join(sentence.split())[:COMPLAINT_CHARS_MAX]
    print(f"waystone: {code}: {line}", file=sys.stderr)


def note(line: str) -> None:
    """Print one line of progress or summary on stderr."""
    print(line, file=sys.stderr)


def print_json(value: Any, *, to_stderr: bool = False) -> None:
    """Print one JSON document on one line."""
    print(json.dumps(value, ensure_ascii=False), file=sys.stderr if to_stderr else sys.stdout)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table on stdout; as wide as its content when stdout is not a terminal."""
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else PIPED_COLUMNS_MAX)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    with console.capture() as printed:
        console.print(table, markup=False, highlight=False)
    for line in printed.get().splitlines():
        print(line.rstrip())
