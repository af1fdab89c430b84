"""The ledger's read API: a person's history, the organisation's gaps, a lead's own team.

Who may not see something gets 404, the same as for what does not exist.
"""

import base64
import binascii
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Query
from fastapi import Path as PathParameter

from services.kit import logs
from services.kit.auth import BEARER, Authenticator, Principal
from services.kit.sql import Pool
from services.kit.web import PROBLEM, Problem
from services.ledger import answers, compose, privacy_api, reading
from services.ledger.links import Signer
from services.ledger.pages import web as pages
from services.ledger.record import web as record
from services.ledger.snapshot import Snapshots
from services.ledger.view import Kind

HISTORY_LIMIT_MAX = 200
UNITS_LIMIT_MAX = 500
_log = logs.get("api")

Employee = Annotated[
    str,
    PathParameter(alias="id", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64, examples=["e-1042"]),
]
Team = Annotated[
    str, PathParameter(pattern=r"^[a-z0-9][a-z0-9+#._/-]*$", max_length=64, examples=["firmware"])
]
Cursor = Annotated[str | None, Query(max_length=64, description="`next` of the page before.")]
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": text,
        # Inline, for a `model` would be announced as application/json.
        "content": {PROBLEM: {"schema": answers.ProblemAnswer.model_json_schema()}},
    }
    for status, text in (
        (401, "`TOKEN_MISSING`, `TOKEN_BAD`"),
        (403, "`SCOPE_MISSING`"),
        (404, "`NOT_FOUND`: it does not exist, or is not for you"),
        (422, "`REQUEST_BAD`, `CURSOR_BAD`"),
    )
}


def add_routes(
    app: FastAPI,
    pool: Pool,
    snapshots: Snapshots,
    authenticator: Authenticator,
    signer: Signer | None,
    *,
    recorder: record.Recorder | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Add the read API and the person pages to a service's application. signer: None keeps every page shut.

    recorder: None keeps every record shut.
    """
    asking = [Depends(BEARER)]
    app.include_router(_history_routes(pool, authenticator, now), dependencies=asking)
    app.include_router(_gap_routes(pool, snapshots, authenticator, now), dependencies=asking)
    app.include_router(privacy_api.routes(pool, authenticator, now), dependencies=asking)
    app.include_router(pages.router(pool, signer, now, records=recorder is not None))
    app.include_router(record.router(pool, recorder, now))


def _history_routes(pool: Pool, authenticator: Authenticator, now: Callable[[], datetime]) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["history"], responses=_PROBLEMS)

    @routes.get("/people/{id}/history", summary="A person's history, newest first.")
    async def history(
        employee: Employee,
        asker: Annotated[Principal, Depends(authenticator)],
        cursor: Cursor = None,
        limit: Annotated[int, Query(ge=1, le=HISTORY_LIMIT_MAX)] = 50,
        kind: Annotated[Kind | None, Query(description="Only entries of this kind.")] = None,
    ) -> answers.HistoryPage:
        """For the person themself (scope `self`) and their present lead (scope `team`), who of a private note
        sees only that one came. Anybody else finds nothing here."""
        page = reading.Page(limit=limit + 1, before=_read_cursor(cursor), kind=kind)
        async with pool.acquire() as connection, connection.transaction(readonly=True):
            if "self" in asker.scopes and asker.subject == employee:
                entries = await reading.own_history(connection, employee, page)
            elif "team" in asker.scopes and await reading.leads(
                connection, asker.subject, employee, now().date()
            ):
                entries = await reading.led_history(connection, employee, asker.subject, page)
            else:
                raise _not_found()
        following = _write_cursor(entries[limit - 1].id) if len(entries) > limit else None
        return answers.HistoryPage(entries=entries[:limit], next=following)

    return routes


def _gap_routes(
    pool: Pool, snapshots: Snapshots, authenticator: Authenticator, now: Callable[[], datetime]
) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["gaps"], responses=_PROBLEMS)

    @routes.get("/gaps", summary="Where recognition is missing: the organisation, and units of five or more.")
    async def gaps(
        asker: Annotated[Principal, Depends(authenticator)],
        after: Annotated[str, Query(max_length=64, description="`next` of the page before.")] = "",
        limit: Annotated[int, Query(ge=1, le=UNITS_LIMIT_MAX, description="Units at most.")] = 100,
    ) -> answers.Gaps:
        """Needs scope `ops`. Live figures are of the whole organisation; figures by unit are computed once a day."""
        if "ops" not in asker.scopes:
            raise Problem(403, "SCOPE_MISSING", "This needs a token with scope ops.")
        async with pool.acquire() as connection, connection.transaction(readonly=True):
            day, cells = await reading.figures(connection, after, limit)
        last = cells[-1].unit if cells else ""
        following = last if len({cell.unit for cell in cells if cell.unit}) == limit else None
        return compose.gaps_answer(snapshots.latest()[0], day, cells, following)

    @routes.get("/teams/{team:path}/gaps", summary="A lead's own team: who and what waits for a word.")
    async def team_gaps(team: Team, asker: Annotated[Principal, Depends(authenticator)]) -> answers.TeamGaps:
        """Needs scope `team`; names only members who report to the reader at present. Each reading is logged,
        without names."""
        found = None
        if "team" in asker.scopes:
            async with pool.acquire() as connection, connection.transaction(readonly=True):
                found = await reading.named_gaps(connection, team, asker.subject, now())
        _log.info("named gaps read", route="/v1/teams/{team}/gaps", status=404 if found is None else 200)
        if found is None:
            raise _not_found()
        return compose.team_answer(team, *found, now())

    return routes


def _not_found() -> Problem:
    return Problem(404, "NOT_FOUND", "There is nothing here, or not for you.")


def _write_cursor(entry: UUID) -> str:
    return base64.urlsafe_b64encode(entry.bytes).rstrip(b"=").decode()


def _read_cursor(cursor: str | None) -> UUID | None:
    if cursor is None:
        return None
    try:
        return UUID(bytes=base64.b64decode(cursor + "==", altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        raise Problem(422, "CURSOR_BAD", "The cursor is not one this API gave.") from None
