"""A dispute of an entry: opened by whom it is about, decided by their lead, or by HR; with an end."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from services.kit.auth import Principal
from services.kit.body import described, json_body
from services.kit.sql import AnyConnection
from services.kit.web import Problem
from services.ledger import marks, reading
from services.ledger.api.access import (
    Access,
    Cursor,
    Employee,
    EntryId,
    not_found,
    read_cursor,
    router,
    write_cursor,
)
from services.ledger.api.dispute_bodies import Decision, DisputeAnswer, Disputes, Opening
from services.ledger.api.marks import IdempotencyKey, own_entry, repeated

DISPUTES_LIMIT_MAX = 100


def routes(access: Access) -> APIRouter:
    """For the person themself (scope `self`), their lead (`team`) and HR (`hr`)."""
    found = router("disputes", 400, 403, 409, 413)

    @found.post(
        "/people/{id}/entries/{entry}/dispute",
        status_code=201,
        openapi_extra=described(Opening),
        summary="Dispute an entry.",
    )
    async def dispute(
        employee: Employee,
        entry: EntryId,
        asker: Annotated[Principal, Depends(access.asker)],
        opening: Annotated[Opening, Depends(json_body(Opening))],
        key: IdempotencyKey = None,
    ) -> DisputeAnswer:
        """Its owner is the person's lead, or HR where there is none; it is due in 30 days, and from then on HR may
        decide it, too. Until then the entry is off the wall. An entry can be disputed once (409 `DISPUTE_EXISTS`)."""
        own = await own_entry(access, asker, employee, entry)
        now = access.now()
        due_on = now.date() + timedelta(days=marks.DISPUTE_DAYS)
        async with access.writer.acquire() as connection, connection.transaction():
            if not await repeated(connection, asker, key, f"dispute/{entry}", opening.reason) and (
                not await marks.open_dispute(connection, own, employee, opening.reason, now, due_on)
            ):
                raise Problem(409, "DISPUTE_EXISTS", "This entry was disputed before.")
        return await _answer(access, asker, employee, entry)

    @found.get("/people/{id}/entries/{entry}/dispute", summary="The dispute of an entry.")
    async def one(
        employee: Employee, entry: EntryId, asker: Annotated[Principal, Depends(access.asker)]
    ) -> DisputeAnswer:
        """For whom the entry is about and for who may decide it."""
        return await _answer(access, asker, employee, entry)

    @found.get("/disputes", summary="Open disputes that wait for the asker.")
    async def waiting(
        asker: Annotated[Principal, Depends(access.asker)],
        cursor: Cursor = None,
        limit: Annotated[int, Query(ge=1, le=DISPUTES_LIMIT_MAX)] = 50,
    ) -> Disputes:
        """For a lead (scope `team`) those they own; for HR (scope `hr`) those without a lead, and those overdue."""
        if not asker.scopes & {"team", "hr"}:
            raise Problem(403, "SCOPE_MISSING", "This needs a token with scope team or hr.")
        after = read_cursor(cursor)
        async with access.reader.as_(asker) as connection:
            rows = await reading.open_disputes(connection, after, limit + 1)
        following = write_cursor(rows[limit - 1].entry_id) if len(rows) > limit else None
        return Disputes(disputes=[_shown(row) for row in rows[:limit]], next=following)

    @found.post(
        "/people/{id}/entries/{entry}/dispute/decision",
        openapi_extra=described(Decision),
        summary="Decide a dispute.",
    )
    async def decide(
        employee: Employee,
        entry: EntryId,
        asker: Annotated[Principal, Depends(access.asker)],
        decision: Annotated[Decision, Depends(json_body(Decision))],
        key: IdempotencyKey = None,
    ) -> DisputeAnswer:
        """By its owner or HR. Accepted: the entry is withdrawn. Declined: it stays. Either way that is the end
        (409 `DISPUTE_DECIDED`)."""
        async with access.reader.as_(asker) as reading_connection:
            open_one = await _find(reading_connection, employee, entry)
        if open_one.own:
            raise not_found()
        said = f"{decision.accepted}/{decision.answer}"
        async with access.writer.acquire() as connection, connection.transaction():
            if not await repeated(connection, asker, key, f"decide/{entry}", said) and not await marks.decide(
                connection,
                open_one,
                asker.subject,
                access.now(),
                accepted=decision.accepted,
                answer=decision.answer,
            ):
                raise Problem(409, "DISPUTE_DECIDED", "This dispute was decided before.")
        return await _answer(access, asker, employee, entry)

    return found


async def _find(connection: AnyConnection, employee: str, entry: UUID) -> marks.Dispute:
    """The dispute of this person's entry, if it is for the asker. Raises Problem 404."""
    dispute = await reading.dispute(connection, employee, entry)
    if dispute is None:
        raise not_found()
    return dispute


async def _answer(access: Access, asker: Principal, employee: str, entry: UUID) -> DisputeAnswer:
    async with access.reader.as_(asker) as connection:
        return _shown(await _find(connection, employee, entry))


def _shown(dispute: marks.Dispute) -> DisputeAnswer:
    state = "open" if dispute.accepted is None else "accepted" if dispute.accepted else "declined"
    return DisputeAnswer(
        employee=dispute.employee,
        entry=dispute.entry_id,
        owner=dispute.owner,
        reason=dispute.reason,
        opened_at=dispute.opened_at,
        due_on=dispute.due_on,
        state=state,
        decided_at=dispute.decided_at,
        answer=dispute.answer,
    )
