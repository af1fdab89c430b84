"""Months are made before they are needed, and the planner is told what they hold. One process does it for all."""

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

from services.kit import logs
from services.kit.errors import Retry
from services.kit.remedy import TROUBLE, remedy
from services.kit.sql import AnyConnection, Pool, Queries
from services.ledger import store

MONTHS_BEHIND = 1
MONTHS_AHEAD = 2
_LOOK_SECONDS = 600.0
_RETRY_SECONDS = 5.0
_SQL = Queries(Path(__file__).parent / "sql" / "months.sql")
_log = logs.get("months")


def wanted(today: date) -> list[date]:
    """First days of the months that should be there: the one before, this one, two ahead."""
    this = today.year * 12 + today.month - 1
    numbers = range(this - MONTHS_BEHIND, this + MONTHS_AHEAD + 1)
    return [date(number // 12, number % 12 + 1, 1) for number in numbers]


async def maintain(pool: Pool, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
    """Look every ten minutes, until cancelled. Raises Stop when months cannot be made."""
    while True:
        pause = _LOOK_SECONDS
        try:
            async with pool.acquire() as connection:
                await look(connection, now().date())
        except TROUBLE as error:
            answer = remedy(error)
            if not isinstance(answer, Retry):
                raise answer from error
            _log.warning("months must wait", error=str(answer))
            pause = _RETRY_SECONDS
        await asyncio.sleep(pause)


async def look(connection: AnyConnection, today: date) -> list[str]:
    """Make the months that are wanted and refresh statistics that are out of date, unless another process is at it.

    Returns the tables analysed. connection: in no transaction.
    """
    async with connection.transaction():
        if not await connection.fetchval(_SQL["try_lock"]):
            return []
        await store.make_months(connection, wanted(today))
    analysed: list[str] = []
    # Each in a transaction of its own: until it ends no other may attach a month to that table.
    for row in await connection.fetch(_SQL["out_of_date"]):
        async with connection.transaction():
            if not await connection.fetchval(_SQL["try_lock"]):
                return analysed
            await connection.execute(_SQL["analyse"].format(table=row["name"]))
        analysed.append(row["name"])
    return analysed
