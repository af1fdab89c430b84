"""One batch, one transaction: fence, rows, outcomes, dead letters, outgoing events. Tried until it is settled."""

import asyncio
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Generic, TypeVar

import asyncpg

from services.kit import logs, metrics, outbox, positions
from services.kit.batch import Handler, Item, Outcome, Sealer, Span, spans
from services.kit.deadletter import dead_letter
from services.kit.errors import Code, Refusal, Retry, Stage, Stop
from services.kit.remedy import TROUBLE, database_answers, remedy
from services.kit.sql import AnyConnection, Pool

T = TypeVar("T")

_BACKOFF_SECONDS = 0.05
_BACKOFF_SECONDS_MAX = 2.0
_ACQUIRE_SECONDS_MAX = 10.0
# More refusals in a row than bad data explains: it is us.
_HANDLER_FAILURES_MAX = 20
# As many others are tried to see whether the handler works at all.
_WITNESSES_MAX = 20
# A connection fails so often in a row, and the database answers each time: it is the handler that raises.
_STRANGE_FAILURES_MAX = 10

_log = logs.get("writer")


class _FenceMoved(Exception):
    """Some partition was lost, or had been stored already: look again at what is left."""


class _Undo(Exception):
    """Ends a trial: its transaction is rolled back."""


class Writer(Generic[T]):
    """Stores batches of one lane, in order.

    A record the handler cannot store is refused only where the handler is known to work: it has stored another
    record of the batch, or could (a trial, rolled back). If it can store none of them, the fault is ours: Stop
    `HANDLER_BROKEN`, and nothing is refused. A record with no other beside it is refused once; if the next thing
    to happen is another refusal, that stops as well.
    """

    def __init__(self, pool: Pool, handler: Handler[T], *, group: str, digest_key: bytes) -> None:
        """group: consumer group, named in dead letters. digest_key: of the dead letters' digests."""
        self._pool = pool
        self._handler = handler
        self._sealer = handler if isinstance(handler, Sealer) else None
        self._group = group
        self._digest_key = digest_key
        self._handler_failures = 0
        self._strange_failures = 0
        # The handler has stored a record of this batch, or could.
        self._handler_works = False

    async def store(self, items: Sequence[Item[T]]) -> None:
        """Return when every item is stored, or no longer ours. Raises Stop when going on makes no sense.

        A database that is away is waited for, with back-off. Data it refuses is found by halving the batch, and so
        is what the handler fails at.
        """
        parts = deque([list(items)])
        attempt = 0
        self._handler_works = False
        self._strange_failures = 0
        while parts:
            part = [i for i in parts[0] if not i.position.lost and i.record.offset >= i.position.next_offset]
            if not part:
                parts.popleft()
                continue
            try:
                halves = await self._settle(part, items)
            except _FenceMoved:
                continue
            except Retry as error:
                metrics.BATCH_RETRIES.labels(str(error)).inc()
                if attempt % 20 == 0:
                    _log.warning("waiting for the database", error=str(error), attempt=attempt)
                await asyncio.sleep(_backoff_seconds(attempt))
                attempt += 1
            else:
                parts.popleft()
                parts.extendleft(reversed(halves))
                attempt = 0

    async def pass_over(self, stretches: Sequence[Span]) -> None:
        """Store that these stretches hold no record, all or none: under the fence, as any batch.

        None when a partition is not ours any more, or when records of it were stored meanwhile. Raises Retry, Stop.
        """
        try:
            async with self._transaction() as connection:
                await self._advance(connection, stretches)
                await self._record(connection, stretches, ())
        except _FenceMoved:
            return
        except TROUBLE as error:
            raise remedy(error) from error
        _moved_on(stretches)

    async def _settle(self, part: list[Item[T]], batch: Sequence[Item[T]]) -> list[list[Item[T]]]:
        """Store this part of the batch, or return what to go on with instead. Raises Retry, Stop, _FenceMoved."""
        try:
            await self._attempt(part)
        except (_FenceMoved, Stop):
            raise
        except Retry as error:
            cause = error.__cause__
            # Whoever waited in vain, for a lock or for the disk, waited for others: no record is to blame.
            waited = isinstance(cause, asyncpg.PostgresError | TimeoutError)
            if waited or not await database_answers(self._pool):
                self._strange_failures = 0
                raise
            self._strange_failures += 1
            if self._strange_failures < _STRANGE_FAILURES_MAX or not isinstance(cause, Exception):
                raise
            return await self._narrow(part, batch, cause)
        except Exception as error:  # refused data, or a fault of ours that one record brings out
            return await self._narrow(part, batch, error)
        return []

    async def _attempt(self, part: list[Item[T]]) -> None:
        started = time.perf_counter()
        for item in part:
            item.outcome, item.refusal, item.evidence = Outcome.APPLIED, None, None
            if isinstance(item.decoded, Refusal):
                item.refuse(item.decoded)
        try:
            stored = await self._transact(part)
        except (_FenceMoved, Stop):
            raise
        except TROUBLE as error:
            raise remedy(error) from error
        _moved_on(stored)
        self._count(part, time.perf_counter() - started)

    async def _transact(self, part: list[Item[T]]) -> list[Span]:
        async with self._transaction() as connection:
            await self._advance(connection, spans(part))
            accepted = [i for i in part if i.refusal is None]
            outgoing = list(await self._handler.apply(connection, accepted)) if accepted else []
            settled = spans(part)
            await self._record(connection, settled, part)
            now = datetime.now(UTC)
            outgoing += [
                dead_letter(
                    item,
                    item.refusal,
                    topic=self._handler.dlq_topic,
                    group=self._group,
                    now=now,
                    key=self._digest_key,
                )
                for item in part
                if item.refusal is not None
            ]
            await outbox.append(connection, outgoing)
        return settled

    async def _advance(self, connection: AnyConnection, stretches: Sequence[Span]) -> None:
        """The fence. Raises _FenceMoved when it does not hold for all."""
        if moved := await positions.advance(connection, stretches):
            await positions.resolve(connection, moved)
            metrics.FENCED.inc(sum(1 for span in moved if span.position.lost))
            raise _FenceMoved

    async def _record(
        self, connection: AnyConnection, stretches: Sequence[Span], items: Sequence[Item[T]]
    ) -> None:
        """The `batch` rows, and the proof of them where the handler makes one."""
        await positions.record_batches(connection, stretches)
        if self._sealer is not None:
            await self._sealer.seal(connection, stretches, items)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AnyConnection]:
        async with self._pool.acquire(timeout=_ACQUIRE_SECONDS_MAX) as connection:
            try:
                async with connection.transaction():
                    yield connection
            except (asyncio.CancelledError, TimeoutError, OSError):
                # Its state is unknown: never back into the pool.
                connection.terminate()
                raise

    async def _narrow(
        self, part: list[Item[T]], batch: Sequence[Item[T]], error: Exception
    ) -> list[list[Item[T]]]:
        """Halve a batch that failed for one of its records; refuse the record once it is alone."""
        if len(part) > 1:
            metrics.BATCH_BISECTIONS.inc()
            middle = len(part) // 2
            return [part[:middle], part[middle:]]
        item = part[0]
        if isinstance(item.decoded, Refusal):
            raise Stop("STORE_BROKEN", f"a refusal cannot be stored ({logs.error_name(error)})") from error
        if isinstance(error, asyncpg.PostgresError):
            item.decoded = Refusal(Code.STORE_REFUSED, Stage.STORE, f"SQLSTATE {error.sqlstate}")
        else:
            await self._blame(item, batch, error)
            item.decoded = Refusal(Code.HANDLER_FAILED, Stage.RULES, type(error).__name__)
        _log.error("a record is refused by the store", topic=item.record.topic, partition=item.record.partition,
                   offset=item.record.offset, error=logs.error_name(error), code=item.decoded.code)  # fmt: skip
        return [part]

    async def _blame(self, item: Item[T], batch: Sequence[Item[T]], error: Exception) -> None:
        """Return when it is the record's fault that the handler fails. Raises Stop `HANDLER_BROKEN` when it is ours."""
        others = [
            i
            for i in batch
            if i is not item
            and not isinstance(i.decoded, Refusal)
            and not i.position.lost
            and i.record.offset >= i.position.next_offset
        ]
        if not self._handler_works:
            verdict = await self._try_some(others)
            if not await database_answers(self._pool):
                raise Retry(logs.error_name(error)) from error
            self._handler_works = verdict is True
        if self._handler_works:
            failures_max = _HANDLER_FAILURES_MAX
        else:
            # Trouble with the connection is never a record's fault unless others go through.
            failures_max = 0 if verdict is False or isinstance(error, TROUBLE) else 1
        self._handler_failures += 1
        if self._handler_failures > failures_max:
            raise Stop("HANDLER_BROKEN", f"the handler fails ({logs.error_name(error)})") from error

    async def _try_some(self, items: Sequence[Item[T]]) -> bool | None:
        """Does the handler get through with any of these alone? None when there are none to tell from.

        Nothing of it stays. Raises Retry and Stop as the database demands.
        """
        verdict = None
        for item in items[:: len(items) // _WITNESSES_MAX + 1]:
            try:
                with suppress(_Undo):
                    async with self._transaction() as connection:
                        await self._handler.apply(connection, [item])
                        raise _Undo
            except asyncpg.PostgresError as error:  # data refused: the handler may work or not
                if isinstance(todo := remedy(error), Retry | Stop):
                    raise todo from error
            except TimeoutError as error:
                raise Retry(logs.error_name(error)) from error
            except Exception:  # as with the first
                verdict = False
            else:
                return True
        return verdict

    def _count(self, part: list[Item[T]], seconds: float) -> None:
        metrics.BATCH_RECORDS.observe(len(part))
        metrics.BATCH_SECONDS.observe(seconds)
        counts: dict[tuple[str, Outcome], int] = {}
        for item in part:
            place = (item.record.topic, item.outcome)
            counts[place] = counts.get(place, 0) + 1
            if item.refusal is not None:
                metrics.REFUSED.labels(item.record.topic, item.refusal.stage, item.refusal.code).inc()
        for (topic, outcome), count in counts.items():
            metrics.RECORDS.labels(topic, outcome).inc(count)
            if outcome is not Outcome.REJECTED:
                self._handler_failures = 0
                self._handler_works = True


def _moved_on(stored: Sequence[Span]) -> None:
    """After the commit: each position stands behind what was stored. Another task may have taken it further."""
    for span in stored:
        span.position.next_offset = max(span.position.next_offset, span.next_offset)


def _backoff_seconds(attempt: int) -> float:
    ceiling: float = min(_BACKOFF_SECONDS * 2 ** min(attempt, 10), _BACKOFF_SECONDS_MAX)
    return random.uniform(ceiling / 2, ceiling)  # noqa: S311 - jitter, not a secret
