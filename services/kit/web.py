"""The HTTP port every service has: health, metrics, version; errors as RFC 9457 problems with a stable code."""

import asyncio
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Protocol

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from starlette.exceptions import HTTPException as StarletteHTTPException

from services.kit import logs
from services.kit.docs import add_reference
from services.kit.errors import Stop
from services.kit.events_page import add_events_reference
from services.kit.remedy import TROUBLE
from services.kit.sql import Migration, Pool, check_schema

VERSION = "0.1.0"
PROBLEM = "application/problem+json"
_DATABASE_SECONDS_MAX = 5.0
_log = logs.get("web")


class Consuming(Protocol):
    """What health asks of a consumer."""

    @property
    def alive(self) -> bool: ...
    @property
    def ready(self) -> bool: ...


class Problem(Exception):
    """An error a caller can act on. code: stable, capitals. status: HTTP. detail: one sentence. headers: to add."""

    def __init__(self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.headers = status, code, detail, headers


def create_app(service: str, consumer: Consuming, pool: Pool) -> FastAPI:
    """An application with the operational routes; the service adds its own."""
    app = FastAPI(title=f"Waystone {service}", version=VERSION, docs_url=None, redoc_url=None)
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(StarletteHTTPException, _http)
    app.add_exception_handler(Exception, _unhandled)
    for trouble in TROUBLE:
        app.add_exception_handler(trouble, _database_trouble)

    @app.get("/livez", tags=["operations"], summary="Is the process worth keeping?")
    async def livez() -> Response:
        return _state(consumer.alive)

    @app.get("/readyz", tags=["operations"], summary="Can this port answer: database there, schema known?")
    async def readyz() -> Response:
        return _state(await _database_serves(pool, getattr(app.state, "migrations", ())))

    @app.get(
        "/readyz/consumer", tags=["operations"], summary="Does it consume: partitions assigned and claimed?"
    )
    async def readyz_consumer() -> Response:
        return _state(consumer.ready)

    @app.get("/metrics", tags=["operations"], summary="Prometheus metrics; no person in any of them.")
    async def metrics() -> Response:
        # Collecting holds the interpreter for a while: not on the event loop.
        body = await asyncio.to_thread(generate_latest, REGISTRY)
        return Response(body, media_type=CONTENT_TYPE_LATEST)

    @app.get("/version", tags=["operations"], summary="Which service and version this is.")
    async def version() -> dict[str, str]:
        return {"service": service, "version": VERSION}

    add_reference(app)
    add_events_reference(app)
    return app


def problem_response(
    status: int, code: str, detail: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """An RFC 9457 problem document."""
    return JSONResponse(
        {
            "type": "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "code": code,
            "detail": detail,
        },
        status_code=status,
        media_type=PROBLEM,
        headers=headers,
    )


async def _database_serves(pool: Pool, migrations: Sequence[Migration]) -> bool:
    try:
        async with asyncio.timeout(_DATABASE_SECONDS_MAX), pool.acquire() as connection:
            await check_schema(connection, migrations, may_be_newer=True)
    except (Stop, *TROUBLE):
        return False
    return True


def _state(ok: bool) -> Response:
    return JSONResponse({"status": "ok" if ok else "unavailable"}, status_code=200 if ok else 503)


async def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return problem_response(error.status, error.code, error.detail, error.headers)


async def _validation(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    return problem_response(
        422, "REQUEST_BAD", f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"[:300]
    )


async def _database_trouble(_: Request, error: Exception) -> Response:
    """The database is away or too busy: the caller may try again. What it said may hold values: not repeated."""
    _log.warning("a request failed on the database", error=logs.error_name(error))
    return problem_response(
        503, "DATABASE_UNAVAILABLE", "The database does not answer at present.", {"Retry-After": "5"}
    )


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)
    codes = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}
    return problem_response(
        error.status_code, codes.get(error.status_code, "HTTP_ERROR"), str(error.detail)[:300], error.headers
    )


async def _unhandled(_: Request, error: Exception) -> Response:
    """A fault of ours: nothing of the exception's message gets out or into the log."""
    _log.error("a request failed", error=logs.error_name(error))
    return problem_response(500, "INTERNAL", "Something went wrong here.")
