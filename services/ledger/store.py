"""Typed calls on a given connection. Every statement is named in sql/queries.sql; the caller opens the transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

import asyncpg
import msgspec

from services.kit.sql import AnyConnection, Queries
from services.ledger.domain import (
    Day,
    Entry,
    Person,
    Preference,
    Projection,
    Removal,
    Standing,
    Words,
)
from services.ledger.proof.encoding import StoredEntry

QUERIES = Queries(Path(__file__).parent / "sql" / "queries.sql")

Key = tuple[str, str]
"""Employee and id of an entry."""

_ENTRY_COLUMNS = (*Entry._fields, "words_digest")
_STANDING_FIELDS = tuple(Standing.__dataclass_fields__)
_standing_values = attrgetter(*_STANDING_FIELDS)
_day_values = attrgetter(*Day.__dataclass_fields__)


async def make_months(connection: AnyConnection, months: Collection[date]) -> None:
    """See that these months exist. months: first days."""
    await connection.execute(QUERIES["make_months"], sorted(months))


async def read_closed_until(connection: AnyConnection) -> datetime | None:
    """Entries before this moment (UTC) are archived, or about to be; None when none are."""
    closed: datetime | None = await connection.fetchval(QUERIES["read_closed_until"])
    return closed


# --- history --------------------------------------------------------------------------------------------------


async def copy_entries(connection: AnyConnection, entries: Sequence[StoredEntry]) -> bool:
    """Copy entries straight into history, in a savepoint. False, and nothing copied, when any of them is there."""
    try:
        async with connection.transaction():
            await connection.copy_records_to_table("entry", records=entries, columns=_ENTRY_COLUMNS)
    except (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError):
        # A deadlock means the same: another lane has some of these entries in hand, in another order.
        return False
    return True


async def insert_entries(connection: AnyConnection, entries: Sequence[StoredEntry]) -> set[Key]:
    """Insert those that are not there yet; return their keys. No key twice in `entries`."""
    await connection.execute(QUERIES["create_incoming"])
    await connection.copy_records_to_table("incoming", records=entries, columns=_ENTRY_COLUMNS)
    rows = await connection.fetch(QUERIES["insert_incoming"])
    return {(row["employee"], row["id"]) for row in rows}


async def read_digests(connection: AnyConnection, keys: Sequence[Key]) -> dict[Key, bytes]:
    """Digests of entries that are there."""
    rows = await connection.fetch(QUERIES["read_digests"], *_columns(keys, 2))
    return {(row["employee"], row["id"]): row["digest"] for row in rows}


async def copy_words(connection: AnyConnection, words: Sequence[tuple[Any, ...]]) -> None:
    """Copy the texts of new entries. words: the columns of `Words`, then the salt."""
    if words:
        await connection.copy_records_to_table("words", records=words, columns=(*Words._fields, "salt"))


# --- what follows from it -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Marks:
    """What to mind among the persons of a batch: who has withdrawals, and how far somebody is erased (1 or 2)."""

    withdrawn: frozenset[str]
    erased: Mapping[str, int]


async def merge_standing(
    connection: AnyConnection, standing: Mapping[str, Standing], erasures: Mapping[str, int]
) -> Marks:
    """Lock every person in `standing`, add what the batch brings, mark the erased. erasures: employee → scope."""
    await connection.execute(QUERIES["create_arrivals"])
    await connection.copy_records_to_table(
        "standing_arrived",
        records=[(e, *_standing_values(one), erasures.get(e, 0)) for e, one in standing.items()],
        columns=("employee", *_STANDING_FIELDS, "erased_scope"),
    )
    rows = await connection.fetch(QUERIES["merge_standing"])
    return Marks(
        frozenset(row["employee"] for row in rows if row["withdrawal_count"]),
        {row["employee"]: row["erased_scope"] for row in rows if row["erased_scope"]},
    )


async def merge_days_and_deeds(connection: AnyConnection, projection: Projection) -> None:
    """Add what the batch brings to the counts per day and to the deeds and their answers; after `merge_standing`."""
    if projection.days:
        days = [(*key, *_day_values(day)) for key, day in projection.days.items()]
        await connection.copy_records_to_table("day_arrived", records=days)
        await connection.execute(QUERIES["merge_days"])
    if projection.deeds:
        deeds = [(*key, d.deed_id, d.occurred_at, d.answered_at) for key, d in projection.deeds.items()]
        await connection.copy_records_to_table("deed_arrived", records=deeds)
        await connection.execute(QUERIES["merge_deeds"])


async def insert_withdrawals(connection: AnyConnection, keys: Sequence[Key]) -> None:
    """Remember which entries no longer count; they need not be there yet."""
    await connection.execute(QUERIES["insert_withdrawals"], *_columns(keys, 2))


async def read_givers(connection: AnyConnection, keys: Sequence[Key]) -> set[str]:
    """Givers of those of these entries that are there."""
    return {row["giver"] for row in await connection.fetch(QUERIES["read_givers"], *_columns(keys, 2))}


async def read_withdrawn(connection: AnyConnection, keys: Sequence[Key]) -> set[str]:
    """Recipients and givers of those of these entries that are there and withdrawn."""
    rows = await connection.fetch(QUERIES["read_withdrawn"], *_columns(keys, 2))
    return {person for row in rows for person in (row["employee"], row["giver"]) if person is not None}


async def refold(connection: AnyConnection, people: Collection[str]) -> None:
    """Fold these persons anew from their entries. The caller holds their locks."""
    for name in ("refold_standing", "refold_days", "refold_deeds"):
        await connection.execute(QUERIES[name], sorted(people))


# --- directory ------------------------------------------------------------------------------------------------


async def read_person_versions(
    connection: AnyConnection, people: Collection[str]
) -> dict[str, tuple[datetime, str, bytes]]:
    """Time, event id and digest of the stored record, by employee."""
    rows = await connection.fetch(QUERIES["read_person_versions"], list(people))
    return {row["employee"]: (row["occurred_at"], row["event_id"], row["digest"]) for row in rows}


async def upsert_persons(connection: AnyConnection, persons: Iterable[Person]) -> None:
    """Store newer directory records, whole. The caller holds the persons' locks."""
    rows = [person._asdict() | {"digest": f"\\x{person.digest.hex()}"} for person in persons]
    await connection.execute(QUERIES["upsert_persons"], msgspec.json.encode(rows).decode())


