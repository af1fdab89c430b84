"""What people say about entries of their own (hide, withdraw, dispute): typed writes, each on a writer's connection.

The caller has found under the asker's identity that the entry is theirs, or the dispute theirs to decide.
"""

from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from services.kit.sql import AnyConnection, Queries

# How long the owner of a dispute has before HR may decide it, too (own: a month, as for other requests of a person).
DISPUTE_DAYS = 30
_SQL = Queries(Path(__file__).parent / "sql" / "marks.sql")


@dataclass(frozen=True, slots=True)
class OwnEntry:
    """An entry of who asks. employee: the id it is kept under. lead: who leads them today, None if nobody does."""

    employee: str
    entry: UUID
    lead: str | None
    hidden: bool
    withdrawn: bool


@dataclass(frozen=True, slots=True)
class Dispute:
    """An entry disputed by whom it is about. owner: None is HR. accepted: None until decided. own: of who asks."""

    employee: str
    entry_id: UUID
    owner: str | None
    reason: str
    opened_at: datetime
    due_on: date
    decided_at: datetime | None
    accepted: bool | None
    answer: str | None
    own: bool


async def hide(connection: AnyConnection, entry: OwnEntry, *, hidden: bool) -> None:
    """Hide an entry from everybody else, or show it again."""
    await connection.execute(_SQL["mark_hidden"], entry.employee, entry.entry, hidden)


async def withdraw(connection: AnyConnection, employee: str, entry: UUID, now: datetime) -> None:
    """Withdraw an entry for good; a second time changes nothing."""
    await connection.execute(_SQL["mark_withdrawn"], employee, entry, now)


async def open_dispute(
    connection: AnyConnection, entry: OwnEntry, asker: str, reason: str, opened_at: datetime, due_on: date
) -> bool:
    """Open the dispute of an entry; False, and nothing done, if it was disputed before."""
    opened = await connection.fetchval(
        _SQL["open_dispute"], entry.employee, entry.entry, asker, entry.lead, reason, opened_at, due_on
    )
    return opened is not None


async def decide(
    connection: AnyConnection,
    dispute: Dispute,
    decided_by: str,
    now: datetime,
    *,
    accepted: bool,
    answer: str,
) -> bool:
    """End a dispute; an entry whose dispute is accepted is withdrawn. False if it was decided before."""
    key = (dispute.employee, dispute.entry_id)
    ended = await connection.fetchval(_SQL["decide_dispute"], *key, now, decided_by, accepted, answer)
    if ended is None:
        return False
    if accepted:
        await withdraw(connection, *key, now)
    return True


async def is_repeated(connection: AnyConnection, subject: str, key: str, *request: str) -> bool | None:
    """Keep a POST's idempotency key for a day. True: it came before; None: it came before with another request.

    request: route and body, of which only a digest is kept.
    """
    digest = sha256("\0".join(request).encode()).digest()
    await connection.execute(_SQL["forget_request_keys"])
    if await connection.fetchval(_SQL["keep_request_key"], subject, key, digest) is not None:
        return False
    return True if await connection.fetchval(_SQL["read_request_key"], subject, key) == digest else None


async def empty_disputes(connection: AnyConnection, people: list[str]) -> None:
    """Delete the words of disputes about these people's entries. The caller holds the persons' locks."""
    await connection.execute(_SQL["empty_disputes"], people)
