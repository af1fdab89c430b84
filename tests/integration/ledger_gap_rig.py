"""Companies for tests of gap figures and events, and what was told of them."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import pytest_asyncio

from services.kit import outbox
from services.kit.sql import Pool
from tests.conftest import Database
from tests.integration.ledger_read_company import Company

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
DAY = NOW.date()
MIDNIGHT = datetime(2026, 11, 23, tzinfo=UTC)


@pytest_asyncio.fixture
async def pool(database: Database) -> AsyncIterator[Pool]:
    made = await asyncpg.create_pool(await database("ledger"), min_size=0, max_size=4)
    yield made
    await made.close()


@pytest_asyncio.fixture
async def company(pool: Pool) -> AsyncIterator[Company]:
    async with pool.acquire() as connection:
        yield Company(connection)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Told:
    """One event in the outbox. data: its body as JSON values."""

    name: str
    id: str
    at: datetime
    key: str
    data: dict[str, Any]


async def told(pool: Pool) -> list[Told]:
    """Everything in the outbox, in order; it is emptied."""
    rows = await pool.fetch("WITH o AS (DELETE FROM outbox RETURNING *) SELECT records FROM o ORDER BY id")
    found = []
    for row in rows:
        for record in outbox.unpack(row["records"]):
            headers = {name: (value or b"").decode() for name, value in record.headers}
            assert record.topic == "recognition.gaps.v1"
            found.append(
                Told(
                    headers["ce_type"].split(".")[2],
                    headers["ce_id"],
                    datetime.fromisoformat(headers["ce_time"]),
                    (record.key or b"").decode(),
                    json.loads(record.value or b"null"),
                )
            )
    return found


async def team(company: Company, name: str, people: int, **more: Any) -> list[str]:
    """A team of so many, led by one of them, `<team>-lead`, whose own lead nobody knows."""
    lead = f"{name}-lead"
    members = [lead, *(f"{name}-{number:02}" for number in range(1, people))]
    for member in members:
        await company.person(member, team=name, manager="boss" if member == lead else lead, **more)
    return members


async def cells_of(pool: Pool, day: date, metric: str) -> dict[str, tuple[float, float]]:
    """The bands of one figure by unit; the organisation is `''`."""
    rows = await pool.fetch(
        "SELECT unit, low, high FROM gap_figure WHERE day = $1 AND metric = $2 AND low IS NOT NULL",
        day,
        metric,
    )
    return {row["unit"]: (row["low"], row["high"]) for row in rows}


def ago(days: float) -> datetime:
    """So many days before midnight."""
    return MIDNIGHT - timedelta(days=days)
