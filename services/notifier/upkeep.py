"""What must not wait for its turn: erasures and withdrawals of what is queued; and the size of the queue."""

from datetime import UTC, datetime

from services.kit.sql import Pool
from services.notifier import directory, metrics, store


class Upkeep:
    """Looks over everything that has not ended."""

    def __init__(self, pool: Pool) -> None:
        """pool: connections to the notifier's database."""
        self._pool = pool

    async def recall_once(self) -> bool:
        """What was erased or withdrawn meanwhile is looked at now; erased words and wishes go at once."""
        async with self._pool.acquire() as connection, connection.transaction():
            await directory.forget_preferences(connection)
            await store.recall(connection, datetime.now(UTC))
        return False

    async def measure_once(self) -> bool:
        """Export how much waits, and how long."""
        async with self._pool.acquire() as connection:
            due, oldest_seconds = await store.read_backlog(connection, datetime.now(UTC))
        metrics.DUE.set(due)
        metrics.OLDEST_DUE_SECONDS.set(oldest_seconds)
        return False
