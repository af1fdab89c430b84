"""Checks within one database: each is one query that names the first fault, if there is one."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.cli.verify.report import Check, Fault, made
from services.kit.sql import Connection, Queries

ENTRIES = "recognition.entries.v1"
_SQL = Path(__file__).parent / "sql"
POSITIONS = Queries(_SQL / "positions.sql")
LEDGER = Queries(_SQL / "ledger.sql")
FOLDS = Queries(_SQL / "folds.sql")
RECOGNITION = Queries(_SQL / "recognition.sql")
NOTIFIER = Queries(_SQL / "notifier.sql")


@dataclass(frozen=True, slots=True)
class Promise:
    """What must hold. query: finds the faults. counts: the figure that tells how much is looked at.

    figures: a line with `{name}` for columns of the file's query `figures`.
    """

    name: str
    query: str
    counts: str
    figures: str
    takes_entries_topic: bool = False


_POSITIONS = (
    Promise(
        "every offset has a batch, once", "ranges", "offsets", "{offsets:,} offsets, {batches:,} batches"
    ),
    Promise("every offset has one outcome", "one_outcome", "offsets", "{outcomes}"),
    Promise("epochs rise", "epochs", "batches", "{partitions:,} partitions"),
    Promise("nothing set aside", "nothing_set_aside", "waiting", "{waiting:,} waiting in the outbox"),
)
_LEDGER = (
    Promise("entries = applied offsets", "entries_at_offsets", "entries", "{entries:,} entries", True),
    Promise("one entry per offset", "one_entry_per_offset", "entries", "{entries:,} entries"),
    Promise("ids unique across months", "ids_once", "entries", "{entries:,} ids, {months:,} months"),
    Promise("occurred_at is the id's time", "ids_hold_the_time", "entries", "{entries:,} ids"),
    Promise("months hold their own", "months_hold_their_own", "months", "{months:,} months"),
    Promise("words there unless erased", "words_are_there", "entries", "{words:,} for {entries:,} entries"),
    Promise("words gone once erased", "words_of_the_erased", "erasures", "{erasures:,} erasures"),
    Promise("words belong to entries", "words_belong", "words", "{words:,} words"),
    Promise("the erased are gone", "the_erased_are_gone", "erasures", "{erasures:,} erasures"),
    Promise("withdrawals fit", "withdrawals_fit", "withdrawals", "{withdrawals:,} withdrawals"),
    Promise("one award per grant", "grants_once", "grants", "{grants:,} awards"),
)
_FOLDS = (
    Promise("standing = fold of entries", "standing", "people", "{people:,} people"),
    Promise("recognition days = fold of entries", "recognition_day", "days", "{days:,} days"),
    Promise("deeds and answers = fold of entries", "deed", "deeds", "{deeds:,} deeds"),
)
_RECOGNITION = (
    Promise("one cause per entry", "ids_once", "emitted", "{emitted:,} entries"),
    Promise(
        "who waits is counted", "waiting", "parked", "{parked:,} parts, {awaiting:,} withdrawals waiting"
    ),
    Promise("the erased are gone", "the_erased_are_gone", "erased", "{erased:,} erased"),
)
_NOTIFIER = (
    Promise(
        "intents = applied offsets",
        "intents_at_offsets",
        "intents",
        "{intents:,} intents, {withdrawn:,} withdrawals",
        True,
    ),
    Promise("one intent per recognition and person", "intents_once", "intents", "{intents:,} intents"),
    Promise("one intent per grant", "grants_once", "grants", "{grants:,} awards"),
    Promise("states are legal", "states_legal", "intents", "{states}"),
    Promise("messages match their intents", "messages_match", "messages", "{messages:,} messages"),
    Promise(
        "intents = messages + suppressed + due",
        "intents_add_up",
        "intents",
        "{intents:,} = {messages:,} + {suppressed:,} + {due:,}",
    ),
    Promise("attempts add up", "attempts_add_up", "attempts", "{attempts:,} attempts"),
)
PROMISES: Mapping[str, tuple[tuple[Queries, tuple[Promise, ...]], ...]] = {
    "recognition": ((POSITIONS, _POSITIONS), (RECOGNITION, _RECOGNITION)),
    "ledger": ((POSITIONS, _POSITIONS), (LEDGER, _LEDGER), (FOLDS, _FOLDS)),
    "notifier": ((POSITIONS, _POSITIONS), (NOTIFIER, _NOTIFIER)),
}


async def checks_within(
    service: str, connection: Connection, progress: Callable[[str], None]
) -> AsyncIterator[Check]:
    """Make every check of one service's database, one after the other. progress: told the name of each before."""
    for queries, promises in PROMISES[service]:
        figures = await _figures(connection, queries)
        for promise in promises:
            progress(f"{service}: {promise.name}")
            arguments = [ENTRIES] if promise.takes_entries_topic else []
            row = await connection.fetchrow(queries[promise.query], *arguments)
            fault = None if row is None else Fault(*row)
            yield made(
                service,
                promise.name,
                int(figures[promise.counts]),
                promise.figures.format(**figures),
                fault,
            )


async def _figures(connection: Connection, queries: Queries) -> dict[str, Any]:
    row = await connection.fetchrow(queries["figures"])
    assert row is not None, "an aggregate has a row"
    figures = dict(row)
    if "outcomes" in queries:
        outcomes = await connection.fetch(queries["outcomes"])
        figures["outcomes"] = (
            ", ".join(f"{r['offsets']:,} {r['outcome']}" for r in outcomes) or "no offset yet"
        )
    if "states" in queries:
        states = await connection.fetch(queries["states"])
        figures["states"] = (
            ", ".join(
                f"{r['intents']:,} {': '.join(filter(None, (r['state'], r['reason'])))}" for r in states
            )
            or "no intent yet"
        )
    return figures
