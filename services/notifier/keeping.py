"""Directory records, wishes, their removal, and erasures: what the store keeps of them."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeVar

from schemas.models.erasures import ErasureV1
from schemas.models.people import PersonV1
from schemas.models.preferences import PreferencesV1
from services.kit.batch import Item, Outcome, Outgoing
from services.kit.errors import Code, Refusal, Stage
from services.kit.sql import AnyConnection
from services.notifier import directory, erasing
from services.notifier.arrivals import Arrival, Items, Removal, arrival_of, body_of, event_of, expect
from services.notifier.directory import PersonRecord, PreferenceRecord, wishes_of
from services.notifier.domain.telling import privacy

_CONFLICT = Refusal(Code.ID_CONFLICT, Stage.STORE, "one of this id but with another body is there already")
# An erasure outranks every record of the same person in one batch.
_ERASURE_RANK = {"received": 1, "given": 2}

K = TypeVar("K", PersonRecord, PreferenceRecord)
Rank = tuple[float, float, str] | tuple[datetime, str, int]


async def keep_people(
    connection: AnyConnection, items: Items, *, now: datetime, backup_retention_days: int
) -> list[Outgoing]:
    """Keep records, removals and erasures; returns deliveries of what an erasure ended, and the reports on erasures."""
    records = [_person_record(item) for item in items]
    before = await directory.people_versions(connection, sorted({r.employee for r in records if r.erased}))
    newest = _newest(records, _person_rank)
    changed = await directory.keep_people(connection, newest)
    erased = {r.employee for r in newest if r.erased is not None and r.employee in changed}
    stored = await directory.people_versions(connection, sorted({r.employee for r in records}))
    done: dict[str, erasing.Erased] = {}
    for item, record in zip(items, records, strict=True):
        version = stored[record.employee]
        if record.erased is not None:
            is_stored = version.erased == record.erased
            if is_stored and record.employee in erased:
                # One that was taken away left no id.
                had_record = bool((known := before.get(record.employee)) and known.event_id)
                done.setdefault(
                    record.employee,
                    erasing.Erased(record.employee, record.erased, event_of(item), had_record),
                )
        else:
            is_stored = (version.happened_at, version.event_id) == (record.happened_at, record.event_id)
        if is_stored and record.digest != version.digest:
            item.refuse(_CONFLICT)
        else:
            _set_outcome(item, record.employee, is_stored, changed)
    if not done:
        return []
    return await erasing.erase(
        connection, list(done.values()), now=now, backup_retention_days=backup_retention_days
    )


async def keep_preferences(connection: AnyConnection, items: Items) -> None:
    """Keep wishes and their removal; of the erased, nothing."""
    told = [(item, _preference_record(item)) for item in items]
    erased = await erasing.read_erased(connection, sorted({record.employee for _, record in told}))
    for item, record in told:
        if record.employee in erased:
            item.outcome = Outcome.IGNORED
    kept = [(item, record) for item, record in told if record.employee not in erased]
    records = [record for _, record in kept]
    changed = await directory.keep_preferences(connection, _newest(records, _preference_rank))
    stored = await directory.preference_versions(connection, sorted({r.employee for r in records}))
    for item, record in kept:
        is_stored = stored.get(record.employee) == _preference_rank(record)
        _set_outcome(item, record.employee, is_stored, changed)


def _set_outcome(item: Item[Arrival], employee: str, is_stored: bool, changed: set[str]) -> None:
    """Overtaken by a newer record: ignored. Stored by this batch: applied, the first of equals. Before: duplicate."""
    if not is_stored:
        item.outcome = Outcome.IGNORED
    elif employee in changed:
        changed.discard(employee)
    else:
        item.outcome = Outcome.DUPLICATE


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
