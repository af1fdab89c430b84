"""Event → what the store keeps. Nothing is told here: that is the sender's work, and its alone."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from aiokafka import ConsumerRecord

from schemas.models.deliveries import DeliveryV1
from schemas.models.entries import RecognitionV1, RecognitionWithdrawnV1
from schemas.models.erasures import ErasureV1
from schemas.models.people import PersonV1
from schemas.models.preferences import PreferencesV1
from services.kit.batch import Item, Outcome, Outgoing
from services.kit.erasure import Scope
from services.kit.errors import Code, Refusal, Stage
from services.kit.sql import AnyConnection
from services.notifier import directory, erasing, keeping, metrics, store, told
from services.notifier.arrivals import (
    Arrival,
    Items,
    arrival_of,
    arrive,
    body_of,
    event_of,
    expect,
    removes,
)
from services.notifier.deliveries import Ended, deliveries
from services.notifier.domain.states import Reason, State
from services.notifier.domain.telling import DEFAULT_CHANNEL, is_too_old

ENTRIES = "recognition.entries.v1"
DIRECTORY_TOPICS = ("recognition.people.v1", "recognition.preferences.v1", "recognition.erasures.v1")
DELIVERIES = "recognition.deliveries.v1"
_CONFLICT = Refusal(Code.ID_CONFLICT, Stage.STORE, "one of this id but with another body is there already")


class NotifierHandler:
    """What the kit's consumer asks of the notifier."""

    topics: Sequence[str] = (ENTRIES, *DIRECTORY_TOPICS, DELIVERIES)
    read_first: Sequence[Sequence[str]] = (
        ("recognition.erasures.v1",),
        ("recognition.people.v1", "recognition.preferences.v1", DELIVERIES),
    )
    dlq_topic = "recognition.dlq.notifier"
    publishes: Sequence[str] = (DELIVERIES, "recognition.erasure-reports.v1")

    def __init__(self, digest_key: bytes, *, backup_retention_days: int = 30) -> None:
        """digest_key: of the HMAC over bodies. backup_retention_days: as reports on erasures name it."""
        self._digest_key = digest_key
        self._backup_retention_days = backup_retention_days

    def decode(self, record: ConsumerRecord, now: datetime) -> Arrival | Refusal:
        """Record → event with its arrival, or why it is refused."""
        return arrive(record, now, self._digest_key)

    async def apply(self, connection: AnyConnection, items: Items) -> Sequence[Outgoing]:
        """Keep one batch: tables in this order. Returns deliveries of what ended by it, and reports on erasures."""
        people, preferences, withdrawals, delivered, recognitions = [], [], [], [], []
        for item in items:
            body = body_of(item)
            if isinstance(body, PersonV1 | ErasureV1) or removes(body, PersonV1):
                people.append(item)
            elif isinstance(body, PreferencesV1) or removes(body, PreferencesV1):
                preferences.append(item)
            elif isinstance(body, RecognitionWithdrawnV1) and body.withdraws_kind == "recognition":
                withdrawals.append(item)
            elif isinstance(body, DeliveryV1):
                delivered.append(item)
            elif isinstance(body, RecognitionV1):
                recognitions.append(item)
            else:
                item.outcome = Outcome.IGNORED
        outgoing: list[Outgoing] = []
        if people:
            outgoing += await keeping.keep_people(
                connection,
                people,
                now=datetime.now(UTC),
                backup_retention_days=self._backup_retention_days,
            )
        if preferences:
            await keeping.keep_preferences(connection, preferences)
        if withdrawals:
            await _keep_withdrawals(connection, withdrawals)
        if delivered:
            await _keep_told(connection, delivered)
        if recognitions:
            outgoing += await _add_intents(connection, recognitions)
        return outgoing


async def _keep_withdrawals(connection: AnyConnection, items: Items) -> None:
    ids = [UUID(expect(item, RecognitionWithdrawnV1).withdraws) for item in items]
    new = await directory.keep_withdrawn(connection, sorted(set(ids)))
    for item, id_ in zip(items, ids, strict=True):
        if id_ in new:
            new.discard(id_)
        else:
            item.outcome = Outcome.DUPLICATE


async def _keep_told(connection: AnyConnection, items: Items) -> None:
    """What we have told ourselves, read back: news only to a database that was rebuilt or restored."""
    bodies = [expect(item, DeliveryV1) for item in items]
    news = await told.keep(connection, bodies, arrival_of(items[0]).arrived_at)
    for item, body in zip(items, bodies, strict=True):
        if (place := told.place_of(body)) in news:
            news.discard(place)
        else:
            item.outcome = Outcome.DUPLICATE


async def _add_intents(connection: AnyConnection, items: Items) -> list[Outgoing]:
    bodies = [expect(item, RecognitionV1) for item in items]
    concerned = {
        employee for body in bodies for employee in (body.employee, body.giver) if employee is not None
    }
    erased = await erasing.read_erased(connection, sorted(concerned))
    intents = [_new_intent(item, erased) for item in items]
    if before := await told.take(connection, [i.place for i in intents]):
        intents = [_told_before(i) if i.place in before else i for i in intents]
    first: dict[told.Place, store.NewIntent] = {}
    for intent in intents:
        first.setdefault(intent.place, intent)
    new = await store.add_intents(connection, list(first.values()))
    there = await store.read_digests(connection, [place for place in first if place not in new])
    ended = []
    for item, intent in zip(items, intents, strict=True):
        if intent.place not in new or first[intent.place] is not intent:
            # One that is there under no place of its own is an award granted before: a duplicate.
            if intent.digest == there.get(intent.place, first[intent.place].digest):
                item.outcome = Outcome.DUPLICATE
            else:
                item.refuse(_CONFLICT)
            continue
        if intent.reason is not None:
            metrics.INTENTS.labels(DEFAULT_CHANNEL, State.SUPPRESSED, intent.reason).inc()
        if intent.reason is Reason.TOO_OLD:
            ended.append(
                Ended(
                    recognition=intent.recognition,
                    employee=intent.employee,
                    occurred_at=intent.occurred_at,
                    correlation=intent.correlation,
                    channel=DEFAULT_CHANNEL,
                    state=State.SUPPRESSED,
                    reason=intent.reason,
                    attempts=0,
                    at=intent.arrived_at,
                )
            )
    return deliveries(ended)


def _told_before(intent: store.NewIntent) -> store.NewIntent:
    """The log has its delivery: there is one end, and one event of it, so no second one is announced."""
    return replace(intent, body=None, channel=DEFAULT_CHANNEL, reason=Reason.ALREADY_TOLD)


def _new_intent(item: Item[Arrival], erased: Mapping[str, Scope]) -> store.NewIntent:
    """erased: who is, how far. What must not be told is kept without its words."""
    event, body, arrival = event_of(item), expect(item, RecognitionV1), arrival_of(item)
    reason = None
    if body.employee in erased or (body.giver is not None and erased.get(body.giver) == "given"):
        reason = Reason.ERASED
    elif is_too_old(event.time, arrival.arrived_at):
        reason = Reason.TOO_OLD
    return store.NewIntent(
        recognition=UUID(event.id),
        employee=body.employee,
        award_grant=body.grant,
        giver=body.giver if body.by == "person" else None,
        occurred_at=event.time,
        correlation=event.correlationid or event.id,
        body=None if reason else body.model_dump_json(exclude_defaults=True),
        arrived_at=arrival.arrived_at,
        digest=arrival.digest,
        channel=DEFAULT_CHANNEL if reason else None,
        reason=reason,
    )
