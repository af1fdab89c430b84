"""A person's history, one entry with its receipt, and where the person stands."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BeforeValidator

from services.kit import ids
from services.kit.auth import Principal
from services.kit.sql import AnyConnection
from services.ledger import answers, reading
from services.ledger.api.access import (
    Access,
    Cursor,
    Employee,
    EntryId,
    Slug,
    not_found,
    read_cursor,
    router,
    write_cursor,
)
from services.ledger.api.bodies import EntryWithReceipt, EventReference, LogPlace, Receipt, Standing
from services.ledger.view import Entry, Kind

HISTORY_LIMIT_MAX = 200
# Nothing in a history is older; months are made until then.
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def _rfc3339(value: str) -> str:
    """Only a moment as RFC 3339 writes it: by itself the type would also take seconds since 1970."""
    if not _MOMENT.fullmatch(value):
        raise ValueError("not a moment as RFC 3339 writes it")
    return value


_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
Moment = Annotated[AwareDatetime, BeforeValidator(_rfc3339)]


def routes(access: Access) -> APIRouter:
    """For the person themself (scope `self`) and their present lead (scope `team`); nobody else finds anything."""
    found = router("history")

    @found.get("/people/{id}/history", summary="A person's history, newest first.")
    async def history(
        employee: Employee,
        asker: Annotated[Principal, Depends(access.asker)],
        cursor: Cursor = None,
        limit: Annotated[int, Query(ge=1, le=HISTORY_LIMIT_MAX)] = 50,
        kind: Annotated[Kind | None, Query(description="Only entries of this kind.")] = None,
        skill: Annotated[str | None, Slug] = None,
        goal: Annotated[str | None, Slug] = None,
        since: Annotated[Moment | None, Query(description="Not before this moment.")] = None,
        until: Annotated[Moment | None, Query(description="Before this moment.")] = None,
    ) -> answers.HistoryPage:
        """For the person themself (scope `self`) and their present lead (scope `team`), who of a private note
        sees only that one came, and nothing of what the person hides. Anybody else finds nothing here."""
        page = reading.Page(
            limit + 1, read_cursor(cursor), kind, skill, goal, _within_time(since), _within_time(until)
        )
        async with access.reader.as_(asker) as connection:
            entries = await _entries(connection, asker, employee, page)
        following = write_cursor(entries[limit - 1].id) if len(entries) > limit else None
        return answers.HistoryPage(entries=entries[:limit], next=following)

    @found.get("/people/{id}/entries/{entry}", summary="One entry, and where it comes from.")
    async def one_entry(
        employee: Employee, entry: EntryId, asker: Annotated[Principal, Depends(access.asker)]
    ) -> EntryWithReceipt:
        """The receipt names the event that caused the entry, the rule's grant, what it answers and what answered it,
        and the place in the log with the time it was stored. For the same readers as the history."""
        page = _page_of(entry)
        async with access.reader.as_(asker) as connection:
            entries = await _entries(connection, asker, employee, page)
            if not entries or entries[0].id != entry:
                raise not_found()
            row = None if entries[0].hidden else await reading.receipt(connection, employee, entry)
        return EntryWithReceipt(entry=entries[0], receipt=None if row is None else _receipt(row))

    @found.get("/people/{id}/standing", summary="Where a person stands: when they last received, gave, grew.")
    async def standing(employee: Employee, asker: Annotated[Principal, Depends(access.asker)]) -> Standing:
        """Counts and times of everything that counts, under all of the person's ids. No ranking: there is no list."""
        async with access.reader.as_(asker) as connection:
            if not await _may_see(connection, asker, employee):
                raise not_found()
            row = await reading.standing(connection, employee)
        return Standing(employee=employee, **(row or {}))

    return found


async def _entries(
    connection: AnyConnection, asker: Principal, employee: str, page: reading.Page
) -> list[Entry]:
    """A page as the asker may see it. Raises Problem 404 for whoever may see none of it."""
    if "self" in asker.scopes and asker.subject == employee:
        return await reading.own_history(connection, employee, page)
    if "team" in asker.scopes and await reading.leads(connection, employee):
        return await reading.led_history(connection, employee, asker.subject, page)
    raise not_found()


async def _may_see(connection: AnyConnection, asker: Principal, employee: str) -> bool:
    own = "self" in asker.scopes and asker.subject == employee
    return own or ("team" in asker.scopes and await reading.leads(connection, employee))


def _page_of(entry: UUID) -> reading.Page:
    """The page that holds just this entry. Raises Problem 404 for an id that names no time we have."""
    at_ms = ids.id_time_ms(entry)
    if not _EARLIEST.timestamp() * 1000 <= at_ms < _LATEST.timestamp() * 1000:
        raise not_found()
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return reading.Page(
        limit=1, before=UUID(int=entry.int + 1), since=at, until=at + timedelta(milliseconds=1)
    )


def _within_time(moment: datetime | None) -> datetime | None:
    """The moment, or the nearest one that history can hold."""
    if moment is None:
        return None
    if moment.year < _EARLIEST.year:
        return _EARLIEST
    return _LATEST if moment.year >= _LATEST.year else moment


def _receipt(row: Mapping[str, Any]) -> Receipt:
    answered = row["answers_id"] is not None
    return Receipt(
        cause=EventReference(source=row["cause_source"], id=row["cause_id"]),
        grant=row["award_grant"],
        answers=EventReference(source=row["answers_source"], id=row["answers_id"]) if answered else None,
        answered_by=tuple(row["answered_by"]),
        accepted_by=row["accepted_by"],
        helped_by=tuple(row["helped_by"] or ()),
        withdrawn_at=row["withdrawn_at"],
        log=LogPlace(
            topic="recognition.entries.v1",
            partition=row["log_partition"],
            offset=row["log_offset"],
            epoch=row["epoch"],
            stored_at=row["committed_at"],
        ),
    )
