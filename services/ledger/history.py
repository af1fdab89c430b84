"""Entries into history, once each, and everything that follows from them in the same transaction."""

import os
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple

from services.kit.batch import Item, Outcome
from services.kit.errors import Code, Refusal, Retry, Stage
from services.kit.sql import AnyConnection
from services.ledger import erasing, metrics, store
from services.ledger.domain import Decoded, Entry, Noted, Projection, Words
from services.ledger.proof.encoding import StoredEntry, entry_leaf, words_digest

_SALT_BYTES = 16
# After a batch with duplicates more are likely (a replay, a redelivery): stay on the careful path for a while.
_CAREFUL_BATCHES = 8
_ARCHIVED = Refusal(
    "MONTH_ARCHIVED", Stage.STORE, "it belongs to an archived month: restore that, then send the record again"
)
_CONFLICT = Refusal(
    Code.ID_CONFLICT, Stage.STORE, "an entry of this id but with another body is there already"
)


Arrived = tuple[Item[Decoded], Noted]
"""An item and the entry it brings."""


class Salted(NamedTuple):
    """An entry about to be stored. salt: drawn for its words. row: of `entry`, the words' digest included."""

    item: Item[Decoded]
    entry: Entry
    words: Words
    salt: bytes
    row: StoredEntry


class History:
    """Stores new entries; tells duplicates and conflicts."""

    def __init__(self) -> None:
        # Only a hint for speed: whatever it says, the result is the same.
        self._careful_batches_left = 0

    async def add(self, connection: AnyConnection, items: Sequence[Arrived]) -> list[Salted]:
        """Store the entries of these items; return those that were new. The others' outcomes are set."""
        if items and (closed := await store.read_closed_until(connection)) is not None:
            items = _refuse_archived(items, closed)
        if not items:
            return []
        months = {(noted.entry.occurred_at.year, noted.entry.occurred_at.month) for _, noted in items}
        await store.make_months(connection, [date(year, month, 1) for year, month in months])
        new = await self._store(connection, _salt(items))
        for one in new:
            one.item.evidence = entry_leaf(one.entry, one.row[-1])
        return new

    async def _store(self, connection: AnyConnection, salted: list[Salted]) -> list[Salted]:
        if self._careful_batches_left == 0:
            if await store.copy_entries(connection, [one.row for one in salted]):
                return salted
            self._careful_batches_left = _CAREFUL_BATCHES
        self._careful_batches_left -= 1
        metrics.DEDUPE_BATCHES.inc()
        return await _add_unless_there(connection, salted)


def _salt(items: Sequence[Arrived]) -> list[Salted]:
    salts = os.urandom(_SALT_BYTES * len(items))
    salted: list[Salted] = []
    for place, (item, (entry, words)) in enumerate(items):
        salt = salts[place * _SALT_BYTES : (place + 1) * _SALT_BYTES]
        row = (*entry, words_digest(salt, words))
        salted.append(Salted(item, entry, words, salt, row))
    return salted


def _refuse_archived(items: Sequence[Arrived], closed: datetime) -> list[Arrived]:
    """Those that are left. What is archived cannot take in an entry, nor lose one."""
    left: list[Arrived] = []
    for item, noted in items:
        withdraws = noted.entry.withdraws
        if noted.entry.occurred_at < closed or (withdraws is not None and _time_of(withdraws) < closed):
            item.refuse(_ARCHIVED)
        else:
            left.append((item, noted))
    return left


def _time_of(entry_id: str) -> datetime:
    """When it happened: the first 48 bits, in ms."""
    return datetime.fromtimestamp(int(entry_id[:8] + entry_id[9:13], 16) / 1000, UTC)


async def _add_unless_there(connection: AnyConnection, arrived: Sequence[Salted]) -> list[Salted]:
    first: dict[store.Key, Salted] = {}
    for one in arrived:
        first.setdefault(_key(one.entry), one)
    inserted = await store.insert_entries(connection, [one.row for one in first.values()])
    there = await store.read_digests(connection, [key for key in first if key not in inserted])
    new: list[Salted] = []
    for one in arrived:
        key = _key(one.entry)
        if key in inserted and first[key] is one:
            new.append(one)
        elif one.entry.digest == there.get(key, first[key].entry.digest):
            one.item.outcome = Outcome.DUPLICATE
        else:
            one.item.refuse(_CONFLICT)
    return new


def withdrawn_by(new: Sequence[Salted]) -> list[store.Key]:
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
    new: Sequence[Salted],
    targets: Sequence[store.Key],
    marks: store.Marks,
) -> None:
    """Store words, counts, deeds and withdrawals of new entries. The caller holds the lock of everybody touched."""
    kept = [n for n in new if not _is_erased(n.entry, marks)] if marks.erased else new
    await store.copy_words(connection, [(*n.words, n.salt) for n in kept])
    await store.merge_days_and_deeds(connection, projection)
    if targets:
        await store.insert_withdrawals(connection, targets)
        await erasing.forget_reasons(connection, marks)
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
