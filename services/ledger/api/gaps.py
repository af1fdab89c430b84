"""Where recognition is missing: the organisation's figures for ops, a lead's own team by name."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from services.kit import logs
from services.kit.auth import Principal
from services.ledger import answers, compose, reading
from services.ledger.api.access import Access, Team, not_found, require, router
from services.ledger.snapshot import Snapshots

UNITS_LIMIT_MAX = 500
_log = logs.get("api")


def routes(access: Access, snapshots: Snapshots) -> APIRouter:
    """Figures of groups for scope `ops`, names for scope `team`."""
    found = router("gaps", 403)

    @found.get("/gaps", summary="Where recognition is missing: the organisation, and units of five or more.")
    async def gaps(
        asker: Annotated[Principal, Depends(access.asker)],
        after: Annotated[
            str,
            Query(
                max_length=64,
                pattern=r"^[a-z0-9+#._/-]*$",
                description="`next` of the page before.",
            ),
        ] = "",
        limit: Annotated[int, Query(ge=1, le=UNITS_LIMIT_MAX, description="Units at most.")] = 100,
    ) -> answers.Gaps:
        """Needs scope `ops`. Live figures are of the whole organisation; figures by unit are computed once a day."""
        require(asker, "ops")
        async with access.reader.as_(asker) as connection:
            day, cells = await reading.figures(connection, after, limit)
        last = cells[-1].unit if cells else ""
        following = last if len({cell.unit for cell in cells if cell.unit}) == limit else None
        return compose.gaps_answer(snapshots.latest()[0], day, cells, following)

    @found.get("/teams/{team:path}/gaps", summary="A lead's own team: who and what waits for a word.")
    async def team_gaps(team: Team, asker: Annotated[Principal, Depends(access.asker)]) -> answers.TeamGaps:
        """Needs scope `team`; names only members who report to the reader at present. Each reading is logged,
        without names."""
        now, named = access.now(), None
        if "team" in asker.scopes:
            async with access.reader.as_(asker) as connection:
                named = await reading.named_gaps(connection, team, asker.subject, now)
        _log.info("named gaps read", route="/v1/teams/{team}/gaps", status=404 if named is None else 200)
        if named is None:
            raise not_found()
        return compose.team_answer(team, *named, now)

    return found
