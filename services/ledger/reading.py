"""Typed read queries of the API and the pages, each on a given connection. Nothing here writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from services.kit.sql import AnyConnection, Queries
from services.ledger import gaps, view
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


async def leads(connection: AnyConnection, lead: str, employee: str, today: date) -> bool:
    """Tell whether `lead` is the person's manager today."""
    return bool(await connection.fetchval(_SQL["may_lead"], employee, lead, today))


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a history: at most `limit` entries older than `before`, of one kind if given; newest first."""

    limit: int
    before: UUID | None = None
    kind: str | None = None


async def own_history(connection: AnyConnection, employee: str, page: Page) -> list[view.Entry]:
    """A page of a person's history for themself."""
    return [view.from_row(row) for row in await _history(connection, employee, page, [])]


async def led_history(connection: AnyConnection, employee: str, lead: str, page: Page) -> list[view.Entry]:
    """The same for the person's lead: private words hidden, by the person's wishes as they are now."""
    circle = await connection.fetchval(_SQL["circle"], employee)
    rows = await _history(connection, employee, page, view.kinds_left_out_for_lead(circle))
    return [view.as_lead_sees(view.from_row(row), lead, circle) for row in rows]


async def _history(
    connection: AnyConnection, employee: str, page: Page, left_out: Sequence[int]
) -> list[Any]:
    code = None if page.kind is None else KINDS[page.kind]
    return await connection.fetch(_SQL["history"], employee, page.before, code, page.limit, list(left_out))


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
