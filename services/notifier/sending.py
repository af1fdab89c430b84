"""Messages → people, by one channel: claimed under a lease, sent side by side, their outcome recorded set-wise."""

import asyncio
import random
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from services.kit import logs, outbox
from services.kit.remedy import TROUBLE
from services.kit.sql import AnyConnection, Pool
from services.notifier import metrics, store
from services.notifier.channels import Ambiguous, Channel, Permanent, Result, Sent, Temporary
from services.notifier.claiming import Claim, move, plan
from services.notifier.deliveries import Ended, count, deliveries, ended_of
from services.notifier.domain.states import (
    DOUBTS_MAX,
    RETRY_AFTER_SECONDS_MAX,
    AttemptOutcome,
    State,
    after_attempt,
)
from services.notifier.domain.telling import ChannelName
from services.notifier.parcels import make_parcel
from services.notifier.rounds import forever
from services.notifier.store import Attempt, Message, MessageChange

_IDLE_SECONDS = 0.2
_FULL_SECONDS = 0.02
_RECORDS_MAX = 500
_FAREWELL_SECONDS_MAX = 2.5
_log = logs.get("sending")


@dataclass(frozen=True, slots=True)
class SendLimits:
    """How many at once, for how long each, and how long a claim holds: longer than sending and recording it."""

    concurrent_max: int
    send_seconds_max: float
    lease_seconds: float


@dataclass(frozen=True, slots=True)
class _Tried:
    """A send that came back, whatever came of it."""

    claim: Claim
    result: Result


