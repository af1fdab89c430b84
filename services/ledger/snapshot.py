"""The organisation's figures as they are now: read from projections every 15 seconds, kept for metrics and API."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from services.kit import logs
from services.kit.remedy import TROUBLE
from services.kit.sql import Pool, Queries
from services.ledger import gaps
from services.ledger.daily import ORGANISATION, Cell
from services.ledger.publication import (
    ORGANISATION_BANDS_MAX,
    UNIT_PEOPLE_MIN,
    Count,
    band_of,
    merge_buckets,
)

REFRESH_SECONDS = 15.0
# However long the reading takes, it takes at most a tenth of the time.
_PAUSE_PER_SECOND_READ = 9.0
UNITS_LABELLED_MAX = 50
_SQL = Queries(Path(__file__).parent / "sql" / "gaps.sql")
_log = logs.get("snapshot")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What may be said of the whole organisation, and of units as last published.

    eligible: people, None below five. days_since: merged histogram, `(upper bound in days, people)`. shares: metric →
    middle of its band, 0–1; a share of too few is absent. units: the published cells of the largest units.
    """

    taken_at: datetime
    eligible: int | None
    days_since: Sequence[tuple[float, int]]
    shares: Mapping[gaps.MetricName, float]
    units: Sequence[Cell]


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
    """Aggregate the projections as of `now` (UTC); one row per query comes back, whatever the company's size."""
    today = now.date()
    until = now - timedelta(days=gaps.ANSWER_DAYS)
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        people = await connection.fetchrow(
            _SQL["organisation_now"],
            now,
            gaps.ELIGIBLE_TENURE_DAYS,
            gaps.NEVER_TENURE_DAYS,
            gaps.SHORT_WINDOW_DAYS,
            gaps.LONG_WINDOW_DAYS,
            list(gaps.DAYS_BOUNDS[:-1]),
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
        units = await connection.fetch(_SQL["labelled_figures"], day, UNITS_LABELLED_MAX)
    assert people is not None
    assert effort is not None
    assert notice is not None
    shares = {
        "coverage_7d": _share(people["received_short"], people["eligible"], people["eligible"]),
        "coverage_30d": _share(people["received_long"], people["eligible"], people["eligible"]),
        "never_recognised": _share(people["never"], people["tenured"], people["tenured"]),
        "effort_mix": _share(
            *gaps.effort_halves(effort["effort"], effort["result"], effort["both_sides"]), effort["receivers"]
        ),
        "notice_ratio": _share(notice["answered"], notice["deeds"], notice["doers"]),
    }
    return Snapshot(
        taken_at=now,
        eligible=people["eligible"] if people["eligible"] >= UNIT_PEOPLE_MIN else None,
        days_since=merge_buckets(gaps.DAYS_BOUNDS, people["buckets"]) if people["eligible"] else [],
        shares={name: share for name in gaps.METRICS if (share := shares[name]) is not None},
        units=[Cell(**dict(row)) for row in units if row["unit"] != ORGANISATION],
    )


def _share(part: int, whole: int, people: int) -> float | None:
    """Middle of the share's band; None when it is about fewer than five people."""
    if people < UNIT_PEOPLE_MIN:
        return None
    return band_of(Count(part, whole), ORGANISATION_BANDS_MAX).ratio_middle
