"""`waystone dlq`: what the services refused, why, and where it came from."""

import asyncio
import heapq
import json
import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer

from services.cli.deadletters import (
    DeadLetter,
    count_dead_letters,
    read_dead_letter,
    read_dead_letters,
    topic_of,
)
from services.cli.errors import CliError
from services.cli.inert import inert
from services.cli.output import JsonOption, note, print_json, print_table
from services.cli.progress import Meter
from services.cli.servers import SERVICES, find_servers, kafka_complaints, kafka_reader

LIMIT = 100
LIMIT_MAX = 100_000
DETAIL_CHARS_MAX = 300
_AGE = re.compile(r"(\d{1,5})([mhd])", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_COLUMNS = ("dead letter", "of", "code", "stage", "detail", "attempts", "first at")

dlq = typer.Typer(no_args_is_help=True, help="What the services refused, and why.")


class Service(StrEnum):
    """Whose dead letters."""

    RECOGNITION = "recognition"
    LEDGER = "ledger"
    NOTIFIER = "notifier"


@dlq.command("list")
def list_dead_letters(
    *,
    service: Annotated[Service | None, typer.Option(help="Only what this service refused.")] = None,
    code: Annotated[str | None, typer.Option(help="Only this code, e.g. SCHEMA_BAD.")] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME|AGE", help="Only what arrived since, e.g. 2026-11-01T08:00Z or 90m, 12h, 7d."
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=LIMIT_MAX, help="Only the newest N.")] = LIMIT,
    as_json: JsonOption = False,
) -> None:
    """List dead letters, oldest first: where they lie, what they are of, and why. Never the body."""
    earliest = None if since is None else parse_since(since, datetime.now(UTC))
    topics = [topic_of(name) for name in ([service] if service else SERVICES)]
    found, total = asyncio.run(_newest(topics, code, earliest, limit))
    if as_json:
        print_json([as_dict(letter) for letter in found])
    else:
        print_table(_COLUMNS, [_row(letter) for letter in found])
        note(f"{total:,} dead letters" + (f", the newest {limit:,} shown" if total > limit else ""))


@dlq.command("show")
def show_dead_letter(
    service: Annotated[Service, typer.Argument(help="Who refused it.")],
    partition: Annotated[int, typer.Argument(min=0, help="Partition of the dead letter.")],
    offset: Annotated[int, typer.Argument(min=0, help="Offset of the dead letter.")],
    as_json: JsonOption = False,
) -> None:
    """Show one dead letter whole, key, headers and body included. It may hold private words."""
    letter = asyncio.run(_one(topic_of(service), partition, offset))
    if as_json:
        # ASCII only: a terminal that shows this obeys nothing in it.
        print(json.dumps(as_dict(letter) | contents_of(letter)))
        return
    for name, value in as_dict(letter).items():
        print(f"{name}: {inert(str(value))}")
    record = letter.record
    print(f"key: {_printed(record.key)}")
    print("headers:")
    for name, value in record.headers:
        print(f"  {inert(name)}: {_printed(value)}")
    print(f"body: {len(record.value or b''):,} bytes")
    print(_printed(record.value))


def parse_since(text: str, now: datetime) -> datetime:
    """`2026-11-01`, `2026-11-01T08:00Z` (UTC unless it says otherwise) or an age such as `90m`, `12h`, `7d`.

    now: UTC. Raises CliError SINCE_BAD.
    """
    if match := _AGE.fullmatch(text):
        return now - timedelta(**{_UNITS[match[2]]: int(match[1])})
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise CliError("SINCE_BAD", "--since is a date, a time, or an age such as 90m, 12h or 7d") from None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def as_dict(letter: DeadLetter) -> dict[str, Any]:
    """Everything about a dead letter but what it says."""
    return {
        "topic": letter.record.topic,
        "partition": letter.record.partition,
        "offset": letter.record.offset,
        "at": letter.at.isoformat(timespec="milliseconds"),
        "of_topic": letter.of_topic,
        "of_partition": letter.of_partition,
        "of_offset": letter.of_offset,
        "group": letter.group,
        "code": letter.code,
        "stage": letter.stage,
        "detail": letter.detail,
        "attempts": letter.attempts,
        "first_at": letter.first_at,
    }


def contents_of(letter: DeadLetter) -> dict[str, Any]:
    """Key, headers and body: each a text, or `{"hex": …}` where the bytes are none, or null."""
    record = letter.record
    return {
        "key": _text_or_hex(record.key),
        "headers": [[name, _text_or_hex(value)] for name, value in record.headers],
        "body": _text_or_hex(record.value),
    }


async def _newest(
    topics: list[str], code: str | None, since: datetime | None, limit: int
) -> tuple[list[DeadLetter], int]:
    """The newest `limit` that match, oldest first, and how many match in all."""
    newest: list[tuple[int, str, int, int, DeadLetter]] = []
    total = 0
    options = find_servers().need_kafka()
    async with kafka_reader(options) as consumer:
        with (
            kafka_complaints(options),
            Meter("dead letters read", await count_dead_letters(consumer, topics, since)) as meter,
        ):
            async for letter in read_dead_letters(consumer, topics, since):
                meter.advance()
                if code is not None and letter.code != code:
                    continue
                total += 1
                record = letter.record
                place = (record.timestamp, record.topic, record.partition, record.offset, letter)
                heapq.heappush(newest, place)
                if len(newest) > limit:
                    heapq.heappop(newest)
    return [place[-1] for place in sorted(newest)], total


async def _one(topic: str, partition: int, offset: int) -> DeadLetter:
    options = find_servers().need_kafka()
    async with kafka_reader(options) as consumer:
        with kafka_complaints(options):
            return await read_dead_letter(consumer, topic, partition, offset)


def _row(letter: DeadLetter) -> tuple[object, ...]:
    record = letter.record
    return (
        f"{record.topic.rpartition('.')[2]} {record.partition} {record.offset}",
        inert(f"{letter.of_topic}[{letter.of_partition}] {letter.of_offset}"),
        inert(letter.code),
        inert(letter.stage),
        inert(letter.detail)[:DETAIL_CHARS_MAX],
        inert(letter.attempts),
        inert(letter.first_at),
    )


def _text_or_hex(data: bytes | None) -> str | dict[str, str] | None:
    if data is None:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return {"hex": data.hex()}


def _printed(data: bytes | None) -> str:
    text = _text_or_hex(data)
    if text is None:
        return "(null)"
    return inert(text, lines=True) if isinstance(text, str) else f"(hex) {text['hex']}"
