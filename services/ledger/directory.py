"""People, their wishes and their erasure. The caller holds the lock of everybody in the batch."""

from collections.abc import Sequence
from typing import Any

from services.kit.batch import Item, Outcome
from services.kit.errors import Code, Refusal, Stage
from services.kit.sql import AnyConnection
from services.ledger import metrics, store
from services.ledger.domain import Decoded, Erasure, Person, Preference

_CONFLICT = Refusal(
    Code.ID_CONFLICT, Stage.STORE, "a record of this time and id but with another body is there"
)


async def keep_persons(connection: AnyConnection, items: Sequence[Item[Decoded]], marks: store.Marks) -> None:
    """Keep the newest record of each person by (time, id); of the erased, none."""
    found = [(i, i.decoded) for i in items if isinstance(i.decoded, Person)]
    if not found:
        return
    stored = await store.read_person_versions(connection, {person.employee for _, person in found})
    newest: dict[str, Person] = {}
    for item, person in found:
        known = newest.get(person.employee)
        version = stored.get(person.employee) if known is None else _version(known)
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
    if newest:
        await store.upsert_persons(connection, newest.values())


def _version(person: Person) -> tuple[Any, str, bytes]:
    return person.occurred_at, person.event_id, person.digest


async def keep_preferences(
    connection: AnyConnection, items: Sequence[Item[Decoded]], marks: store.Marks
) -> None:
    """Keep the newest wishes of each person by (time, id); on a tie the more private."""
    found = [(i, i.decoded) for i in items if isinstance(i.decoded, Preference)]
    if not found:
        return
    kept = await store.read_preferences(connection, {wish.employee for _, wish in found})
    newest: dict[str, Preference] = {}
    for item, wish in found:
        known = newest.get(wish.employee, kept.get(wish.employee))
        if wish.employee in marks.erased:
            item.outcome = Outcome.IGNORED
        elif known is None or _precedence(wish) > _precedence(known):
            newest[wish.employee] = wish
        else:
            item.outcome = Outcome.DUPLICATE if wish == known else Outcome.IGNORED
    if newest:
        await store.upsert_preferences(connection, list(newest.values()))


def _precedence(wish: Preference) -> tuple[Any, str, int]:
    return wish.occurred_at, wish.event_id, -wish.celebrate


async def erase(connection: AnyConnection, items: Sequence[Item[Decoded]]) -> None:
    """Delete the words, record and wishes of those who asked; whoever was erased as far before is a duplicate."""
    found = [(i, i.decoded) for i in items if isinstance(i.decoded, Erasure)]
    if not found:
        return
    scopes = await store.read_erasures(connection, {erasure.employee for _, erasure in found})
    wanted: dict[str, Erasure] = {}
    for item, erasure in found:
        if scopes.get(erasure.employee, 0) >= erasure.scope:
            item.outcome = Outcome.DUPLICATE
        else:
            scopes[erasure.employee] = erasure.scope
            wanted[erasure.employee] = erasure
    if wanted:
        metrics.WORDS_ERASED.inc(await store.erase(connection, list(wanted.values())))
