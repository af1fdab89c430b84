"""Loops that outlive a database or a server that is away."""

import asyncio
from collections.abc import Awaitable, Callable

from services.kit import logs
from services.kit.errors import Retry
from services.kit.remedy import TROUBLE, remedy
from services.notifier import metrics

_RETRY_SECONDS = 1.0
_log = logs.get("rounds")


async def forever(name: str, once: Callable[[], Awaitable[bool]], *, idle_seconds: float) -> None:
    """Run `once` again and again, until cancelled; it says whether there may be more to do at once.

    name: of the loop, for metrics and logs. A database that is away is waited for; what a round had begun is rolled
    back. Raises Stop when the database refuses a statement: that is a fault of ours.
    """
    while True:
        try:
            more = await once()
        except TROUBLE as error:
            answer = remedy(error)
            if not isinstance(answer, Retry):
                raise answer from error
            metrics.LOOP_ERRORS.labels(name).inc()
            _log.warning("a round failed and is tried again", reason=name, error=logs.error_name(error))
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            await asyncio.sleep(0 if more else idle_seconds)
