"""Intents, messages and attempts: every change of state is made here, set-wise, on a given connection."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from schemas.models.entries import RecognitionV1
from schemas.models.people import PersonV1
from schemas.models.preferences import PreferencesV1
from services.kit.sql import AnyConnection
from services.notifier.directory import person_of, wishes_of
from services.notifier.domain.states import AttemptOutcome, Reason, State
from services.notifier.domain.telling import Case, ChannelName, Wishes, category
from services.notifier.queries import QUERIES


@dataclass(frozen=True, slots=True)
class NewIntent:
    """A recognition as it arrived. reason: set when it is suppressed at once; it then has no body."""

    recognition: UUID
    employee: str
    award_grant: str | None
    giver: str | None
    occurred_at: datetime
    correlation: str
    body: str | None
    arrived_at: datetime
    digest: bytes
    channel: ChannelName | None = None
    reason: Reason | None = None

    @property
    def place(self) -> tuple[UUID, str]:
        """What makes it unique."""
        return self.recognition, self.employee


@dataclass(frozen=True, slots=True)
class Intent:
    """An intent that has not ended, joined with the directory as it is now. Without words once they are erased."""

    recognition: UUID
    employee: str
    occurred_at: datetime
    correlation: str
    words: RecognitionV1 | None
    giver: PersonV1 | None
    giver_erased: bool
    case: Case


@dataclass(frozen=True, slots=True)
class Message:
    """A message taken to be tried. lapsed: whoever had claimed it before never said what came of it."""

    id: UUID
    lapsed: bool
    tries: int
    doubts: int
    claimed_at: datetime | None
    intent: Intent


@dataclass(frozen=True, slots=True)
class IntentChange:
    """Where a due intent goes: into a message (sending), off to later (due), or to its end (suppressed)."""

    recognition: UUID
    employee: str
    state: State
    channel: ChannelName | None = None
    reason: Reason | None = None
    message: UUID | None = None
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class MessageChange:
    """Where a message goes. state_before, tries_before: as it was read; one that has moved since is left alone."""

    id: UUID
    state_before: State
    tries_before: int
    state: State
    channel: ChannelName
    tries: int
    doubts: int
    reason: Reason | None = None
    due_at: datetime | None = None
    lease_until: datetime | None = None

    @property
    def ends(self) -> bool:
        """Nothing follows."""
        return self.state not in (State.DUE, State.SENDING)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try that has ended."""

    message: UUID
    number: int
    started_at: datetime
    outcome: AttemptOutcome
    code: str


async def add_intents(connection: AnyConnection, intents: Sequence[NewIntent]) -> set[tuple[UUID, str]]:
    """Store new intents; returns (recognition, employee) of those that were new."""
    rows = await connection.fetch(
        QUERIES["add_intents"],
        [i.recognition for i in intents],
        [i.employee for i in intents],
        [i.award_grant for i in intents],
        [i.giver for i in intents],
        [i.occurred_at for i in intents],
        [i.correlation for i in intents],
        [i.body for i in intents],
        [i.channel for i in intents],
        [i.reason or "" for i in intents],
        [i.arrived_at for i in intents],
        [i.digest for i in intents],
    )
    return {(row["recognition"], row["employee"]) for row in rows}


async def read_digests(
    connection: AnyConnection, places: Sequence[tuple[UUID, str]]
) -> dict[tuple[UUID, str], bytes]:
    """Digests of the bodies of those of these intents that are there."""
    if not places:
        return {}
    rows = await connection.fetch(QUERIES["read_digests"], [r for r, _ in places], [e for _, e in places])
    return {(row["recognition"], row["employee"]): row["digest"] for row in rows}


async def take_due_intents(connection: AnyConnection, now: datetime, limit: int) -> list[Intent]:
    """Up to `limit` intents that are due, locked for this transaction."""
    return [_intent(row) for row in await connection.fetch(QUERIES["take_due_intents"], now, limit)]


