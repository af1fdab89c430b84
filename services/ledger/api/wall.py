"""The wall: public recognitions, with the recipient's consent as it is when the wall is read."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from services.kit.auth import Principal
from services.ledger import reading
from services.ledger.api.access import Access, Cursor, read_cursor, require, router, write_cursor
from services.ledger.api.bodies import Wall

WALL_LIMIT_MAX = 100


def routes(access: Access) -> APIRouter:
    """For every employee (scope `self`)."""
    found = router("wall", 403)

    @found.get("/wall", summary="Public recognitions, newest first.")
    async def wall(
        asker: Annotated[Principal, Depends(access.asker)],
        cursor: Cursor = None,
        limit: Annotated[int, Query(ge=1, le=WALL_LIMIT_MAX)] = 20,
    ) -> Wall:
        """Only what its sender made public and its recipient wants celebrated in public today; nothing that is
        withdrawn, hidden or disputed. Needs scope `self`."""
        require(asker, "self")
        before = read_cursor(cursor)
        async with access.reader.as_(asker) as connection:
            shown = await reading.wall(connection, before, limit + 1)
        following = write_cursor(shown[limit - 1].id) if len(shown) > limit else None
        return Wall(recognitions=shown[:limit], next=following)

    return found