async def read_preferences(connection: AnyConnection, people: Collection[str]) -> dict[str, Preference]:
    """Stored wishes, by employee."""
    rows = await connection.fetch(QUERIES["read_preferences"], list(people))
    return {row["employee"]: Preference(*row) for row in rows}


async def upsert_preferences(connection: AnyConnection, preferences: Sequence[Preference]) -> None:
    """Store newer wishes. The caller holds the persons' locks."""
    await connection.execute(QUERIES["upsert_preferences"], *_columns(preferences, 4))


async def read_removals(
    connection: AnyConnection, of: Literal["person", "preference"], people: Collection[str]
) -> list[Removal]:
    """When records of this kind were last taken away, of those of these persons for whom that ever happened."""
    rows = await connection.fetch(QUERIES["read_removals"], of, list(people))
    return [Removal(row["employee"], row["removed_at"], of) for row in rows]


async def remove(
    connection: AnyConnection, of: Literal["person", "preference"], removals: Sequence[Removal]
) -> None:
    """Take records of this kind away and remember since when. The caller holds the persons' locks."""
    people = [removal.employee for removal in removals]
    await connection.execute(QUERIES[f"delete_{of}s"], people)
    removed_at = [removal.occurred_at for removal in removals]
    await connection.execute(QUERIES["merge_removals"], of, people, removed_at)


async def delete_persons(connection: AnyConnection, people: Collection[str]) -> list[str]:
    """Delete directory records; return whose there were. The caller holds the persons' locks."""
    return [row["employee"] for row in await connection.fetch(QUERIES["delete_persons"], sorted(people))]


async def delete_preferences(connection: AnyConnection, people: Collection[str]) -> list[str]:
    """Delete wishes; return whose there were. The caller holds the persons' locks."""
    return [row["employee"] for row in await connection.fetch(QUERIES["delete_preferences"], sorted(people))]


def _columns(records: Sequence[Sequence[Any]], width: int) -> list[Sequence[Any]]:
    """Rows → one list per column, as `unnest` wants them."""
    return list(zip(*records, strict=True)) if records else [[]] * width
