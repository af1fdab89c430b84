"""What to do when the database fails: wait and try again, look for the record it refuses, or stop."""

import asyncpg

from services.kit import logs
from services.kit.errors import Retry, Stop
from services.kit.sql import Pool

# InternalClientError: a connection taken from the pool between the server's "terminating connection" and its end.
TROUBLE = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""Everything a statement may raise when the database, the way to it, or its data are at fault."""

# SQLSTATE classes: 08 connection, 40 rollback, 53 resources, 57 operator, 58 system; and single states: a lock not
# to be had, a server that is a standby now, a session cut off by a time-out.
_RETRY_CLASSES = frozenset({"08", "40", "53", "57", "58"})
_RETRY_STATES = frozenset({"55P03", "25006", "25P03"})
_DATA_CLASSES = frozenset({"22", "23"})
_ANSWER_SECONDS_MAX = 10.0


def remedy(error: Exception) -> Exception:
    """One of TROUBLE → Retry, Stop `STORE_BROKEN`, or the error itself when some data are refused (22, 23)."""
    if not isinstance(error, asyncpg.PostgresError):
        return Retry(logs.error_name(error))
    state = error.sqlstate or ""
    if isinstance(error, asyncpg.InvalidCachedStatementError):  # a migration went by; the plan is made anew
        return Retry(logs.error_name(error))
    if state[:2] in _RETRY_CLASSES or state in _RETRY_STATES:
        return Retry(logs.error_name(error))
    if state[:2] in _DATA_CLASSES:
        return error
    return Stop("STORE_BROKEN", f"the database refuses our statement ({logs.error_name(error)})")


async def database_answers(pool: Pool) -> bool:
    """Is it there at all? False as well when no connection comes free within ten seconds."""
    try:
        async with pool.acquire(timeout=_ANSWER_SECONDS_MAX) as connection:
            await connection.fetchval("SELECT 1", timeout=_ANSWER_SECONDS_MAX)
    except TROUBLE:
        return False
    return True
