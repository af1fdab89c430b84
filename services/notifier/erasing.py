"""Erasure in the notifier: what waits to be told ends, its words and the person's wishes go, and a report tells it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.kit import erasure as kit
from services.kit.batch import Outgoing
from services.kit.cloudevents import Event
from services.kit.sql import AnyConnection
from services.notifier import deliveries, directory
from services.notifier.deliveries import Ended
from services.notifier.domain.states import Reason, State
from services.notifier.domain.telling import DEFAULT_CHANNEL
from services.notifier.queries import QUERIES


@dataclass(frozen=True, slots=True)
class Erased:
    """A person erased by this batch, or further than before. event: the erasure. had_record: the directory had one."""

    employee: str
    scope: kit.Scope
    event: Event
    had_record: bool


async def erase(
    connection: AnyConnection, erased: Sequence[Erased], *, now: datetime, backup_retention_days: int
) -> list[Outgoing]:
    """Delete what is left of these people, whose directory records are gone; return deliveries and reports.

    What arrives at the same moment in another transaction is found by the upkeep within seconds.
    """
    people = sorted(one.employee for one in erased)
    givers = sorted(one.employee for one in erased if one.scope == "given")
    gone = {one.employee: Counter({"directory-record": int(one.had_record)}) for one in erased}
    rows = await connection.fetch(QUERIES["end_erased"], people, givers, DEFAULT_CHANNEL, now)
    for row in (*rows, *await connection.fetch(QUERIES["silence_erased"], people, givers)):
        if row["employee"] in gone:
            gone[row["employee"]]["words"] += 1
        else:
            gone[row["giver"]]["words-given"] += 1
    for employee in await directory.delete_preferences(connection, people):
        gone[employee]["preferences"] += 1
    for employee, count in (await kit.forget_aside(connection, people)).items():
        gone[employee]["undelivered-records"] += count
    ended = [
        Ended(
            recognition=row["recognition"],
            employee=row["employee"],
            occurred_at=row["occurred_at"],
            correlation=row["correlation"],
            channel=DEFAULT_CHANNEL,
            state=State.SUPPRESSED,
            reason=Reason.ERASED,
            attempts=0,
            at=now,
        )
        for row in rows
    ]
    deliveries.count(ended)
    return deliveries.deliveries(ended) + [
        kit.report(
            "notifier",
            kit.Done(
                employee=one.employee,
                scope=one.scope,
                source=one.event.source,
                id=one.event.id,
                time=one.event.time,
                gone=gone[one.employee],
            ),
            now=now,
            backup_retention_days=backup_retention_days,
        )
        for one in erased
    ]


async def read_erased(connection: AnyConnection, employees: Sequence[str]) -> dict[str, kit.Scope]:
    """How far these people are erased, those who are."""
    rows = await connection.fetch(QUERIES["read_erased"], employees)
    return {row["employee"]: row["erased"] for row in rows}
