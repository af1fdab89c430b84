"""Checks between two databases: two sorted lists, read side by side in bounded memory."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from services.cli.verify.report import Check, Fault, made
from services.cli.verify.within import LEDGER, NOTIFIER, RECOGNITION
from services.kit.sql import Connection

PREFETCH = 5_000
Row = dict[str, Any]


async def entries_as_emitted(
    recognition: Connection, ledger: Connection, unsettled: str
) -> AsyncIterator[Check]:
    """The ledger holds no entry that recognition did not emit, and at rest every one it did.

    The ledger's snapshot must be the older one. unsettled: why the ledger may not have read everything; else empty.
    """
    tally = Tally("ledger", "emitted by recognition")
    await tally.take(
        _rows(recognition, RECOGNITION["emitted"]),
        _rows(ledger, LEDGER["entries"]),
        compare_all=not unsettled,
    )
    yield tally.check_nothing_invented("ledger entries were emitted")
    yield tally.check_nothing_lost("emitted entries are in the ledger, alike", unsettled)


async def intents_as_recognised(
    ledger: Connection, notifier: Connection, unsettled: str
) -> AsyncIterator[Check]:
    """At rest the notifier has an intent for each of the ledger's recognitions, and no other.

    unsettled: why one of them may not have read everything; else empty.
    """
    tally = Tally("notifier", "in the ledger")
    if unsettled:
        yield Check("notifier", "intents = recognitions of the ledger", 0, skipped=unsettled)
        return
    await tally.take(
        _rows(ledger, LEDGER["recognitions"]), _rows(notifier, NOTIFIER["recognitions"]), compare_all=True
    )
    yield tally.check_nothing_invented("intents are of recognitions in the ledger")
    yield tally.check_nothing_lost("recognitions in the ledger have intents", unsettled)


class Tally:
    """Counts what is in both lists, and keeps the first of what is only in one or differs."""

    def __init__(self, service: str, origin: str) -> None:
        """service: whose list the second is. origin: what makes an entry stand in the first, e.g. "in the ledger"."""
        self._service = service
        self._origin = origin
        self._both = 0
        self._missing: Fault | None = None
        self._invented: Fault | None = None

    async def take(
        self,
        wanted: AsyncIterator[Row],
        found: AsyncIterator[Row],
        *,
        compare_all: bool,
    ) -> None:
        """Read both lists, in order of `id`. compare_all: rows of one id must be alike in everything."""
        left, right = await anext(wanted, None), await anext(found, None)
        while left is not None or right is not None:
            if right is None or (left is not None and left["id"] < right["id"]):
                assert left is not None
                self._miss(left, "none")
                left = await anext(wanted, None)
            elif left is None or right["id"] < left["id"]:
                self._invent(right)
                right = await anext(found, None)
            else:
                self._both += 1
                if compare_all and left != right:
                    self._miss(left, _said(right))
                left, right = await anext(wanted, None), await anext(found, None)

    def check_nothing_invented(self, name: str) -> Check:
        """Everything in the second list is in the first."""
        return made(self._service, name, self._both, f"{self._both:,} alike", self._invented)

    def check_nothing_lost(self, name: str, unsettled: str) -> Check:
        """Everything in the first list is in the second, unless that had not been read to its end."""
        figures = f"{self._both:,} alike"
        if unsettled:
            return Check(self._service, name, self._both, skipped=unsettled, figures=figures)
        return made(self._service, name, self._both, figures, self._missing)

    def _miss(self, row: Row, found: str) -> None:
        fault = Fault(f"entry {row['id']}", f"{_said(row)}, as {self._origin}", found)
        self._missing = _one_more(self._missing, fault)

    def _invent(self, row: Row) -> None:
        fault = Fault(f"entry {row['id']}", f"none, for it is not {self._origin}", _said(row))
        self._invented = _one_more(self._invented, fault)


def _one_more(first: Fault | None, fault: Fault) -> Fault:
    """The first fault stays the one that is told."""
    return fault if first is None else replace(first, count=first.count + 1)


async def _rows(connection: Connection, query: str) -> AsyncIterator[Row]:
    async for row in connection.cursor(query, prefetch=PREFETCH):
        yield dict(row)


def _said(row: Row) -> str:
    """What a row says beside its id."""
    return ", ".join(f"{name} {value}" for name, value in row.items() if name != "id")
