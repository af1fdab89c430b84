"""Connections that read under somebody's identity: row security in the database decides what they find.

A statement that forgets whose rows it wants finds only those of who asks; nobody finds nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import asyncpg

from services.kit import logs
from services.kit.auth import Principal
from services.kit.errors import Retry, Stop
from services.kit.remedy import TROUBLE, remedy
from services.kit.sql import AnyConnection, Pool, Queries

CONNECTIONS_MAX = 8
STATEMENT_SECONDS_MAX = 10.0
_WAIT_SECONDS_MAX = 5.0
_RETRY_SECONDS = 1.0
_SQL = Queries(Path(__file__).parent / "sql" / "reading.sql")
_log = logs.get("identity")


@dataclass(frozen=True, slots=True)
class Reader:
    """Lends connections of the reader role, each for one transaction and one identity."""

    pool: Pool
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def today(self) -> date:
        """The day (UTC) by which teams and leads are told."""
        return self.now().date()

    @asynccontextmanager
    async def as_(self, asker: Principal) -> AsyncIterator[AnyConnection]:
        """A read-only transaction that sees what `asker` may see. Raises one of TROUBLE when there is none."""
        async with (
            self.pool.acquire(timeout=_WAIT_SECONDS_MAX) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            # The three settings end with the transaction: the next one on this connection is nobody's.
            scopes = " ".join(sorted(asker.scopes))
            await connection.execute(_SQL["identify"], asker.subject, scopes, self.today().isoformat())
            yield connection

    def as_employee(self, employee: str) -> AbstractAsyncContextManager[AnyConnection]:
        """The same for a person who has shown in another way that they are this employee."""
        return self.as_(Principal(employee, frozenset({"self"})))


def make_pool(url: str, connections_max: int = CONNECTIONS_MAX) -> Pool:
    """Connections of the reader role. The pool opens when awaited (see `keep`), a connection when first needed."""
    return asyncpg.create_pool(
        url,
        min_size=0,
        max_size=connections_max,
        timeout=_WAIT_SECONDS_MAX,
        command_timeout=STATEMENT_SECONDS_MAX,
        reset=_no_reset,
        # Planning for all months and policies costs ten times as much as reading: it is done once a connection.
        max_cached_statement_lifetime=0,
        server_settings={
            "jit": "off",
            "plan_cache_mode": "force_generic_plan",
            "application_name": "waystone reader",
        },
    )


async def _no_reset(_: AnyConnection) -> None:
    """An identity ends with its transaction; nothing else is ever set."""


async def keep(pool: Pool) -> None:
    """Open the pool and keep it until cancelled. Raises Stop `RIGHTS_TOO_WIDE` where its role sees too much."""
    await pool
    try:
        await check_rights(pool)
        await asyncio.Event().wait()
    finally:
        pool.terminate()


async def check_rights(pool: Pool) -> None:
    """See, once the database answers, that row security holds for the role."""
    while True:
        try:
            found = await pool.fetchval(_SQL["rights_too_wide"])
            break
        except TROUBLE as error:
            answer = remedy(error)
            if not isinstance(answer, Retry):
                raise answer from error
            _log.warning("the reader waits for the database", error=str(answer))
        await asyncio.sleep(_RETRY_SECONDS)
    if found is not None:
        raise Stop(
            "RIGHTS_TOO_WIDE",
            f"READER_DATABASE_URL: its role {found}; it must be a member of waystone_ledger_reader and no more",
        )
