"""Due intents → messages: whether, when and by which channel each is told."""

from collections.abc import Collection
from datetime import UTC, datetime

from services.kit import ids, outbox
from services.kit.sql import Pool
from services.notifier import store
from services.notifier.deliveries import count, deliveries, ended_of
from services.notifier.domain.states import State
from services.notifier.domain.telling import ChannelName, Decision, Hold, Suppress, Tell, decide
from services.notifier.store import Intent, IntentChange

INTENTS_PER_ROUND_MAX = 500


class Planner:
    """Decides on intents as they fall due; one transaction a round."""

    def __init__(self, pool: Pool, channels: Collection[ChannelName]) -> None:
        """channels: those this company has set up."""
        self._pool = pool
        self._channels = channels

    async def once(self) -> bool:
        """One round; True when there may be more."""
        now = datetime.now(UTC)
        async with self._pool.acquire() as connection, connection.transaction():
            intents = await store.take_due_intents(connection, now, INTENTS_PER_ROUND_MAX)
            if not intents:
                return False
            decisions = [decide(intent.case, now, self._channels) for intent in intents]
            decided = list(zip(intents, decisions, strict=True))
            await store.change_intents(connection, [_change(i, decision) for i, decision in decided], now)
            ended = [
                ended_of(intent, decision.channel, State.SUPPRESSED, decision.reason, attempts=0, now=now)
                for intent, decision in decided
                if isinstance(decision, Suppress)
            ]
            await outbox.append(connection, deliveries(ended))
        count(ended)
        return len(intents) == INTENTS_PER_ROUND_MAX


def _change(intent: Intent, decision: Decision) -> IntentChange:
    place = (intent.recognition, intent.employee)
    match decision:
        case Tell(channel=channel):
            message = ids.derive(intent.occurred_at, "message", str(intent.recognition), intent.employee)
            return IntentChange(*place, State.SENDING, channel, message=message)
        case Hold(until=until):
            return IntentChange(*place, State.DUE, due_at=until)
        case Suppress(reason=reason, channel=channel):
            return IntentChange(*place, State.SUPPRESSED, channel, reason)
