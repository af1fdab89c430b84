"""The ledger's API, a file per theme: each adds its routes for who asks, and row security decides what they find.

Who may not see something gets 404, the same as for what does not exist.
"""

from fastapi import Depends, FastAPI

from services.kit.auth import BEARER
from services.kit.etag import EntityTags
from services.kit.limits import BodyLimit
from services.ledger.api import deeds, disputes, gaps, history, marks, privacy, verification, wall
from services.ledger.api.access import Access
from services.ledger.links import Signer
from services.ledger.pages import web as pages
from services.ledger.record import web as record
from services.ledger.snapshot import Snapshots

BODY_BYTES_MAX = 65_536


def add_routes(
    app: FastAPI,
    access: Access,
    snapshots: Snapshots,
    signer: Signer | None,
    recorder: record.Recorder | None = None,
) -> None:
    """Add the API and the pages to a service's application.

    signer: None keeps every person's page shut. recorder: None keeps every record shut.
    """
    for routes in (
        history.routes(access),
        wall.routes(access),
        deeds.routes(access),
        marks.routes(access),
        disputes.routes(access),
        privacy.routes(access),
        gaps.routes(access, snapshots),
        verification.routes(access),
    ):
        app.include_router(routes, dependencies=[Depends(BEARER)])
    app.include_router(pages.router(access.reader, signer, access.now, records=recorder is not None))
    app.include_router(record.router(access.writer, access.reader, recorder, access.now))
    app.add_middleware(EntityTags, below="/v1/")
    app.add_middleware(BodyLimit, bytes_max=BODY_BYTES_MAX)
