"""The directory: people, their wishes, erasures and withdrawals, as typed calls on a given connection."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from uuid import UUID

from schemas.models.people import PersonV1
from schemas.models.preferences import PreferencesV1
from services.kit import erasure as kit
from services.kit.sql import AnyConnection
from services.notifier.domain.telling import Person, Wishes
from services.notifier.queries import QUERIES


@dataclass(frozen=True, slots=True)
class PersonRecord:
    """A directory record (body set), its removal, or an erasure (erased set: `received` or `given`)."""

    employee: str
    happened_at: datetime | None
    event_id: str | None
    body: str | None
    erased: kit.Scope | None = None
    digest: bytes | None = None


@dataclass(frozen=True, slots=True)
class PreferenceRecord:
    """One person's wishes, or their removal (no body). privacy: greater is more private."""

    employee: str
    happened_at: datetime
    event_id: str
    privacy: int
    body: str | None


@dataclass(frozen=True, slots=True)
class PersonVersion:
    """What is stored of a person, without what it says."""

    happened_at: datetime | None
    event_id: str | None
    erased: str | None
    digest: bytes | None


async def keep_people(connection: AnyConnection, records: Sequence[PersonRecord]) -> set[str]:
    """Store at most one record per person; returns those for whom something changed."""
    rows = await connection.fetch(
        QUERIES["keep_people"],
        [r.employee for r in records],
        [r.happened_at for r in records],
        [r.event_id for r in records],
        [r.body for r in records],
        [r.erased for r in records],
        [r.digest for r in records],
    )
    return {row["employee"] for row in rows}


async def people_versions(connection: AnyConnection, employees: Sequence[str]) -> dict[str, PersonVersion]:
    """What is stored of these people."""
    rows = await connection.fetch(QUERIES["read_people_versions"], employees)
    return {
        row["employee"]: PersonVersion(row["happened_at"], row["event_id"], row["erased"], row["digest"])
        for row in rows
    }


async def keep_preferences(connection: AnyConnection, records: Sequence[PreferenceRecord]) -> set[str]:
    """Store at most one record per person; returns those for whom something changed."""
    rows = await connection.fetch(
        QUERIES["keep_preferences"],
        [r.employee for r in records],
        [r.happened_at for r in records],
        [r.event_id for r in records],
        [r.privacy for r in records],
        [r.body for r in records],
    )
    return {row["employee"] for row in rows}


async def preference_versions(
    connection: AnyConnection, employees: Sequence[str]
) -> dict[str, tuple[datetime, str, int]]:
    """(time, event id, privacy) of what is stored of these people's wishes."""
    rows = await connection.fetch(QUERIES["read_preference_versions"], employees)
    return {row["employee"]: (row["happened_at"], row["event_id"], row["privacy"]) for row in rows}


async def keep_withdrawn(connection: AnyConnection, recognitions: Sequence[UUID]) -> set[UUID]:
    """Remember recognitions taken back; returns those that were not known."""
    rows = await connection.fetch(QUERIES["keep_withdrawn"], recognitions)
    return {row["recognition"] for row in rows}


async def delete_preferences(connection: AnyConnection, employees: Sequence[str]) -> set[str]:
    """Delete wishes; returns whose there were."""
    rows = await connection.fetch(QUERIES["delete_preferences"], employees)
    return {row["employee"] for row in rows}


async def forget_preferences(connection: AnyConnection) -> None:
    """Remove the wishes of erased people."""
    await connection.execute(QUERIES["forget_preferences"])


def person_of(record: PersonV1) -> Person:
    """What telling needs of a directory record."""
    return Person(
        name=record.name,
        email=record.email,
        chat=record.chat,
        timezone=record.timezone,
        statuses=tuple((period.since, period.status) for period in record.statuses),
    )


def wishes_of(record: PreferencesV1) -> Wishes:
    """What telling needs of a person's preferences."""
    quiet = record.quiet
    return Wishes(
        celebrate=record.celebrate,
        channels=record.channels,
        muted=record.muted,
        quiet=None if quiet is None else (time.fromisoformat(quiet.start), time.fromisoformat(quiet.end)),
        timezone=record.timezone,
    )
