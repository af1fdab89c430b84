"""Events from a file: read within bounds, one by one, each checked against its contract."""

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import IO

from schemas.registry import SchemaError, read_body
from services.cli.errors import CliError
from services.kit import strict_json
from services.kit.cloudevents import ATTRIBUTE_CHARS_MAX, VALUE_BYTES_MAX, Event, decode_structured
from services.kit.errors import Code, Refusal, Stage

LINE_BYTES_MAX = VALUE_BYTES_MAX + 64 * 1024
DOCUMENT_BYTES_MAX = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Checked:
    """One event of a file: where it stood (`line 3`, `item 2`), and the event or why it is refused."""

    where: str
    outcome: Event | Refusal


@contextmanager
def open_input(name: str) -> Iterator[IO[bytes]]:
    """Open a file for reading, `-` being stdin. Raises CliError FILE_UNREADABLE."""
    if name == "-":
        yield sys.stdin.buffer
        return
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(Path(name).open("rb"))
        except OSError as error:
            raise CliError("FILE_UNREADABLE", f"{name}: {error.strerror}") from None
        yield stream


def check_lines(stream: IO[bytes], now: datetime) -> Iterator[Checked]:
    """Check structured-mode CloudEvents, one a line; blank lines are passed over. now: UTC, bounds `time`."""
    for number, line in _lines(stream):
        if line.strip():
            yield Checked(f"line {number}", check(line, now))


def check_any(stream: IO[bytes], now: datetime) -> Iterator[Checked]:
    """Check JSON lines, a JSON array of events, or one event over several lines. now: UTC, bounds `time`.

    The first line that is not blank tells which: a list begins with `[`, an event over several lines has one
    that ends with a brace, a bracket or a comma still open.
    A document over 64 MiB is refused with `DECODE_BAD`; JSON lines may be as long as they like.
    """
    number = 0
    while line := stream.readline(LINE_BYTES_MAX + 1):
        number += 1
        if line.strip():
            break
    else:
        return
    is_whole = len(line) <= LINE_BYTES_MAX or line.endswith(b"\n")
    if line.lstrip().startswith(b"[") or (is_whole and line.rstrip().endswith((b"{", b"[", b","))):
        yield from _check_document(line + stream.read(DOCUMENT_BYTES_MAX), number, now)
        return
    yield Checked(f"line {number}", check(line, now))
    _pass_over_rest(stream, line)
    for later, line in _lines(stream, number):
        if line.strip():
            yield Checked(f"line {later}", check(line, now))


def check(data: bytes, now: datetime) -> Event | Refusal:
    """Structured-mode bytes → an event that keeps its contract, with the key its topic wants; or why not."""
    if len(data) > LINE_BYTES_MAX:
        return Refusal(Code.RECORD_BAD, Stage.DECODE, "over 1 MiB")
    event = decode_structured(data.strip(), now)
    if isinstance(event, Refusal):
        return event
    if len(event.data) > VALUE_BYTES_MAX:
        return Refusal(Code.RECORD_BAD, Stage.DECODE, "data over 1 MiB")
    try:
        body = read_body(event.type, event.dataschema, event.data)
    except SchemaError as error:
        return Refusal(Code.SCHEMA_BAD, Stage.VALIDATE, str(error))
    key = body.event_type.key(body.value)
    if len(key) > ATTRIBUTE_CHARS_MAX:
        return Refusal(
            Code.SCHEMA_BAD,
            Stage.VALIDATE,
            f"the key its topic wants is over {ATTRIBUTE_CHARS_MAX} characters",
        )
    return replace(event, partitionkey=key)


def _check_document(document: bytes, line_number: int, now: datetime) -> Iterator[Checked]:
    where = f"line {line_number}"
    if len(document) > DOCUMENT_BYTES_MAX:
        yield Checked(where, Refusal(Code.DECODE_BAD, Stage.DECODE, "over 64 MiB: use JSON lines"))
        return
    if not document.lstrip().startswith(b"["):
        yield Checked(where, check(document, now))
        return
    try:
        items = strict_json.parse(document)
    except strict_json.JsonError as error:
        yield Checked(where, Refusal(Code.DECODE_BAD, Stage.DECODE, str(error)))
        return
    for number, item in enumerate(items, start=1):
        yield Checked(f"item {number}", check(json.dumps(item).encode(), now))


def _lines(stream: IO[bytes], number: int = 0) -> Iterator[tuple[int, bytes]]:
    """Number and bytes of each line; of a longer one than allowed only the beginning is kept, over the bound."""
    while line := stream.readline(LINE_BYTES_MAX + 1):
        number += 1
        _pass_over_rest(stream, line)
        yield number, line


def _pass_over_rest(stream: IO[bytes], line: bytes) -> None:
    while not line.endswith(b"\n") and (line := stream.readline(LINE_BYTES_MAX + 1)):
        pass