async def take_due_messages(
    connection: AnyConnection, channel: ChannelName, now: datetime, limit: int, held: Collection[UUID]
) -> list[Message]:
    """Up to `limit` messages of a channel that are due or abandoned, locked for this transaction.

    held: messages the caller itself has in hand, whatever their lease says.
    """
    rows = await connection.fetch(QUERIES["take_due_messages"], channel, now, limit, list(held))
    return [
        Message(
            id=row["id"],
            lapsed=row["state"] == State.SENDING,
            tries=row["tries"],
            doubts=row["doubts"],
            claimed_at=row["claimed_at"],
            intent=_intent(row),
        )
        for row in rows
    ]


async def change_intents(connection: AnyConnection, changes: Sequence[IntentChange], now: datetime) -> None:
    """Make messages of those intents that go into one, then move the intents; all were taken in this transaction."""
    made = [c for c in changes if c.message is not None]
    if made:
        await connection.execute(
            QUERIES["make_messages"],
            [c.message for c in made],
            [c.employee for c in made],
            [c.channel for c in made],
            now,
        )
    await connection.execute(
        QUERIES["change_intents"],
        [c.recognition for c in changes],
        [c.employee for c in changes],
        [c.state for c in changes],
        [c.channel for c in changes],
        [c.reason or "" for c in changes],
        [c.message for c in changes],
        [c.due_at for c in changes],
        now,
    )


async def change_messages(
    connection: AnyConnection, changes: Sequence[MessageChange], attempts: Sequence[Attempt], now: datetime
) -> set[UUID]:
    """Move messages on, end the intents of those that end, record the tries. Returns the messages moved.

    A message that has moved since it was read (claimed by another process, or already recorded by a commit whose
    answer was lost) is not moved, and its try not recorded.
    """
    rows = await connection.fetch(
        QUERIES["change_messages"],
        [c.id for c in changes],
        [c.state_before for c in changes],
        [c.tries_before for c in changes],
        [c.state for c in changes],
        [c.channel for c in changes],
        [c.reason or "" for c in changes],
        [c.due_at for c in changes],
        [c.tries for c in changes],
        [c.doubts for c in changes],
        [c.lease_until for c in changes],
        now,
    )
    moved = {row["id"] for row in rows}
    if ended := [c for c in changes if c.ends and c.id in moved]:
        await connection.execute(
            QUERIES["end_intents"],
            [c.id for c in ended],
            [c.state for c in ended],
            [c.channel for c in ended],
            [c.reason or "" for c in ended],
            now,
        )
    if recorded := [a for a in attempts if a.message in moved]:
        await connection.execute(
            QUERIES["add_attempts"],
            [a.message for a in recorded],
            [a.number for a in recorded],
            [a.started_at for a in recorded],
            [a.outcome for a in recorded],
            [a.code for a in recorded],
            now,
        )
    return moved


async def recall(connection: AnyConnection, now: datetime) -> None:
    """Have everything that was erased or withdrawn looked at now; erased words on their way go at once."""
    await connection.execute(QUERIES["recall_messages"], now)
    await connection.execute(QUERIES["recall_intents"], now)


async def read_backlog(connection: AnyConnection, now: datetime) -> tuple[int, float]:
    """(what waits now, seconds the oldest of it has waited)."""
    row = await connection.fetchrow(QUERIES["read_backlog"], now)
    assert row is not None, "an aggregate has a row"
    return row["due"], row["oldest_seconds"]


def _intent(row: Any) -> Intent:
    words = None if row["body"] is None else RecognitionV1.model_validate_json(row["body"])
    person = None if row["person"] is None else PersonV1.model_validate_json(row["person"])
    giver = None if row["giver_person"] is None else PersonV1.model_validate_json(row["giver_person"])
    wishes = None if row["wishes"] is None else PreferencesV1.model_validate_json(row["wishes"])
    return Intent(
        recognition=row["recognition"],
        employee=row["employee"],
        occurred_at=row["occurred_at"],
        correlation=row["correlation"],
        words=words,
        giver=giver,
        giver_erased=row["giver_erased"] is not None,
        case=Case(
            category="" if words is None else category(words.by, words.kind),
            arrived_at=row["arrived_at"],
            withdrawn=row["withdrawn"],
            person=None if person is None else person_of(person),
            erased=row["erased"] is not None,
            wishes=Wishes() if wishes is None else wishes_of(wishes),
            giver_missing=row["giver"] is not None and giver is None and row["giver_erased"] is None,
            giver_words_erased=row["giver_erased"] == "given",
        ),
    )
