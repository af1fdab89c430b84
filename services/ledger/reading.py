"""Typed read queries of the API and the pages, each on a connection that has an identity (see identity.py).

Nothing here writes, and nothing finds more than that identity may see.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from services.kit.sql import AnyConnection, Queries
from services.ledger import gaps, marks, view
from services.ledger.domain import KINDS, SIZES
from services.ledger.gap_cells import Cell

DEEDS_DAYS_MAX = 90
_SIZE_NAMES = {code: name for name, code in SIZES.items()}
_SQL = Queries(Path(__file__).parent / "sql" / "reading.sql")
_GAPS = Queries(Path(__file__).parent / "sql" / "gaps.sql")


@dataclass(frozen=True, slots=True)
class Person:
    """Who a page is about. start: first active day, None if never active."""

    employee: str
    name: str
    team: str | None
    start: date | None
    timezone: str


async def person(connection: AnyConnection, employee: str, today: date) -> Person | None:
    """A person of the directory."""
    row = await connection.fetchrow(_SQL["person"], employee, today)
    if row is None:
        return None
    return Person(row["employee"], row["name"], row["team"], row["start"], row["timezone"])


async def leads(connection: AnyConnection, employee: str) -> bool:
    """Tell whether who asks is the person's lead today."""
    return bool(await connection.fetchval(_SQL["may_lead"], employee))


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a history: at most `limit` entries older than `before`, newest first.

    Of one kind, skill or goal if given, and from `since` (inclusive) until `until` (exclusive), UTC.
    """

    limit: int
    before: UUID | None = None
    kind: str | None = None
    skill: str | None = None
    goal: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def own_history(connection: AnyConnection, employee: str, page: Page) -> list[view.Entry]:
    """A page of a person's history for themself."""
    return [view.from_row(row) for row in await _history(connection, employee, page)]


async def led_history(connection: AnyConnection, employee: str, lead: str, page: Page) -> list[view.Entry]:
    """The same for the person's lead: private words hidden, by the person's wishes as they are now."""
    circle = await connection.fetchval(_SQL["circle"], employee)
    rows = await _history(connection, employee, page)
    return [view.as_lead_sees(view.from_row(row), lead, circle) for row in rows]


async def _history(connection: AnyConnection, employee: str, page: Page) -> list[Any]:
    return await connection.fetch(
        _SQL["history"],
        employee,
        page.before,
        page.limit,
        None if page.kind is None else KINDS[page.kind],
        page.skill,
        page.goal,
        page.since,
        page.until,
    )


async def receipt(connection: AnyConnection, employee: str, entry: UUID) -> Mapping[str, Any] | None:
    """Where an entry comes from and what became of it; None if there is no such entry for who asks."""
    row = await connection.fetchrow(_SQL["receipt"], employee, entry)
    return None if row is None else dict(row)


async def standing(connection: AnyConnection, employee: str) -> Mapping[str, Any] | None:
    """Where a person stands; None if nothing is known of them."""
    row = await connection.fetchrow(_SQL["standing"], employee)
    return None if row is None else dict(row)


async def deeds_awaiting_answer(
    connection: AnyConnection, *, of_team: bool, after: UUID | None, since: datetime, limit: int
) -> list[dict[str, Any]]:
    """Unanswered deeds of who asks, or of those they lead, oldest first."""
    rows = await connection.fetch(_SQL["deeds_awaiting_answer"], of_team, after, since, limit)
    return [{**dict(row), "size": _SIZE_NAMES[row["size"]]} for row in rows]


async def wall(connection: AnyConnection, before: UUID | None, limit: int) -> list[view.Celebration]:
    """Public recognitions whose recipients want it so, newest first."""
    rows = await connection.fetch(_SQL["wall"], before, limit)
    return [view.celebration(dict(row)) for row in rows]


async def own_entry(connection: AnyConnection, entry: UUID) -> marks.OwnEntry | None:
    """An entry of who asks, under whichever of their ids."""
    row = await connection.fetchrow(_SQL["own_entry"], entry)
    return None if row is None else marks.OwnEntry(**dict(row))


async def dispute(connection: AnyConnection, employee: str, entry: UUID) -> marks.Dispute | None:
    """The dispute of this person's entry, if who asks has it, owns it or may decide it."""
    row = await connection.fetchrow(_SQL["dispute"], employee, entry)
    return None if row is None else marks.Dispute(**dict(row))


async def open_disputes(connection: AnyConnection, after: UUID | None, limit: int) -> list[marks.Dispute]:
    """Open disputes that wait for who asks, by entry."""
    rows = await connection.fetch(_SQL["open_disputes"], after, limit)
    return [marks.Dispute(**dict(row)) for row in rows]


async def verifications(connection: AnyConnection, limit: int) -> list[dict[str, Any]]:
    """Results of the newest verifications, newest first."""
    return [dict(row) for row in await connection.fetch(_SQL["verifications"], limit)]


async def named_gaps(
    connection: AnyConnection, team: str, lead: str, now: datetime
) -> tuple[list[gaps.Member], gaps.NamedGaps, list[gaps.OpenGap]] | None:
    """Gaps of the members of `team` who report to `lead`, and the team's; None if nobody there does.

    Deeds of the last 90 days.
    """
    rows = await connection.fetch(_SQL["team_members"], team, lead, now.astimezone(UTC).date())
    members = [gaps.Member(**dict(row)) for row in rows]
    if not members:
        return None
    deeds = await connection.fetch(
        _SQL["waiting_deeds"],
        [member.employee for member in members],
        now - timedelta(days=DEEDS_DAYS_MAX),
        now - timedelta(days=gaps.ANSWER_DAYS),
    )
    waiting = [gaps.WaitingDeed(**{**dict(row), "size": _SIZE_NAMES[row["size"]]}) for row in deeds]
    rows = await connection.fetch(_SQL["open_gaps"], team, [member.employee for member in members])
    return members, gaps.named_gaps(members, waiting, now), [gaps.OpenGap(**dict(row)) for row in rows]


async def figures(connection: AnyConnection, after: str, limit: int) -> tuple[date | None, list[Cell]]:
    """The newest published day and its cells: of the organisation, and of at most `limit` units after `after`."""
    day = await connection.fetchval(_GAPS["latest_day"])
    rows = await connection.fetch(_GAPS["figures"], day, after, limit)
    return day, [Cell(**dict(row)) for row in rows]
