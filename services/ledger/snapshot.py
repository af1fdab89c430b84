"""The organisation's figures as they are now: read from projections every 15 seconds, kept for metrics and API."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from services.kit import logs
from services.kit.remedy import TROUBLE
from services.kit.sql import Pool, Queries
from services.ledger import gaps
from services.ledger.gap_cells import Cell
from services.ledger.live import LiveFigures, LiveUnit, live_figures
from services.ledger.publication import publish_share

REFRESH_SECONDS = 15.0
# However long the reading takes, it takes at most a tenth of the time.
_PAUSE_PER_SECOND_READ = 9.0
UNITS_LABELLED_MAX = 50
_SQL = Queries(Path(__file__).parent / "sql" / "gaps.sql")
_log = logs.get("snapshot")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What may be said of the whole organisation, and of units as last published.

    eligible: people counted, None if none may be. days_since: merged histogram, `(upper bound in days, people)`.
    shares: metric → middle of its band, 0–1 (never_recognised: the least it can be); a share of too few is absent.
    cells: those published last of the organisation (`''`) and of the largest units. day: whose, None before the first.
    """

    taken_at: datetime
    eligible: int | None
    days_since: Sequence[tuple[float, int]]
    shares: Mapping[gaps.MetricName, float]
    cells: Sequence[Cell]
    day: date | None


class Snapshots:
    """Keeps the newest snapshot and refreshes it."""

    def __init__(self, pool: Pool, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._pool, self._now = pool, now
        self._newest: Snapshot | None = None
        self._started = time.monotonic()
        self._read_at = 0.0

    def latest(self) -> tuple[Snapshot | None, float]:
        """The newest snapshot and its age in seconds; without one, the time waited for the first."""
        since = self._read_at if self._newest is not None else self._started
        return self._newest, time.monotonic() - since

    async def run(self) -> None:
        """Refresh until cancelled. While the database is away the old snapshot stays, and its age tells."""
        while True:
            began = time.monotonic()
            try:
                await self.refresh()
            except TROUBLE as error:
                _log.warning("gap figures must wait", error=logs.error_name(error))
            took = time.monotonic() - began
            await asyncio.sleep(max(REFRESH_SECONDS - took, took * _PAUSE_PER_SECOND_READ))

    async def refresh(self) -> None:
        """Read once."""
        self._newest = await read_snapshot(self._pool, self._now())
        self._read_at = time.monotonic()


async def read_snapshot(pool: Pool, now: datetime) -> Snapshot:
    """Aggregate the projections as of `now` (UTC); at most one row per unit comes back."""
    today = now.date()
    until = now - timedelta(days=gaps.ANSWER_DAYS)
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        units = await connection.fetch(
            _SQL["live_counts"], now, [int(bound) for bound in gaps.DAYS_BOUNDS[:-1]], gaps.NEVER_TENURE_DAYS
        )
        effort = await connection.fetchrow(
            _SQL["organisation_effort"],
            today - timedelta(days=gaps.LONG_WINDOW_DAYS - 1),
            today + timedelta(days=1),
        )
        notice = await connection.fetchrow(
            _SQL["organisation_notice"],
            until - timedelta(days=gaps.LONG_WINDOW_DAYS),
            until,
            gaps.ANSWER_DAYS,
        )
        day = await connection.fetchval(_SQL["latest_day"])
        cells = await connection.fetch(_SQL["labelled_figures"], day, UNITS_LABELLED_MAX)
    assert effort is not None
    assert notice is not None
    live = await asyncio.to_thread(_live, units, today)
    on_effort, altogether = gaps.effort_halves(effort["effort"], effort["result"], effort["both_sides"])
    of_events: dict[gaps.MetricName, float | None] = {
        "effort_mix": _middle(publish_share(on_effort / 2, altogether / 2, effort["receivers"])),
        "notice_ratio": _middle(publish_share(notice["answered"], notice["deeds"], notice["doers"])),
    }
    return Snapshot(
        taken_at=now,
        eligible=live.eligible,
        days_since=live.days_since,
        shares={**live.shares, **{name: share for name, share in of_events.items() if share is not None}},
        cells=[Cell(**dict(row)) for row in cells],
        day=day,
    )


def _live(rows: Sequence[Any], today: date) -> LiveFigures:
    return live_figures([LiveUnit(**dict(row)) for row in rows], today)


def _middle(step: tuple[float, float] | None) -> float | None:
    return None if step is None else (step[0] + step[1]) / 2
