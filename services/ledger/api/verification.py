"""What the last verifications found: open to everybody who may ask anything."""

from typing import Annotated

from fastapi import APIRouter, Depends

from services.kit.auth import Principal
from services.ledger import reading
from services.ledger.api.access import Access, router
from services.ledger.api.bodies import Verification, VerificationResult

RESULTS_MAX = 30


def routes(access: Access) -> APIRouter:
    """For any principal: there is no person in it."""
    found = router("verification")

    @found.get("/verification", summary="Whether history was found whole, and when.")
    async def verification(asker: Annotated[Principal, Depends(access.asker)]) -> Verification:
        """Results of `waystone verify --record`, newest first. It is run by the owner of the database, with code of
        its own: the service that writes history does not vouch for itself."""
        async with access.reader.as_(asker) as connection:
            rows = await reading.verifications(connection, RESULTS_MAX)
        results = [VerificationResult(**row) for row in rows]
        return Verification(last=results[0] if results else None, results=results)

    return found
