"""Event → what the store keeps. Nothing is told here: that is the sender's work, and its alone."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from aiokafka import ConsumerRecord

from schemas.models.deliveries import DeliveryV1
from schemas.models.entries import RecognitionV1, RecognitionWithdrawnV1
from schemas.models.erasures import ErasureV1
from schemas.models.people import PersonV1
from schemas.models.preferences import PreferencesV1
from services.kit.batch import Item, Outcome, Outgoing
from services.kit.errors import Code, Refusal, Stage
from services.kit.sql import AnyConnection
from services.notifier import directory, metrics, store, told
from services.notifier.arrivals import (
    Arrival,
    Removal,
    arrival_of,
    arrive,
    body_of,
    event_of,
    expect,
    removes,
)
from services.notifier.deliveries import Ended, deliveries
from services.notifier.directory import PersonRecord, PreferenceRecord, wishes_of
from services.notifier.domain.states import Reason, State
from services.notifier.domain.telling import DEFAULT_CHANNEL, is_too_old, privacy

ENTRIES = "recognition.entries.v1"
DIRECTORY_TOPICS = ("recognition.people.v1", "recognition.preferences.v1", "recognition.erasures.v1")
DELIVERIES = "recognition.deliveries.v1"
# An erasure outranks every record of the same person in one batch.
_ERASURE_RANK = {"received": 1, "given": 2}

_CONFLICT = Refusal(Code.ID_CONFLICT, Stage.STORE, "one of this id but with another body is there already")

K = TypeVar("K", PersonRecord, PreferenceRecord)
Rank = tuple[float, float, str] | tuple[datetime, str, int]


Items = Sequence[Item[Arrival]]


class NotifierHandler:
    """What the kit's consumer asks of the notifier."""

    topics: Sequence[str] = (ENTRIES, *DIRECTORY_TOPICS, DELIVERIES)
    read_first: Sequence[Sequence[str]] = (
        ("recognition.erasures.v1",),
        ("recognition.people.v1", "recognition.preferences.v1", DELIVERIES),
    )
    dlq_topic = "recognition.dlq.notifier"
    publishes: Sequence[str] = ("recognition.deliveries.v1",)

    def __init__(self, digest_key: bytes) -> None:
        """digest_key: of the HMAC over bodies."""
        self._digest_key = digest_key

    def decode(self, record: ConsumerRecord, now: datetime) -> Arrival | Refusal:
        """Record → event with its arrival, or why it is refused."""
        return arrive(record, now, self._digest_key)

    async def apply(self, connection: AnyConnection, items: Items) -> Sequence[Outgoing]:
        """Keep one batch: tables in this order, each written once. Returns deliveries of what ended on arrival."""
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
        if people:
            await _keep_people(connection, people)
        if preferences:
            await _keep_preferences(connection, preferences)
        if withdrawals:
            await _keep_withdrawals(connection, withdrawals)
        if delivered:
            await _keep_told(connection, delivered)
        return await _add_intents(connection, recognitions) if recognitions else []


async def _keep_people(connection: AnyConnection, items: Items) -> None:
    records = [_person_record(item) for item in items]
    changed = await directory.keep_people(connection, _newest(records, _person_rank))
    stored = await directory.people_versions(connection, sorted({r.employee for r in records}))
    for item, record in zip(items, records, strict=True):
        version = stored[record.employee]
        if record.erased is not None:
            is_stored = version.erased == record.erased
        else:
            is_stored = (version.happened_at, version.event_id) == (record.happened_at, record.event_id)
        if is_stored and record.digest != version.digest:
            item.refuse(_CONFLICT)
        else:
            _set_outcome(item, record.employee, is_stored, changed)


async def _keep_preferences(connection: AnyConnection, items: Items) -> None:
    records = [_preference_record(item) for item in items]
    changed = await directory.keep_preferences(connection, _newest(records, _preference_rank))
    stored = await directory.preference_versions(connection, sorted({r.employee for r in records}))
    for item, record in zip(items, records, strict=True):
        is_stored = stored[record.employee] == _preference_rank(record)
        _set_outcome(item, record.employee, is_stored, changed)


def _set_outcome(item: Item[Arrival], employee: str, is_stored: bool, changed: set[str]) -> None:
    """Overtaken by a newer record: ignored. Stored by this batch: applied, the first of equals. Before: duplicate."""
    if not is_stored:
        item.outcome = Outcome.IGNORED
    elif employee in changed:
        changed.discard(employee)
    else:
        item.outcome = Outcome.DUPLICATE


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
    intents = [_new_intent(item) for item in items]
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


def _person_record(item: Item[Arrival]) -> PersonRecord:
    body = body_of(item)
    if isinstance(body, ErasureV1):
        return PersonRecord(body.employee, None, None, None, erased=body.scope)
    if isinstance(body, Removal):
        return PersonRecord(body.gone.key, body.gone.time, "", None)
    person, event = expect(item, PersonV1), event_of(item)
    kept = person.model_dump_json(exclude_defaults=True)
    return PersonRecord(person.employee, event.time, event.id, kept, digest=arrival_of(item).digest)


def _preference_record(item: Item[Arrival]) -> PreferenceRecord:
    body = body_of(item)
    if isinstance(body, Removal):
        return PreferenceRecord(body.gone.key, body.gone.time, "", 0, None)
    wishes, event = expect(item, PreferencesV1), event_of(item)
    return PreferenceRecord(
        wishes.employee,
        event.time,
        event.id,
        privacy(wishes_of(wishes)),
        wishes.model_dump_json(exclude_defaults=True),
    )


def _new_intent(item: Item[Arrival]) -> store.NewIntent:
    event, body, arrival = event_of(item), expect(item, RecognitionV1), arrival_of(item)
    too_old = is_too_old(event.time, arrival.arrived_at)
    return store.NewIntent(
        recognition=UUID(event.id),
        employee=body.employee,
        award_grant=body.grant,
        giver=body.giver if body.by == "person" else None,
        occurred_at=event.time,
        correlation=event.correlationid or event.id,
        body=None if too_old else body.model_dump_json(exclude_defaults=True),
        arrived_at=arrival.arrived_at,
        digest=arrival.digest,
        channel=DEFAULT_CHANNEL if too_old else None,
        reason=Reason.TOO_OLD if too_old else None,
    )


def _person_rank(record: PersonRecord) -> tuple[int, float, str]:
    if record.erased is not None or record.happened_at is None or record.event_id is None:
        return _ERASURE_RANK[record.erased or "received"], 0.0, ""
    return 0, record.happened_at.timestamp(), record.event_id


def _preference_rank(record: PreferenceRecord) -> tuple[datetime, str, int]:
    return record.happened_at, record.event_id, record.privacy


def _newest(records: Iterable[K], rank: Callable[[K], Rank]) -> list[K]:
    """The highest-ranking record of each person, of equals the first: one statement touches a row once."""
    newest: dict[str, K] = {}
    for record in sorted(records, key=rank, reverse=True):
        newest.setdefault(record.employee, record)
    return list(newest.values())
