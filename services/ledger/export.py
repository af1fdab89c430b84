"""What the ledger holds about a person, as they may have it themself, and as HR may have it: without words.

Words belong to those who wrote them and those they were written to. The person gets the words they received and
those they gave. HR may see what kinds of things are held and since when, to answer a request; of a note between two
people not even from whom it came.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, JsonValue

from services.kit.sql import AnyConnection, Queries
from services.ledger import erasing, reading
from services.ledger.domain import CELEBRATE, VISIBILITIES
from services.ledger.receipt import Receipt, receipt_of
from services.ledger.view import Entry

ENTRIES_MAX = 20_000
_SQL = Queries(Path(__file__).parent / "sql" / "export.sql")
_VISIBILITY_NAMES = {code: name for name, code in VISIBILITIES.items()}
_CELEBRATE_NAMES = {code: name for name, code in CELEBRATE.items()}


class Given(BaseModel):
    """Thanks the person gave."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    id: UUID
    """Id of the recipient's entry."""
    occurred_at: datetime
    """When, UTC."""
    recipient: str | None
    """Employee id of who was thanked; absent for HR where it was between the two."""
    visibility: str | None
    """How widely it may be shown at most."""
    title: str | None
    """What for."""
    words: str | None
    """The person's own words."""
    impact: str | None
    """What it changed."""
    links: list[str]
    """Addresses as given."""
    withdrawn: bool
    """The person took it back."""


class Export(BaseModel):
    """Everything the ledger holds about a person."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    employee: str
    """Who."""
    ids: list[str]
    """Every id they are known by."""
    words_included: bool
    """True for the person themself; HR gets the same without words."""
    complete: bool
    """False when there is more than fits: the newest 20,000 entries are here, the rest is for an operator to export."""
    directory: list[dict[str, JsonValue]]
    """The directory's records, by id."""
    wishes: list[dict[str, JsonValue]]
    """How widely recognitions may be shown, by id."""
    standing: list[dict[str, JsonValue]]
    """When they last received, gave, grew …, and how often, by id."""
    history: list[Entry]
    """Their history, newest first."""
    given: list[Given]
    """What they gave, newest first."""
    gaps: list[dict[str, JsonValue]]
    """What their lead was told that they lack, by id: figures and dates."""
    unnoticed: list[dict[str, JsonValue]]
    """Deeds of theirs that their lead was told nobody had answered, by id."""
    erasure: Receipt | None
    """The receipt, if they were erased."""


async def own_history(connection: AnyConnection, employee: str) -> list[Entry]:
    """The person's history as far as an export goes, and one more. connection: of the reader, as that person."""
    return await reading.own_history(connection, employee, reading.Page(limit=ENTRIES_MAX + 1))


async def gather(
    connection: AnyConnection, employee: str, history: Sequence[Entry], *, words: bool
) -> Export:
    """Gather everything else about a person. words: False withholds every free text, and whose a private note is.

    connection: of a role that sees all rows. history: as `own_history` reads it.
    """
    ids = [row["employee"] for row in await connection.fetch(_SQL["ids"], employee)]
    given = [_given(dict(row)) for row in await connection.fetch(_SQL["given"], ids, ENTRIES_MAX + 1)]
    complete = len(history) <= ENTRIES_MAX and len(given) <= ENTRIES_MAX
    wishes = [_plain(dict(row)) for row in await connection.fetch(_SQL["wishes"], ids)]
    return Export(
        employee=employee,
        ids=ids,
        words_included=words,
        complete=complete,
        directory=[_plain(dict(row)) for row in await connection.fetch(_SQL["directory"], ids)],
        wishes=[wish | {"celebrate": _CELEBRATE_NAMES[int(str(wish["celebrate"]))]} for wish in wishes],
        standing=[_plain(dict(row)) for row in await connection.fetch(_SQL["standing"], ids)],
        history=[entry if words else _without_words(entry) for entry in history[:ENTRIES_MAX]],
        given=[one if words else _given_without_words(one) for one in given[:ENTRIES_MAX]],
        gaps=[_plain(dict(row)) for row in await connection.fetch(_SQL["gaps"], ids)],
        unnoticed=[_plain(dict(row)) for row in await connection.fetch(_SQL["unnoticed"], ids)],
        erasure=receipt_of(employee, await erasing.read_known(connection, employee)),
    )


def _without_words(entry: Entry) -> Entry:
    nothing: dict[str, Any] = {"title": None, "words": None, "impact": None, "links": (), "lines": ()}
    if entry.private:
        nothing |= {"giver": None, "giver_name": None, "giver_is_manager": False}
    return entry.model_copy(update=nothing)


def _given_without_words(given: Given) -> Given:
    nothing: dict[str, Any] = {"title": None, "words": None, "impact": None, "links": []}
    if given.visibility == "private":
        nothing["recipient"] = None
    return given.model_copy(update=nothing)


def _given(row: Mapping[str, Any]) -> Given:
    return Given.model_validate(
        {**row, "visibility": _VISIBILITY_NAMES.get(row["visibility"]), "links": row["links"] or []}
    )


def _plain(row: Mapping[str, Any]) -> dict[str, JsonValue]:
    return {name: _json(value) for name, value in row.items()}


def _json(value: Any) -> JsonValue:
    if isinstance(value, list):
        return [_json(one) for one in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    found: JsonValue = value
    return found
