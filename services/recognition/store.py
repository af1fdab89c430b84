"""Typed calls on a given connection, one query each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from uuid import UUID

import msgspec

from services.kit.sql import AnyConnection, Queries
from services.recognition.domain.facts import EventKey, PartKey
from services.recognition.domain.people import Person
from services.recognition.domain.state import Emission

SQL = Queries(Path(__file__).parent / "sql" / "queries.sql")


class Periods(msgspec.Struct, frozen=True):
    """What is kept of a directory record, as the `periods` column holds it."""

    statuses: tuple[tuple[date, str], ...]
    managers: tuple[tuple[date, str | None], ...]
    formerly: tuple[str, ...] = ()


_read_periods = msgspec.json.Decoder(Periods)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which parked parts a batch may touch: these, and all other parts of the same events."""

    arriving: frozenset[str]
    """Parts that wait for these people, the oldest `limit` of them."""
    erased: frozenset[str]
    """Parts that mention these people."""
    originals: frozenset[EventKey]
    """Parts of these events."""
    limit: int

    def arguments(self) -> tuple[list[str], list[str], list[str], list[str], int]:
        """As the queries take them."""
        sources, ids = columns(self.originals)
        return sorted(self.arriving), sorted(self.erased), sources, ids, self.limit

    def __bool__(self) -> bool:
        return bool(self.arriving or self.erased or self.originals)


@dataclass(frozen=True, slots=True)
class ParkedRow:
    """A parked part as it is stored."""

    key: PartKey
    waits_for: str
    record: bytes
    parked_at: datetime | None
    in_turn: bool = True
    """Among the oldest of those that wait for somebody who arrives."""


@dataclass(frozen=True, slots=True)
class AwaitingRow:
    """A withdrawal that waits, as it is stored. by: who takes it back."""

    original: EventKey
    key: EventKey
    by: str | None
    record: bytes


async def read_beginning(connection: AnyConnection) -> date:
    """The day the database was first migrated."""
    day: date = await connection.fetchval(SQL["read_beginning"])
    return day


async def mentioned_by_parked(connection: AnyConnection, selection: Selection) -> set[str]:
    """Everybody the selected parts mention."""
    rows = await connection.fetch(SQL["mentioned_by_parked"], *selection.arguments())
    return {row["employee"] for row in rows}


async def lock_people(connection: AnyConnection, employees: Iterable[str]) -> dict[str, Person]:
    """Lock these people until the transaction ends, making stubs of new ones; return all, without their skills."""
    names = sorted(employees)
    await connection.execute(SQL["lock_people"], names)
    return await read_people(connection, names)


async def read_people(connection: AnyConnection, employees: Iterable[str]) -> dict[str, Person]:
    """Those of these people there is a row of, without their skills."""
    people = {}
    for row in await connection.fetch(SQL["read_people"], sorted(employees)):
        periods = _read_periods.decode(row["periods"]) if row["periods"] is not None else None
        people[row["employee"]] = Person(
            employee=row["employee"],
            known=periods is not None,
            erased=row["erased"],
            given_erased=row["given_erased"],
            formers=tuple(row["formerly"]),
            version=_version(row["record_time"], row["record_id"]),
            statuses=periods.statuses if periods is not None else (),
            managers=periods.managers if periods is not None else (),
            formerly=frozenset(periods.formerly) if periods is not None else frozenset(),
            celebrate=row["celebrate"],
            wishes_version=_version(row["wishes_time"], row["wishes_id"]),
            waiting=row["waiting"],
        )
    return people


async def read_skills(connection: AnyConnection, employees: Iterable[str]) -> dict[str, frozenset[str]]:
    """Skills these people were seen to use; nobody without one."""
    rows = await connection.fetch(SQL["read_skills"], sorted(employees))
    return {row["employee"]: frozenset(row["skills"]) for row in rows}


async def read_inbox(
    connection: AnyConnection, keys: Iterable[EventKey]
) -> tuple[dict[EventKey, bytes | None], set[EventKey]]:
    """Digests of those that were accepted before, None for an awaited original; and which were refused for good."""
    rows = await connection.fetch(SQL["read_inbox"], *columns(keys))
    places = {(row["source"], row["id"]): row["digest"] for row in rows if not row["closed"]}
    return places, {(row["source"], row["id"]) for row in rows if row["closed"]}


async def read_parked(connection: AnyConnection, selection: Selection) -> list[ParkedRow]:
    """The selected parts, oldest first."""
    rows = await connection.fetch(SQL["read_parked"], *selection.arguments())
    return [
        ParkedRow(
            (r["source"], r["id"], r["recipient"]), r["waits_for"], r["record"], r["parked_at"], r["in_turn"]
        )
        for r in rows
    ]


async def read_awaiting(
    connection: AnyConnection, originals: Iterable[EventKey]
) -> list[tuple[EventKey, bytes]]:
    """Original and packed record of the withdrawals that wait for these originals, oldest first."""
    rows = await connection.fetch(SQL["read_awaiting"], *columns(originals))
    return [((row["of_source"], row["of_id"]), row["record"]) for row in rows]


async def read_emitted(
    connection: AnyConnection, originals: Iterable[EventKey]
) -> dict[EventKey, dict[UUID, Emission]]:
    """What was published because of these events."""
    found: dict[EventKey, dict[UUID, Emission]] = {}
    for row in await connection.fetch(SQL["read_emitted"], *columns(originals)):
        entry = UUID(bytes=row["entry"].bytes)
        emission = Emission(entry, row["employee"], row["type_name"], row["withdrawn"])
        found.setdefault((row["source"], row["id"]), {})[entry] = emission
    return found


