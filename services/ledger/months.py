"""Months are made before they are needed, so that no batch has to wait for a table."""

import asyncio
from datetime import UTC, date, datetime

from services.kit import logs
from services.kit.errors import Retry
from services.kit.remedy import TROUBLE, remedy
from services.kit.sql import Pool
from services.ledger import store

MONTHS_BEHIND = 1
MONTHS_AHEAD = 2
_LOOK_SECONDS = 3_600.0
_RETRY_SECONDS = 5.0
_log = logs.get("months")


def wanted(today: date) -> list[date]:
    """First days of the months that should be there: the one before, this one, two ahead."""
    this = today.year * 12 + today.month - 1
    numbers = range(this - MONTHS_BEHIND, this + MONTHS_AHEAD + 1)
    return [date(number // 12, number % 12 + 1, 1) for number in numbers]


async def keep_ahead(pool: Pool) -> None:
    """See once an hour that they are there, until cancelled. Raises Stop when they cannot be made."""
    while True:
        pause = _LOOK_SECONDS
        try:
            async with pool.acquire() as connection, connection.transaction():
                await store.make_months(connection, wanted(datetime.now(UTC).date()))
        except TROUBLE as error:
            answer = remedy(error)
            if not isinstance(answer, Retry):
                raise answer from error
            _log.warning("months must wait", error=str(answer))
            pause = _RETRY_SECONDS
        await asyncio.sleep(pause)
