"""The ledger's API over a real database, each part with the role it has in production; and a company to ask about."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import asyncpg
import httpx
from fastapi import FastAPI

from deploy.local.databases import login_url
from services.kit import issuer, web
from services.kit.auth import Authenticator, AuthSettings
from services.kit.limits import RateLimits, RateSettings
from services.kit.sql import Pool
from services.ledger import api, identity
from services.ledger.api.access import Access
from services.ledger.links import Signer
from services.ledger.record.web import Recorder
from services.ledger.snapshot import Snapshots
from tests.integration.ledger_read_company import Company

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
KEY = "a key of more than thirty-two characters"
EVERY_SCOPE = ("self", "team", "ops", "hr", "emit")
Client = Callable[..., httpx.AsyncClient]


class Serving:
    """A consumer as health sees it."""

    alive = True
    ready = True


@dataclass(frozen=True)
class Desk:
    """The API being served. owner: connections that may write down a company; writer: those of the service."""

    owner: Pool
    writer: Pool
    reader: identity.Reader
    app: FastAPI
    client: Client
    """`client("ann", "self")` asks with a token of that subject and scopes; `client()` without one."""


def ago(days: float) -> datetime:
    """A moment before now."""
    return NOW - timedelta(days=days)


@asynccontextmanager
async def serving(
    url: str,
    folder: Path,
    *,
    connections_max: int = 4,
    rates: RateSettings | None = None,
    settings: AuthSettings | None = None,
    cookie_secure: bool = False,
    recorder: Recorder | None = None,
) -> AsyncIterator[Desk]:
    """Serve the API on the database of `url`, its owner's. folder: for the issuer's keys."""
    settings = settings or AuthSettings(jwt_jwks=str(issuer.jwks_file(folder)))
    owner = await asyncpg.create_pool(url, min_size=0, max_size=4)
    writer = await asyncpg.create_pool(login_url(url, "ledger", "writer"), min_size=0, max_size=4)
    pool = await identity.make_pool(login_url(url, "ledger", "reader"), connections_max)
    app = web.create_app("ledger", Serving(), writer)
    snapshots = Snapshots(writer, lambda: NOW)
    await snapshots.refresh()
    reader = identity.Reader(pool, lambda: NOW)
    limits = RateLimits(rates or RateSettings(rate_burst=100_000))
    access = Access(reader, writer, Authenticator(settings, lambda: NOW), limits, lambda: NOW)
    api.add_routes(app, access, snapshots, Signer(KEY, cookie_secure), recorder)
    made: list[httpx.AsyncClient] = []

    def asking(subject: str | None = None, *scopes: str) -> httpx.AsyncClient:
        headers = {}
        if subject is not None:
            headers["authorization"] = f"Bearer {issuer.issue(folder, subject, scopes, now=NOW)}"
        made.append(
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://ledger", headers=headers)
        )
        return made[-1]

    try:
        yield Desk(owner, writer, reader, app, asking)
    finally:
        for one in made:
            await one.aclose()
        for opened in (pool, writer, owner):
            await opened.close()


async def small_company(desk: Desk) -> Company:
    """Ann, Bob and a new hire, Cai, report to Lea; Zoe leads elsewhere."""
    made = Company(desk.owner)  # type: ignore[arg-type]
    await made.person("lea", "Lea", team="firmware")
    await made.person("ann", "Ann", manager="lea")
    await made.person("bob", "Bob", manager="lea", formerly=["bob-before"])
    await made.person("cai", "Cai", manager="lea", start=date(2026, 10, 20))
    await made.person("zoe", "Zoe", team="sales")
    await made.person("yan", "Yan", team="sales", manager="zoe")
    return made


def code_of(answer: httpx.Response) -> tuple[int, Any]:
    """Status and problem code of an answer."""
    return answer.status_code, answer.json()["code"]


def routes_alone() -> FastAPI:
    """The API's routes with no database behind them: for their description."""
    app, nothing = FastAPI(title="ledger", version="0"), cast("Pool", None)
    access = Access(
        identity.Reader(nothing), nothing, Authenticator(AuthSettings()), RateLimits(RateSettings())
    )
    api.add_routes(app, access, Snapshots(nothing), None)
    return app