async def count_waiting(connection: AnyConnection, limit: int) -> int:
    """Parts and withdrawals that wait, each counted no further than `limit`."""
    count: int = await connection.fetchval(SQL["count_waiting"], limit)
    return count


async def update_people(connection: AnyConnection, people: Iterable[Person]) -> None:
    """Write people whose rows are locked."""
    rows = sorted(people, key=lambda p: p.employee)
    await connection.execute(
        SQL["update_people"],
        [p.employee for p in rows],
        [_write_periods(p) for p in rows],
        [p.version[0] if p.version else None for p in rows],
        [p.version[1] if p.version else None for p in rows],
        [p.erased for p in rows],
        [p.celebrate for p in rows],
        [p.wishes_version[0] if p.wishes_version else None for p in rows],
        [p.wishes_version[1] if p.wishes_version else None for p in rows],
        [p.waiting for p in rows],
        [p.given_erased for p in rows],
        [" ".join(p.formers) for p in rows],
    )


async def delete_skills(connection: AnyConnection, employees: Iterable[str]) -> dict[str, int]:
    """Forget what these people were seen to use; return how many skills that were, by employee."""
    rows = await connection.fetch(SQL["delete_skills"], sorted(employees))
    return {row["employee"]: row["skills"] for row in rows}


async def insert_skills(connection: AnyConnection, skills: Mapping[str, Iterable[str]]) -> None:
    """Remember newly seen skills."""
    pairs = [(employee, skill) for employee, names in skills.items() for skill in names]
    await connection.execute(SQL["insert_skills"], *columns(pairs))


async def delete_inbox(connection: AnyConnection, keys: Iterable[EventKey]) -> None:
    """Forget that these were accepted."""
    await connection.execute(SQL["delete_inbox"], *columns(keys))


async def insert_inbox(
    connection: AnyConnection, digests: Mapping[EventKey, bytes | None]
) -> dict[EventKey, bool]:
    """Remember what was accepted; return what was written, True where the row is new."""
    rows = await connection.fetch(
        SQL["insert_inbox"],
        [source for source, _ in digests],
        [id_ for _, id_ in digests],
        list(digests.values()),
    )
    return {(row["source"], row["id"]): row["is_new"] for row in rows}


async def delete_parked(connection: AnyConnection, keys: Iterable[PartKey]) -> None:
    """These parts wait no longer."""
    await connection.execute(SQL["delete_parked"], *columns(keys, 3))


async def insert_parked(
    connection: AnyConnection, rows: Sequence[tuple[ParkedRow, Sequence[str]]]
) -> set[PartKey]:
    """Park parts, each with whom it mentions, in the order of their queue; return those not parked before."""
    written = await connection.fetch(
        SQL["insert_parked"],
        [row.key[0] for row, _ in rows],
        [row.key[1] for row, _ in rows],
        [row.key[2] for row, _ in rows],
        [row.waits_for for row, _ in rows],
        [" ".join(mentions) for _, mentions in rows],
        [row.record for row, _ in rows],
        [row.parked_at for row, _ in rows],
    )
    return {(row["source"], row["id"], row["recipient"]) for row in written}


async def delete_awaiting(connection: AnyConnection, keys: Iterable[tuple[str, str, str, str]]) -> None:
    """These withdrawals wait no longer. Keys: source and id of the original, then its own."""
    await connection.execute(SQL["delete_awaiting"], *columns(keys, 4))


async def insert_awaiting(connection: AnyConnection, rows: Sequence[AwaitingRow]) -> None:
    """These withdrawals wait."""
    await connection.execute(
        SQL["insert_awaiting"],
        [row.original[0] for row in rows],
        [row.original[1] for row in rows],
        [row.key[0] for row in rows],
        [row.key[1] for row in rows],
        [row.by for row in rows],
        [row.record for row in rows],
    )


async def insert_emitted(connection: AnyConnection, rows: Sequence[tuple[EventKey, Emission]]) -> None:
    """Remember what was published because of which event."""
    await connection.execute(
        SQL["insert_emitted"],
        [key[0] for key, _ in rows],
        [key[1] for key, _ in rows],
        [emission.entry for _, emission in rows],
        [emission.employee for _, emission in rows],
        [emission.type_name for _, emission in rows],
        [emission.withdrawn for _, emission in rows],
    )


async def mark_withdrawn(connection: AnyConnection, entries: Mapping[UUID, EventKey]) -> int:
    """Mark entries as taken back; return how many of them still stood."""
    rows = await connection.fetch(
        SQL["mark_withdrawn"],
        [source for source, _ in entries.values()],
        [id_ for _, id_ in entries.values()],
        list(entries),
    )
    return len(rows)


def _version(time: datetime | None, id_: str | None) -> tuple[datetime, str] | None:
    return (time, id_) if time is not None and id_ is not None else None


def _write_periods(person: Person) -> str | None:
    if not person.known:
        return None
    return msgspec.json.encode(
        Periods(person.statuses, person.managers, tuple(sorted(person.formerly)))
    ).decode()


def columns(keys: Iterable[Sequence[str]], width: int = 2) -> list[list[str]]:
    """Rows → one list per column, as `unnest` wants them."""
    rows = list(keys)
    return [[row[column] for row in rows] for column in range(width)]
