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
from services.ledger.record.credential import Issuer
from services.ledger.record.keys import IssuerKeys
from services.ledger.record.web import Recorder
from services.ledger.settings import LedgerSettings
from services.ledger.snapshot import Snapshots

SERVICE = "ledger"


def build(settings: LedgerSettings, pool: Pool) -> Parts:
    """What `python -m services.ledger serve` runs."""
    handler = LedgerHandler(
        settings.digest_key.get_secret_value().encode(), backup_retention_days=settings.backup_retention_days
    )
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
    api.add_routes(app, access, snapshots, signer, _recorder(settings, signer))
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


def _recorder(settings: LedgerSettings, signer: Signer | None) -> Recorder | None:
    """Who issues portable records; None when something for it is not set."""
    if signer is None or settings.record_key is None or settings.record_url is None:
        return None
    address = settings.record_url.rstrip("/")
    secrets = [
        settings.record_key.get_secret_value(),
        *settings.record_former_keys.get_secret_value().split(),
    ]
    try:
        keys = IssuerKeys(secrets, f"{address}/keys")
    except ValueError as error:
        raise Stop("CONFIG_BAD", str(error)) from None
    return Recorder(Issuer(settings.record_issuer, address), keys, signer)
