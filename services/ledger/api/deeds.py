"""Deeds that wait for somebody's word."""

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query

from services.kit.auth import Principal
from services.ledger import answers, reading
from services.ledger.api.access import Access, Cursor, read_cursor, require, router, write_cursor
from services.ledger.api.bodies import WaitingDeeds

DEEDS_LIMIT_MAX = 200


def routes(access: Access) -> APIRouter:
    """For the person themself (scope `self`), and for the lead of a team (scope `team`)."""
    found = router("deeds", 403)

    @found.get("/deeds/waiting", summary="Deeds nobody has answered yet, oldest first.")
    async def waiting(
        asker: Annotated[Principal, Depends(access.asker)],
        of: Annotated[
            Literal["self", "team"], Query(description="One's own, or those of the people one leads.")
        ] = "self",
        cursor: Cursor = None,
        limit: Annotated[int, Query(ge=1, le=DEEDS_LIMIT_MAX)] = 50,
    ) -> WaitingDeeds:
        """Of the last 90 days. `of=self` needs scope `self`, `of=team` scope `team`; of a private deed the lead sees
        that it waits, without its title."""
        require(asker, of)
        after = read_cursor(cursor)
        since = access.now() - timedelta(days=reading.DEEDS_DAYS_MAX)
        async with access.reader.as_(asker) as connection:
            rows = await reading.deeds_awaiting_answer(
                connection, of_team=of == "team", after=after, since=since, limit=limit + 1
            )
        deeds = [
            answers.UnansweredDeed(
                deed=row["id"],
                employee=row["employee"],
                name=row["name"] or row["employee"],
                title=row["title"],
                size=row["size"],
                done_at=row["done_at"],
            )
            for row in rows
        ]
        following = write_cursor(deeds[limit - 1].deed) if len(deeds) > limit else None
        return WaitingDeeds(deeds=deeds[:limit], next=following)

    return found
