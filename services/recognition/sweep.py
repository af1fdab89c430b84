"""Each minute: release, carry out or give up what still waits, and clear away what is no longer needed.

Releasing is a net. What waits is released in the transaction that brings what it waits for, unless that is more
than one transaction should hold.
"""

import asyncio
from collections.abc import Iterable
from datetime import timedelta

from services.kit import logs, outbox
from services.kit.errors import Retry
from services.kit.remedy import TROUBLE
from services.kit.sql import AnyConnection, Pool
from services.recognition import metrics, store
from services.recognition.domain import fold
from services.recognition.domain.facts import Code, EventKey
from services.recognition.domain.state import State, refuse
from services.recognition.handlers import RecognitionHandler
from services.recognition.settings import RecognitionSettings
from services.recognition.working_set import Needs

_PEOPLE_MAX = 1_000
_EVENTS_MAX = 1_000
_ROWS_CLEARED_MAX = 10_000
_log = logs.get("sweep")


class Sweep:
    """One at a time, under an advisory lock, whatever the number of processes."""

    def __init__(self, settings: RecognitionSettings, pool: Pool, handler: RecognitionHandler) -> None:
        self._settings = settings
        self._pool = pool
        self._handler = handler
        self._parked_age_max = timedelta(days=settings.parked_days_max)

    async def run(self) -> None:
        """Sweep until cancelled; a database that is away is waited for."""
        while True:
            try:
                await self.once()
            except (Retry, *TROUBLE) as error:
                _log.warning("the sweep waits", error=logs.error_name(error))
            await asyncio.sleep(self._settings.sweep_seconds)

    async def once(self) -> None:
        """One sweep, in two transactions: what waits, then what is old."""
        async with self._pool.acquire(timeout=10) as connection:
            async with connection.transaction():
                if not await connection.fetchval(store.SQL["try_sweep_lock"]):
                    return
                await self._settle_what_waits(connection)
            async with connection.transaction():
                await self._clear(connection)
            waiting = await connection.fetchrow(store.SQL["count_parked"])
        assert waiting is not None
        metrics.PARKED.set(waiting["parts"])
        metrics.AWAITING.set(waiting["withdrawals"])
        metrics.SWEPT_AT.set_to_current_time()

    async def _settle_what_waits(self, connection: AnyConnection) -> None:
        releasable = await _find_releasable(connection, _PEOPLE_MAX)
        come = await _find_keys(connection, "find_awaited_originals", None, _EVENTS_MAX)
        stale = await _find_keys(connection, "find_expired_parked", self._parked_age_max, _EVENTS_MAX)
        missed = await _find_keys(connection, "find_expired_awaited", self._parked_age_max, _EVENTS_MAX)
        if not (releasable or come or stale or missed):
            return
        needs = Needs(people=set(releasable), arriving=releasable, originals={*come, *stale, *missed})

        def settle(state: State) -> None:
            for employee in sorted(releasable):
                fold.release(state, employee)
            for original in come:
                fold.take_back(state, original)
            _give_up(state, stale, missed)

        outgoing = await self._handler.transact(connection, needs, settle)
        await outbox.append(connection, outgoing)

    async def _clear(self, connection: AnyConnection) -> None:
        await connection.execute(store.SQL["delete_useless_stubs"], _ROWS_CLEARED_MAX)
        age = timedelta(days=self._settings.inbox_days_max)
        await connection.execute(store.SQL["delete_old_inbox"], age, _ROWS_CLEARED_MAX)


def _give_up(state: State, parked: Iterable[EventKey], awaited: Iterable[EventKey]) -> None:
    """What waited too long leaves by the dead-letter topic."""
    for event in parked:
        for waiting in state.waiting.of_event(event)[:1]:
            why = refuse(Code.PERSON_UNKNOWN, "the directory has not brought somebody concerned")
            state.bury(waiting.part.fact, why)
    for original in awaited:
        for awaiting in list(state.awaiting.get(original, {}).values()):
            state.stop_awaiting(original, awaiting)
            if not state.emitted.get(original):  # else it took back what there was
                state.bury(awaiting.fact, refuse(Code.ORIGINAL_UNKNOWN, "what it takes back has not come"))


async def _find_keys(
    connection: AnyConnection, query: str, age: timedelta | None, limit: int
) -> list[EventKey]:
    """Events one of the sweep's `find_` queries names."""
    arguments = (limit,) if age is None else (age, limit)
    return [(row[0], row[1]) for row in await connection.fetch(store.SQL[query], *arguments)]


async def _find_releasable(connection: AnyConnection, limit: int) -> set[str]:
    """Known people for whom parts still wait."""
    return {row["employee"] for row in await connection.fetch(store.SQL["find_releasable"], limit)}
