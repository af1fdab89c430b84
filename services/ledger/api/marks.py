"""An employee hides or withdraws an entry about themselves. The entry stays: a mark says what they want of it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Response

from services.kit.auth import Principal
from services.kit.sql import AnyConnection
from services.kit.web import Problem
from services.ledger import marks, reading
from services.ledger.api.access import Access, Employee, EntryId, not_found, router
from services.ledger.api.bodies import MarkAnswer
from services.ledger.marks import OwnEntry

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=128,
        pattern=r"^[\x21-\x7e]*$",
        description="The same key again within a day changes nothing and answers as things stand.",
    ),
]


def routes(access: Access) -> APIRouter:
    """For the person themself, with scope `self`."""
    found = router("entries of one's own", 409)

    @found.put("/people/{id}/entries/{entry}/hidden", status_code=204, summary="Hide an entry.")
    async def hide(
        employee: Employee, entry: EntryId, asker: Annotated[Principal, Depends(access.asker)]
    ) -> Response:
        """Nobody but the person sees it any more: not their lead, not the wall. It still counts."""
        await _set_hidden(access, asker, employee, entry, hidden=True)
        return Response(status_code=204)

    @found.delete(
        "/people/{id}/entries/{entry}/hidden", status_code=204, summary="Show a hidden entry again."
    )
    async def show(
        employee: Employee, entry: EntryId, asker: Annotated[Principal, Depends(access.asker)]
    ) -> Response:
        """As before it was hidden."""
        await _set_hidden(access, asker, employee, entry, hidden=False)
        return Response(status_code=204)

    @found.post("/people/{id}/entries/{entry}/withdrawal", summary="Withdraw an entry for good.")
    async def withdraw(
        employee: Employee,
        entry: EntryId,
        asker: Annotated[Principal, Depends(access.asker)],
        key: IdempotencyKey = None,
    ) -> MarkAnswer:
        """Nobody else sees it any more, and its words are shown to nobody. What was counted stays counted: that an
        event should not count is for the system that sent it, by a `withdrawal` event."""
        own = await own_entry(access, asker, employee, entry)
        async with access.writer.acquire() as connection, connection.transaction():
            if not await repeated(connection, asker, key, f"withdraw/{entry}", ""):
                await marks.withdraw(connection, own.employee, entry, access.now())
        return MarkAnswer(entry=entry, hidden=own.hidden, withdrawn=True)

    return found


async def own_entry(access: Access, asker: Principal, employee: str, entry: UUID) -> OwnEntry:
    """The asker's own entry, found under their identity. Raises Problem 404."""
    own = None
    if "self" in asker.scopes and asker.subject == employee:
        async with access.reader.as_(asker) as connection:
            own = await reading.own_entry(connection, entry)
    if own is None:
        raise not_found()
    return own


async def repeated(
    connection: AnyConnection, asker: Principal, key: str | None, route: str, body: str
) -> bool:
    """Tell whether this POST came before; in its transaction. Raises Problem 422 `IDEMPOTENCY_KEY_REUSED`."""
    if key is None:
        return False
    answer = await marks.is_repeated(connection, asker.subject, key, route, body)
    if answer is None:
        raise Problem(422, "IDEMPOTENCY_KEY_REUSED", "This key came with another request before.")
    return answer


async def _set_hidden(access: Access, asker: Principal, employee: str, entry: UUID, *, hidden: bool) -> None:
    own = await own_entry(access, asker, employee, entry)
    if own.hidden != hidden:
        async with access.writer.acquire() as connection:
            await marks.hide(connection, own, hidden=hidden)
