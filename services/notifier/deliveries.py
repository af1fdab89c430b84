"""What is announced when a recognition has been told, or will never be: a `delivery` event."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from schemas.models.deliveries import DeliveryV1
from schemas.registry import BY_NAME
from services.kit import cloudevents, ids
from services.kit.batch import Outgoing
from services.notifier import metrics
from services.notifier.domain.states import Reason, State
from services.notifier.domain.telling import ChannelName
from services.notifier.store import Intent

SOURCE = "urn:waystone:notifier"
_TYPE = BY_NAME["delivery"]


@dataclass(frozen=True, slots=True)
class Ended:
    """An intent that reached its final state at `at`."""

    recognition: UUID
    employee: str
    occurred_at: datetime
    correlation: str
    channel: ChannelName
    state: State
    reason: Reason | None
    attempts: int
    at: datetime


def ended_of(
    intent: Intent,
    channel: ChannelName,
    state: State,
    reason: Reason | None,
    *,
    attempts: int,
    now: datetime,
) -> Ended:
    """The end of an intent that was read from the store."""
    return Ended(
        recognition=intent.recognition,
        employee=intent.employee,
        occurred_at=intent.occurred_at,
        correlation=intent.correlation,
        channel=channel,
        state=state,
        reason=reason,
        attempts=attempts,
        at=now,
    )


def count(ended: Iterable[Ended]) -> None:
    """Count ends; called once they are committed."""
    for end in ended:
        metrics.INTENTS.labels(end.channel, end.state, end.reason or "").inc()
        if end.state is State.SENT:
            metrics.DELIVERY_SECONDS.labels(end.channel).observe((end.at - end.occurred_at).total_seconds())


def deliveries(ended: Iterable[Ended]) -> list[Outgoing]:
    """One event each. Its id follows from the recognition and the person: there is one end, and one event of it."""
    return [_delivery(end) for end in ended]


def _delivery(end: Ended) -> Outgoing:
    recognition = str(end.recognition)
    body = DeliveryV1.model_validate(
        {
            "employee": end.employee,
            "recognition": recognition,
            "channel": end.channel,
            "state": end.state.value,
            "reason": "" if end.reason is None else end.reason.value,
            "attempts": end.attempts,
        }
    )
    event = cloudevents.Event(
        id=str(ids.derive(end.occurred_at, "delivery", SOURCE, recognition, end.employee)),
        source=SOURCE,
        type=_TYPE.type,
        time=end.at,
        data=body.model_dump_json().encode(),
        dataschema=_TYPE.dataschema,
        partitionkey=end.employee,
        correlationid=end.correlation,
        causationid=recognition,
    )
    return Outgoing(_TYPE.topic, *cloudevents.encode(event))
