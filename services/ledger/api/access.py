"""What every route shares: who asks and how often they may, the shape of ids and cursors, what it may answer."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request

from services.kit.auth import Authenticator, Principal
from services.kit.limits import RateLimits
from services.kit.sql import Pool
from services.kit.web import Problem
from services.ledger.identity import Reader
from services.ledger.problems import ALWAYS, responses

Employee = Annotated[
    str,
    Path(alias="id", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64, examples=["e-1042"]),
]
EntryId = Annotated[UUID, Path(alias="entry", examples=["01a124d7-cd48-82f1-9dc7-f4f958d34824"])]
Team = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9+#._/-]*$", max_length=64, examples=["firmware"])]
Slug = Query(pattern=r"^[a-z0-9][a-z0-9+#._/-]*$", max_length=64)
# The pattern is for callers to know; a cursor that is none is answered by name.
Cursor = Annotated[
    str | None,
    Query(
        max_length=64,
        description="`next` of the page before.",
        json_schema_extra={"pattern": "^[A-Za-z0-9_-]{22}$"},
    ),
]


def router(tag: str, *further: int) -> APIRouter:
    """Routes of one theme, below `/v1`. further: statuses of problems beside those every route may answer."""
    return APIRouter(prefix="/v1", tags=[tag], responses=responses(*ALWAYS, *further))


@dataclass(frozen=True, slots=True)
class Access:
    """What the routes need: connections that read as somebody, those that write, and the judge of who asks."""

    reader: Reader
    writer: Pool
    authenticator: Authenticator
    limits: RateLimits
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def asker(self, request: Request) -> Principal:
        """Who asks; a FastAPI dependency. Raises Problem 401, or 429 `RATE_LIMITED`."""
        principal = await self.authenticator(request)
        if wait := self.limits.wait_seconds(principal.subject):
            raise Problem(
                429, "RATE_LIMITED", f"Too many requests: wait {wait} s.", {"Retry-After": str(wait)}
            )
        return principal


def require(asker: Principal, scope: str) -> None:
    """Raise Problem 403 `SCOPE_MISSING` unless the token has this scope."""
    if scope not in asker.scopes:
        raise Problem(403, "SCOPE_MISSING", f"This needs a token with scope {scope}.")


def not_found() -> Problem:
    """The one answer for what is not there and for what is not for the asker."""
    return Problem(404, "NOT_FOUND", "There is nothing here, or not for you.")


def write_cursor(entry: UUID) -> str:
    """Cursor of the page after this entry."""
    return base64.urlsafe_b64encode(entry.bytes).rstrip(b"=").decode()


def read_cursor(cursor: str | None) -> UUID | None:
    """The entry a cursor names. Raises Problem 422 `CURSOR_BAD`."""
    if cursor is None:
        return None
    try:
        return UUID(bytes=base64.b64decode(cursor + "==", altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        raise Problem(422, "CURSOR_BAD", "The cursor is not one this API gave.") from None
