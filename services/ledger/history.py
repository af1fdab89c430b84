"""Entries into history, once each, and everything that follows from them in the same transaction."""

from collections.abc import Sequence
from datetime import date

from services.kit.batch import Item, Outcome
from services.kit.errors import Code, Refusal, Retry, Stage
from services.kit.sql import AnyConnection
from services.ledger import metrics, store
from services.ledger.domain import Decoded, Entry, Noted, Projection

# After a batch with duplicates more are likely (a replay, a redelivery): stay on the careful path for a while.
_CAREFUL_BATCHES = 8
_CONFLICT = Refusal(
    Code.ID_CONFLICT, Stage.STORE, "an entry of this id but with another body is there already"
)


Arrived = tuple[Item[Decoded], Noted]
"""An item and the entry it brings."""


class History:
    """Stores new entries; tells duplicates and conflicts."""

    def __init__(self) -> None:
        # Only a hint for speed: whatever it says, the result is the same.
        self._careful_batches_left = 0

    async def add(self, connection: AnyConnection, items: Sequence[Arrived]) -> list[Noted]:
        """Store the entries of these items; return those that were new. The others' outcomes are set."""
        if not items:
            return []
        months = {(noted.entry.occurred_at.year, noted.entry.occurred_at.month) for _, noted in items}
        await store.make_months(connection, [date(year, month, 1) for year, month in months])
        if self._careful_batches_left == 0:
            noted = [noted for _, noted in items]
            if await store.copy_entries(connection, [n.entry for n in noted]):
                return noted
            self._careful_batches_left = _CAREFUL_BATCHES
        self._careful_batches_left -= 1
        metrics.DEDUPE_BATCHES.inc()
        return await _add_unless_there(connection, items)


async def _add_unless_there(connection: AnyConnection, items: Sequence[Arrived]) -> list[Noted]:
    first: dict[store.Key, Noted] = {}
    for _, noted in items:
        first.setdefault(_key(noted.entry), noted)
    inserted = await store.insert_entries(connection, [n.entry for n in first.values()])
    there = await store.read_digests(connection, [key for key in first if key not in inserted])
    new: list[Noted] = []
    for item, noted in items:
        key = _key(noted.entry)
        if key in inserted and first[key] is noted:
            new.append(noted)
        elif noted.entry.digest == there.get(key, first[key].entry.digest):
            item.outcome = Outcome.DUPLICATE
        else:
            item.refuse(_CONFLICT)
    return new


def withdrawn_by(new: Sequence[Noted]) -> list[store.Key]:
    """The entries that these take back."""
    return [(n.entry.employee, n.entry.withdraws) for n in new if n.entry.withdraws is not None]


async def touch_givers(
    connection: AnyConnection, projection: Projection, targets: Sequence[store.Key]
) -> None:
    """Add to the projection whoever gave what is taken back: they are folded anew, so their locks are needed, too."""
    if targets:
        for giver in await store.read_givers(connection, targets):
            projection.touch(giver)


async def project(
    connection: AnyConnection,
    projection: Projection,
    new: Sequence[Noted],
    targets: Sequence[store.Key],
    marks: store.Marks,
) -> None:
    """Store words, counts, deeds and withdrawals of new entries. The caller holds the lock of everybody touched."""
    kept = [n for n in new if not _is_erased(n.entry, marks)] if marks.erased else new
    await store.copy_words(connection, [n.words for n in kept])
    await store.merge_days_and_deeds(connection, projection)
    if targets:
        await store.insert_withdrawals(connection, targets)
    if not marks.withdrawn:
        return
    # A withdrawal may come before its entry, after it, or with it.
    suspects = [*targets, *(_key(n.entry) for n in new if n.entry.employee in marks.withdrawn)]
    people = await store.read_withdrawn(connection, suspects) if suspects else set()
    if not people <= projection.standing.keys():
        # The entry came in between looking and locking; its giver is not locked. The next attempt sees it.
        raise Retry("a withdrawn entry has just come in")
    if people:
        await store.refold(connection, people)
        metrics.REFOLDED.inc(len(people))


def _key(entry: Entry) -> store.Key:
    return entry.employee, entry.id


def _is_erased(entry: Entry, marks: store.Marks) -> bool:
    """The words would go to somebody erased, or come from somebody whose words to others were erased, too."""
    return entry.employee in marks.erased or marks.erased.get(entry.giver or "") == 2
