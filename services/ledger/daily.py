"""Figures by unit: computed once a day for windows that ended at 00:00 UTC, kept, and never computed again.

A day is computed when every partition has been caught up with for a while, so that a backlog does not pass for a gap.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from services.kit import logs
from services.kit.remedy import TROUBLE
from services.kit.sql import AnyConnection, Pool, Queries
from services.ledger import gap_cells, gap_events, gaps, network
from services.ledger.gap_cells import ORGANISATION, Cell, UnitCounts
from services.ledger.publication import Form, is_silent, next_everybody, next_forms

__all__ = ["ORGANISATION", "Cell", "publish_day", "run"]

CHECK_SECONDS = 15.0
_SQL = Queries(Path(__file__).parent / "sql" / "gaps.sql")
_log = logs.get("daily")


async def publish_day(pool: Pool, day: date) -> bool:
    """Compute and keep the figures of windows that ended at 00:00 UTC of `day`, and tell which gaps open or close.

    Returns False, and keeps nothing, if they were there already (or a later day's) or if no unit has anybody to count.
    """
    async with pool.acquire() as connection, connection.transaction():
        first = day - timedelta(days=gaps.LONG_WINDOW_DAYS)
        rosters = {
            row["unit"]: frozenset(row["members"]) for row in await connection.fetch(_SQL["rosters"], first)
        }
        if not rosters or await connection.fetchval(_SQL["claim_day"], day) is None:
            return False
        units, everybody = await _renew_forms(connection, day, rosters)
        rows = await connection.fetch(
            _SQL["unit_counts"],
            day,
            gaps.SHORT_WINDOW_DAYS,
            gaps.LONG_WINDOW_DAYS,
            gaps.ANSWER_DAYS,
            gaps.PURPOSE_DAYS,
            gaps.GROWTH_DAYS,
            timeout=network.LONG_QUERY_SECONDS,
        )
        counts = {row["unit"]: UnitCounts(*list(row)[1:]) for row in rows}
        decided = await asyncio.to_thread(gap_cells.cells, counts, silent_units(units, day))
        await network.fill_pairs(connection, day)
        decided += await network.cells(connection, everybody, day)
        await connection.execute(
            _SQL["keep_figures"],
            day,
            [cell.metric for cell in decided],
            [cell.unit for cell in decided],
            [cell.low for cell in decided],
            [cell.high for cell in decided],
            [cell.people for cell in decided],
            [cell.reason for cell in decided],
        )
        told = await gap_events.tell(connection, day)
    _log.info("figures by unit computed", count=len(decided), records=told)
    return True


def silent_units(forms: Mapping[str, Form], day: date) -> dict[gaps.MetricName, set[str]]:
    """By figure, the units whose form is too young for it."""
    return {
        name: {unit for unit, form in forms.items() if is_silent(form, day, metric.days)}
        for name, metric in gaps.METRICS.items()
        if metric.scope == "units"
    }


async def _renew_forms(
    connection: AnyConnection, day: date, rosters: Mapping[str, frozenset[str]]
) -> tuple[dict[str, Form], Form]:
    """Replace the forms of units whose roster has changed enough, and everybody's; return all of them."""
    old = {
        row["unit"]: Form(frozenset(row["members"]), row["since"])
        for row in await connection.fetch(_SQL["forms"])
    }
    eligible = frozenset(
        row["employee"]
        for row in await connection.fetch(_SQL["eligible_people"], day, gaps.ELIGIBLE_TENURE_DAYS)
    )
    everybody = next_everybody(old.get(ORGANISATION), eligible, day)
    units = next_forms({unit: form for unit, form in old.items() if unit != ORGANISATION}, rosters, day)
    forms = {**units, ORGANISATION: everybody}
    changed = {unit: form for unit, form in forms.items() if form != old.get(unit)}
    await connection.execute(_SQL["drop_forms"], [unit for unit in old if unit not in forms])
    await connection.execute(
        _SQL["keep_forms"],
        day,
        list(changed),
        [form.since for form in changed.values()],
        [json.dumps(sorted(form.members)) for form in changed.values()],
    )
    return units, everybody


async def run(
    pool: Pool,
    caught_up: Callable[[], Awaitable[bool]],
    settled_seconds: float,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Compute each day's figures once everything has been caught up with for `settled_seconds`, until cancelled.

    caught_up: of all partitions, whoever holds them.
    """
    calm, done = 0, date.min
    while True:
        today = now().date()
        if today != done:
            try:
                calm = calm + 1 if await caught_up() else 0
                if calm * CHECK_SECONDS >= settled_seconds and (
                    await publish_day(pool, today) or await _is_there(pool, today)
                ):
                    done = today
            except TROUBLE as error:
                _log.warning("figures by unit must wait", error=logs.error_name(error))
        await asyncio.sleep(CHECK_SECONDS)


async def _is_there(pool: Pool, day: date) -> bool:
    latest: date | None = await pool.fetchval(_SQL["latest_day"])
    return latest is not None and latest >= day
