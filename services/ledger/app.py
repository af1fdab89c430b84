"""Wiring: settings and pool → the parts that run."""

from collections.abc import Callable, Coroutine
from typing import Any

from services.kit import web
from services.kit.auth import Authenticator
from services.kit.consume import Consumer
from services.kit.errors import Stop
from services.kit.limits import RateLimits
from services.kit.relay import Relay
from services.kit.run import Parts
from services.kit.sql import Pool
from services.ledger import api, daily, gap_metrics, identity, months, unnoticed
from services.ledger.api.access import Access
from services.ledger.domain import Decoded
from services.ledger.handlers import LedgerHandler
from services.ledger.links import Signer
from services.ledger.proof import web as proof_web
from services.ledger.proof.checkpoints import Checkpoints
from services.ledger.proof.keys import retired_keys, signing_key
from services.ledger.settings import LedgerSettings
from services.ledger.snapshot import Snapshots

SERVICE = "ledger"


def build(settings: LedgerSettings, pool: Pool) -> Parts:
    """What `python -m services.ledger serve` runs."""
    handler = LedgerHandler(settings.digest_key.get_secret_value().encode())
    consumer: Consumer[Decoded] = Consumer(settings, pool, handler, group=SERVICE)
    snapshots = Snapshots(pool)
    gap_metrics.register(snapshots)
    key = settings.page_link_key
    if settings.reader_database_url is None:
        raise Stop("CONFIG_MISSING", "set READER_DATABASE_URL")
    reading = identity.make_pool(settings.reader_database_url.get_secret_value())
    access = Access(identity.Reader(reading), pool, Authenticator(settings), RateLimits(settings))
    app = web.create_app(SERVICE, consumer, pool)
    signer = Signer(key.get_secret_value(), settings.page_cookie_secure) if key else None
    api.add_routes(app, access, snapshots, signer)
    app.include_router(proof_web.router(pool))
    checkpoints = Checkpoints(
        pool, signing_key(settings), retired_keys(settings), settings.checkpoint_seconds
    )
    tasks: list[Callable[[], Coroutine[Any, Any, None]]] = [
        lambda: months.maintain(pool),
        lambda: daily.run(pool, consumer.group_caught_up, settings.gap_settled_seconds),
        lambda: unnoticed.run(pool, consumer.group_caught_up),
        snapshots.run,
        checkpoints.run,
        lambda: identity.keep(reading),
    ]
    return Parts(consumer, Relay(settings, service=SERVICE), app, tasks, closing=[checkpoints.close])
