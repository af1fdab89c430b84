"""`waystone trace ID`: received, decided, kept, told. Shows ids, states and times; no names and no words."""

import asyncio
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

import typer

from services.cli.errors import EXIT_FAULTS
from services.cli.inert import inert
from services.cli.output import JsonOption, print_json
from services.cli.servers import find_servers
from services.cli.trace.follow import Row, Trail, follow


def trace(
    id_: Annotated[
        str, typer.Argument(metavar="ID", help="Id of an event as it was sent, or of an entry (UUID).")
    ],
    source: Annotated[str | None, typer.Option(help="Its source, if several senders use this id.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what became of an event, across the three services and their dead letters.

    That it came again is not told: duplicates are counted by offset, not by id. Exit 1 when nobody knows it.
    """
    trail = asyncio.run(follow(find_servers(), id_, source))
    if as_json:
        print_json(asdict(trail) | {"known": trail.known})
    else:
        for line in lines_of(trail):
            print(inert(line))
    if not trail.known:
        raise typer.Exit(EXIT_FAULTS)


def lines_of(trail: Trail) -> Iterator[str]:
    """The trail for a person, in the order in which things happen."""
    yield f"event {trail.id}" + (f" of {trail.source}" if trail.source else "")
    for row in trail.received:
        what = "awaited by a withdrawal since" if row["awaited"] else "accepted"
        yield f"  recognition  {what} {row['received_at']}"
    for row in trail.parked:
        since = f"since {row['parked_at']}, until {row['waits_for']} is known"
        yield f"  recognition  parked for {row['recipient']} {since}"
    for row in trail.awaiting:
        yield f"  recognition  waits since {row['parked_at']} for {row['of_id']} of {row['of_source']}"
    for row in trail.emitted:
        withdrawn = ", withdrawn since" if row["withdrawn"] else ""
        yield f"  recognition  emitted {row['kind']} {row['entry']} for {row['employee']}{withdrawn}"
    for row in trail.entries:
        yield f"  ledger       {_entry(row)}"
    for row in trail.intents:
        yield f"  notifier     {_intent(row)}"
        for attempt in row["attempts"]:
            outcome = f"{attempt['outcome']} {attempt['code']} {attempt['ended_at']}"
            yield f"               try {attempt['number']}: {outcome}"
    for row in trail.dead_letters:
        place = f"{row['service']} {row['partition']} {row['offset']}"
        why = f"{row['code']} ({row['stage']}), attempts {row['attempts']}"
        yield f"  dead letter  {place}: {row['id']}, {why}"
    if not trail.known:
        yield "  nobody knows it"


def _entry(row: Row) -> str:
    place = f"month {row['occurred_at'][:7]}, partition {row['log_partition']} offset {row['log_offset']}"
    marks = [
        "withdrawn" if row["withdrawn"] else "",
        "" if row["has_words"] else "words erased",
        f"answered {row['answered_at']}" if row["answered_at"] else "",
    ]
    return f"keeps {row['kind']} {row['entry']}: " + ", ".join([place, *filter(None, marks)])


def _intent(row: Row) -> str:
    channel = f" by {row['channel']}" if row["channel"] else ""
    reason = f": {row['reason']}" if row["reason"] else ""
    return f"{row['entry']} {row['state']}{reason}{channel}, {row['tries']} tries, for {row['employee']}"
