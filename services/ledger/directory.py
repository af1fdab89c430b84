"""People and their wishes. The caller holds the lock of everybody in the batch."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, TypeGuard

from services.kit.batch import Item, Outcome
from services.kit.errors import Code, Refusal, Stage
from services.kit.sql import AnyConnection
from services.ledger import erasing, store
from services.ledger.domain import Decoded, Person, Preference, Removal

_CONFLICT = Refusal(
    Code.ID_CONFLICT, Stage.STORE, "a record of this time and id but with another body is there"
)


async def keep_persons(connection: AnyConnection, items: Sequence[Item[Decoded]], marks: store.Marks) -> None:
    """Keep the newest record of each person by (time, id), or its removal; of the erased, only ids they had before."""
    found = [(i, i.decoded) for i in items if isinstance(i.decoded, Person) or _removes(i.decoded, "person")]
    if not found:
        return
    people = {person.employee for _, person in found}
    stored = await store.read_person_versions(connection, people)
    for removal in await store.read_removals(connection, "person", people):
        stored[removal.employee] = max(stored.get(removal.employee, _version(removal)), _version(removal))
    newest: dict[str, Person | Removal] = {}
    for item, person in found:
        known = newest.get(person.employee)
        version = _version(known) if known is not None else stored.get(person.employee)
        if person.employee in marks.erased:
            item.outcome = Outcome.IGNORED
        elif version is None or _version(person)[:2] > version[:2]:
            newest[person.employee] = person
        elif _version(person) == version:
            item.outcome = Outcome.DUPLICATE
        elif _version(person)[:2] == version[:2]:
            item.refuse(_CONFLICT)
        else:
            item.outcome = Outcome.IGNORED
    if records := [person for person in newest.values() if isinstance(person, Person)]:
        await store.upsert_persons(connection, records)
    if removals := [person for person in newest.values() if isinstance(person, Removal)]:
        await store.remove(connection, "person", removals)
    told = [person for _, person in found if isinstance(person, Person) and person.employee in marks.erased]
    await erasing.note_formers(
        connection, [(one.employee, former) for one in told for former in one.formerly]
    )


def _removes(decoded: object, of: Literal["person", "preference"]) -> TypeGuard[Removal]:
    return isinstance(decoded, Removal) and decoded.of == of


def _version(person: Person | Removal) -> tuple[datetime, str, bytes]:
    if isinstance(person, Removal):
        return person.occurred_at, "", b""
    return person.occurred_at, person.event_id, person.digest


async def keep_preferences(
    connection: AnyConnection, items: Sequence[Item[Decoded]], marks: store.Marks
) -> None:
    """Keep the newest wishes of each person by (time, id), or their removal; on a tie the more private."""
    found = [
        (i, i.decoded)
        for i in items
        if isinstance(i.decoded, Preference) or _removes(i.decoded, "preference")
    ]
    if not found:
        return
    people = {wish.employee for _, wish in found}
    kept: dict[str, Preference | Removal] = {**await store.read_preferences(connection, people)}
    for removal in await store.read_removals(connection, "preference", people):
        kept[removal.employee] = max(kept.get(removal.employee, removal), removal, key=_precedence)
    newest: dict[str, Preference | Removal] = {}
    for item, wish in found:
        known = newest.get(wish.employee, kept.get(wish.employee))
        if wish.employee in marks.erased:
            item.outcome = Outcome.IGNORED
        elif known is None or _precedence(wish) > _precedence(known):
            newest[wish.employee] = wish
        else:
            item.outcome = Outcome.DUPLICATE if wish == known else Outcome.IGNORED
    if wishes := [wish for wish in newest.values() if isinstance(wish, Preference)]:
        await store.upsert_preferences(connection, wishes)
    if removals := [wish for wish in newest.values() if isinstance(wish, Removal)]:
        await store.remove(connection, "preference", removals)


def _precedence(wish: Preference | Removal) -> tuple[datetime, str, int]:
    if isinstance(wish, Removal):
        return wish.occurred_at, "", 0
    return wish.occurred_at, wish.event_id, -wish.celebrate
