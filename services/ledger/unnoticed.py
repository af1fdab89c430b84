"""Deeds nobody answers: told to the team's lead on the seventh day, once, and taken back when somebody answers.

A deed is looked at once, seven days after it was done, by processes that have caught up. It must have arrived here
before that day: a backfill, a replay or a rebuilt database tells nobody, for what they bring arrives late. Private
deeds are not told, nor those of people who have left or were erased, nor where there is no lead to tell.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from schemas.models.gaps import UnnoticedDeedV1
from services.kit import logs, outbox
from services.kit.batch import Outgoing
from services.kit.remedy import TROUBLE
from services.kit.sql import AnyConnection, Pool, Queries
from services.ledger import gaps
from services.ledger.domain import SIZES
from services.ledger.gap_records import record

LOOK_SECONDS = 60.0
# Where nobody ever looked: how far beyond the seventh day to begin. What waited longer is no news.
_FIRST_LOOK_DAYS = 7
# A deed that is being stored on its seventh day, by a transaction not seen yet, must not be passed by.
_STORED_WITHIN = timedelta(minutes=5)
# A step of looking: bounds what one transaction reads and tells.
_STEP = timedelta(hours=6)
_DEEDS_MAX = 1_000
# How long an answer is waited for, to take the event back.
_TAKE_BACK_DAYS = 180
_ANSWER = timedelta(days=gaps.ANSWER_DAYS)
GONE = "A deed that is no longer kept"
_SIZE_NAMES = {code: name for name, code in SIZES.items()}
_SQL = Queries(Path(__file__).parent / "sql" / "gap_events.sql")
_log = logs.get("unnoticed")


async def run(
    pool: Pool,
    caught_up: Callable[[], Awaitable[bool]],
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Look once a minute, while caught up, until cancelled: an answer that waits to be read is an answer."""
    while True:
        try:
            if await caught_up():
                await look(pool, now())
        except TROUBLE as error:
            _log.warning("unnoticed deeds must wait", error=logs.error_name(error))
        await asyncio.sleep(LOOK_SECONDS)


async def look(pool: Pool, now: datetime) -> int:
    """Tell what has gone unanswered for seven days, take back what was answered; return how many events. now: UTC."""
    told = 0
    while True:
        async with pool.acquire() as connection, connection.transaction():
            found, is_done = await _step(connection, now)
            taken_back = await _take_back(connection, now)
            # The last statement: see the outbox.
            await outbox.append(connection, [*found, *taken_back])
        told += len(found) + len(taken_back)
        if is_done and len(taken_back) < _DEEDS_MAX:
            return told


async def _step(connection: AnyConnection, now: datetime) -> tuple[list[Outgoing], bool]:
    """Look at the next stretch of deeds; tell whether the seventh day has been reached."""
    until = now - _ANSWER - _STORED_WITHIN
    since: datetime = await connection.fetchval(
        _SQL["begin_looking"], until - timedelta(days=_FIRST_LOOK_DAYS)
    )
    end = min(since + _STEP, until)
    if end <= since:
        return [], True
    rows = await connection.fetch(_SQL["unanswered"], since, end, gaps.ANSWER_DAYS, now.date(), _DEEDS_MAX)
    if len(rows) == _DEEDS_MAX:
        # Too many for one step: those of the last moment come again with the next, and are known by then.
        end = max(rows[-1]["done_at"], since + timedelta(microseconds=1))
    known = await connection.fetch(
        _SQL["add_unnoticed"],
        [row["employee"] for row in rows],
        [row["deed_id"] for row in rows],
        [row["cause_source"] for row in rows],
        [row["cause_id"] for row in rows],
        [row["done_at"] for row in rows],
        [row["team"] for row in rows],
        [row["lead"] for row in rows],
        [row["done_at"] + _ANSWER for row in rows],
    )
    new = {row["deed_id"] for row in known}
    await connection.execute(_SQL["looked"], end)
    found = [
        record(
            "unnoticed-deed",
            UnnoticedDeedV1(
                team=row["team"],
                deed=str(row["deed_id"]),
                employee=row["employee"],
                lead=row["lead"],
                title=row["title"],
                done_at=row["done_at"],
                size=_SIZE_NAMES[row["size"]],  # type: ignore[arg-type]
            ),
            str(row["deed_id"]),
            row["employee"],
            team=row["team"],
            at=row["done_at"] + _ANSWER,
            correlation=row["cause_id"],
        )
        for row in rows
        if row["deed_id"] in new
    ]
    return found, end >= until


async def _take_back(connection: AnyConnection, now: datetime) -> list[Outgoing]:
    rows = await connection.fetch(_SQL["take_back"], now, _TAKE_BACK_DAYS, _DEEDS_MAX)
    return [
        taken_back(row, row["title"] or GONE, max(row["answered_at"] or now, row["done_at"])) for row in rows
    ]


def taken_back(row: Any, title: str, at: datetime) -> Outgoing:
    """The event that a deed needs no answer any more. row: of `unnoticed_deed`. at: UTC."""
    body = UnnoticedDeedV1(
        team=row["team"],
        deed=str(row["deed_id"]),
        employee=row["employee"],
        lead=row["lead"],
        title=title,
        done_at=row["done_at"],
        answered=True,
    )
    parts = (body.deed, body.employee, "answered")
    return record("unnoticed-deed", body, *parts, team=body.team, at=at, correlation=row["cause_id"])