class Sender:
    """The sender of one channel's messages. Where that channel is not set up, it finds them another way."""

    def __init__(
        self,
        name: ChannelName,
        channel: Channel | None,
        pool: Pool,
        *,
        channels: Collection[ChannelName],
        limits: SendLimits,
        public_url: str | None,
    ) -> None:
        """channel: None when it is not set up. channels: the names of those that are."""
        self._name = name
        self._channel = channel
        self._pool = pool
        self._channels = channels
        self._limits = limits
        self._public_url = public_url
        self._under_way: set[asyncio.Task[None]] = set()
        # Claimed here and not stored yet. After a database has been away longer than a lease, our own claims look
        # abandoned although what came of them is known: they are not ours to claim again.
        self._held: set[UUID] = set()
        self._tried: list[_Tried] = []
        self._arrived = asyncio.Event()
        self._resumes_at_seconds = 0.0

    async def run(self) -> None:
        """Send until cancelled. What is under way then has a moment to end; else it is in doubt."""
        if self._channel is not None:
            await self._channel.set_up()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(forever(f"claim_{self._name}", self.claim_once, idle_seconds=_IDLE_SECONDS))
                tasks.create_task(forever(f"record_{self._name}", self.record_once, idle_seconds=0))
        finally:
            await self._farewell()

    async def _farewell(self) -> None:
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=_FAREWELL_SECONDS_MAX)
        for task in self._under_way:
            task.cancel()
        try:
            if self._tried:
                await self._record(self._tried)
        except TROUBLE as error:
            _log.warning("results are lost at the end", count=len(self._tried), error=logs.error_name(error))
        if self._channel is not None:
            await self._channel.stop()

    # --- claiming ---------------------------------------------------------------------------------------------

    async def claim_once(self) -> bool:
        """Claim as many messages as may be under way, and start sending them. True when there may be more."""
        free = self._limits.concurrent_max - len(self._under_way)
        if time.monotonic() < self._resumes_at_seconds:
            return False
        if free <= 0:
            await asyncio.wait(self._under_way, timeout=_IDLE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(_FULL_SECONDS)  # a few more may be done: claims are made in sets too
            return True
        now = datetime.now(UTC)
        lease = timedelta(seconds=self._limits.lease_seconds)
        async with self._pool.acquire() as connection, connection.transaction():
            messages = await store.take_due_messages(connection, self._name, now, free, self._held)
            if not messages:
                return False
            plans = [plan(m, self._name, self._channels, now=now, lease=lease) for m in messages]
            lapsed = [one.lapsed for one in plans if one.lapsed is not None]
            ended = await self._move(connection, messages, [one.change for one in plans], lapsed, now)
        self._count(ended, lapsed)
        for claim in (one.claim for one in plans if one.claim is not None):
            self._held.add(claim.message.id)
            task = asyncio.create_task(self._send(claim))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        metrics.SENDING.labels(self._name).set(len(self._under_way))
        return len(messages) == free

    # --- sending ----------------------------------------------------------------------------------------------

    async def _send(self, claim: Claim) -> None:
        result = await self._result_of(claim)
        if isinstance(result, Temporary) and result.retry_after_seconds:
            pause = min(result.retry_after_seconds, RETRY_AFTER_SECONDS_MAX)
            self._resumes_at_seconds = max(self._resumes_at_seconds, time.monotonic() + pause)
        self._tried.append(_Tried(claim, result))
        self._arrived.set()

    async def _result_of(self, claim: Claim) -> Result:
        assert self._channel is not None, "only what is set up is told by"
        try:
            parcel = make_parcel(
                claim.message,
                claim.address,
                self._name,
                today=claim.started_at.date(),
                public_url=self._public_url,
            )
        except Exception as error:  # a fault of ours: nothing was sent, and later code may know better
            _log.error("a message cannot be composed", channel=self._name, error=logs.error_name(error))
            return Temporary(f"compose_{type(error).__name__}"[:64])
        try:
            async with asyncio.timeout(self._limits.send_seconds_max):
                return await self._channel.send(parcel)
        except TimeoutError:
            return Ambiguous("timeout")
        except Exception as error:  # a fault of ours, at a point nobody knows
            _log.error("a message failed while being sent", channel=self._name, error=logs.error_name(error))
            return Ambiguous(type(error).__name__[:64])

    # --- recording --------------------------------------------------------------------------------------------

    async def record_once(self) -> bool:
        """Wait for results and record them. They are kept until the database has taken them."""
        await self._arrived.wait()
        await asyncio.sleep(_FULL_SECONDS)
        self._arrived.clear()
        try:
            await self._record(self._tried[:_RECORDS_MAX])
        finally:
            if self._tried:
                self._arrived.set()
        return True

    async def _record(self, tried: Sequence[_Tried]) -> None:
        """Store what came of these tries, and forget them. Their number is bounded by what is under way."""
        now = datetime.now(UTC)
        changes, attempts = [], []
        for one in tried:
            outcome, code, retry_after_seconds = _outcome(one.result)
            follows = after_attempt(
                outcome,
                doubts_max=DOUBTS_MAX[self._name],
                tries=one.claim.tries,
                doubts=one.claim.doubts,
                now=now,
                chance=random.random,
                retry_after_seconds=retry_after_seconds,
            )
            changes.append(move(one.claim.message, State.SENDING, self._name, one.claim.tries, follows))
            started_at = one.claim.started_at
            attempts.append(Attempt(one.claim.message.id, one.claim.tries, started_at, outcome, code))
        async with self._pool.acquire() as connection, connection.transaction():
            messages = [one.claim.message for one in tried]
            ended = await self._move(connection, messages, changes, attempts, now)
        self._held.difference_update(message.id for message in messages)
        del self._tried[: len(tried)]
        self._count(ended, attempts)

    async def _move(
        self,
        connection: AnyConnection,
        messages: Sequence[Message],
        changes: Sequence[MessageChange],
        attempts: Sequence[Attempt],
        now: datetime,
    ) -> list[Ended]:
        """Move messages on and announce those that end, which are returned; the last statements of a transaction."""
        moved = await store.change_messages(connection, changes, attempts, now)
        ended = [
            ended_of(message.intent, self._name, change.state, change.reason, attempts=change.tries, now=now)
            for message, change in zip(messages, changes, strict=True)
            if change.ends and change.id in moved
        ]
        await outbox.append(connection, deliveries(ended))
        return ended

    def _count(self, ended: Sequence[Ended], attempts: Sequence[Attempt]) -> None:
        count(ended)
        for attempt in attempts:
            metrics.MESSAGES.labels(self._name, attempt.outcome).inc()


def _outcome(result: Result) -> tuple[AttemptOutcome, str, float | None]:
    match result:
        case Sent(code=code):
            return "sent", code, None
        case Temporary(code=code, retry_after_seconds=retry_after_seconds):
            return "temporary", code, retry_after_seconds
        case Permanent(code=code):
            return "permanent", code, None
        case Ambiguous(code=code):
            return "ambiguous", code, None
