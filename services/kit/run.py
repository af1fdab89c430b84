"""One process of one service: read settings, check the schema, run the parts, drain on SIGTERM, end clearly."""

import argparse
import asyncio
import gc
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import uvicorn
import uvloop
from fastapi import FastAPI

from services.kit import logs, sql
from services.kit.consume import Consumer
from services.kit.errors import Stop
from services.kit.relay import Relay
from services.kit.remedy import TROUBLE, remedy
from services.kit.settings import DEVELOPMENT_DIGEST_KEY, ServiceSettings, read_settings

S = TypeVar("S", bound=ServiceSettings)

EXIT_CRASH = 1
EXIT_STOP = 70
EXIT_CONFIG = 78
_SHUTDOWN_SECONDS_MAX = 15.0
_DATABASE_RETRY_SECONDS = 1.0
_CALLS_SHOWN_MAX = 8
_log = logs.get("run")


@dataclass(frozen=True, slots=True)
class Parts:
    """What a service's wiring gives to be run."""

    consumer: Consumer[Any]
    relay: Relay
    web: FastAPI
    tasks: Sequence[Callable[[], Coroutine[Any, Any, None]]] = field(default=())
    """Further loops; each runs until cancelled."""
    closing: Sequence[Callable[[], Coroutine[Any, Any, None]]] = field(default=())
    """Once all that was fetched is stored, and before the last of the outbox is published."""


def main(
    service: str,
    folder: Path,
    settings_model: type[S],
    build: Callable[[S, sql.Pool], Parts],
    argv: list[str],
) -> int:
    """`python -m services.<service> serve|migrate`; returns the exit code.

    folder: the service's package folder, for its SQL. build: settings and pool → parts.
    """
    parser = argparse.ArgumentParser(prog=f"python -m services.{service}")
    parser.add_argument(
        "command", choices=["serve", "migrate"], help="serve events and HTTP, or migrate the database"
    )
    command = parser.parse_args(argv).command
    migrations = sql.migrations_of(service, folder)
    try:
        settings = read_settings(settings_model, os.environ)
        logs.configure(service, settings.log_level)
        if command == "migrate":
            return uvloop.run(_migrate(settings, migrations))
        return uvloop.run(_serve(service, settings, migrations, build))
    except Stop as stop:
        sys.stderr.write(f"{service}: {stop}\n")
        return EXIT_CONFIG if stop.code.startswith("CONFIG_") else EXIT_STOP
    except Exception as error:  # a fault of ours; the supervisor starts us anew
        sys.stderr.write(f"{service}: CRASHED: {'; '.join(_where(error))}\n")
        return EXIT_CRASH


async def _migrate(settings: ServiceSettings, migrations: Sequence[sql.Migration]) -> int:
    try:
        connection = await asyncpg.connect(settings.database_url.get_secret_value(), timeout=10)
    except TROUBLE as error:
        raise Stop("DATABASE_UNREACHABLE", f"cannot connect ({logs.error_name(error)})") from None
    try:
        for migration in await sql.migrate(connection, migrations):
            _log.info("migrated", migration=f"{migration.component} {migration.number:04}_{migration.name}")
    except TROUBLE as error:
        raise Stop("MIGRATION_FAILED", f"nothing of it stays ({logs.error_name(error)})") from error
    finally:
        await connection.close()
    return 0


async def create_pool(settings: ServiceSettings) -> sql.Pool:
    """Connections for lanes, sweeps and HTTP; opened when first needed."""
    return await asyncpg.create_pool(
        settings.database_url.get_secret_value(),
        min_size=0,
        max_size=settings.lanes + 6,
        timeout=10,
        command_timeout=60,
        reset=_no_reset,
        server_settings={"jit": "off", **sql.SERVER_SETTINGS},
    )


async def _no_reset(_: sql.AnyConnection) -> None:
    """Nothing we do outlives a transaction; the default reset costs a round trip a batch."""


def _calm_collector() -> None:
    """What a batch allocates is freed by reference counts: a collector that looks at it all again and again costs a
    third of the time of a busy consumer (measured on the ledger: 59 against 38 µs an event).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1_000)


async def _serve(
    service: str, settings: S, migrations: Sequence[sql.Migration], build: Callable[[S, sql.Pool], Parts]
) -> int:
    terminated = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, terminated.set)
    if settings.digest_key == DEVELOPMENT_DIGEST_KEY:
        _log.warning("DIGEST_KEY is the one for development: set your own in production")
    pool = await create_pool(settings)
    try:
        await _wait_for_schema(pool, migrations, terminated)
        if not terminated.is_set():
            _calm_collector()
            parts = build(settings, pool)
            parts.web.state.migrations = migrations
            await _run_parts(parts, settings, service, terminated)
    except BaseExceptionGroup as group:
        raise _first_stop(group) or group from None
    finally:
        pool.terminate()
    return 0


def _first_stop(group: BaseExceptionGroup[BaseException]) -> Stop | None:
    """The Stop somewhere within nested task groups."""
    for error in group.exceptions:
        found = _first_stop(error) if isinstance(error, BaseExceptionGroup) else error
        if isinstance(found, Stop):
            return found
    return None


def _where(error: BaseException) -> list[str]:
    """Class and place of each exception in nested groups, innermost call first. No messages: they may hold values."""
    if isinstance(error, BaseExceptionGroup):
        return [line for inner in error.exceptions for line in _where(inner)]
    calls = traceback.extract_tb(error.__traceback__)[: -_CALLS_SHOWN_MAX - 1 : -1]
    places = " < ".join(f"{Path(call.filename).name}:{call.lineno}" for call in calls)
    return [f"{logs.error_name(error)} at {places}"]


async def _wait_for_schema(
    pool: sql.Pool, migrations: Sequence[sql.Migration], terminated: asyncio.Event
) -> None:
    while not terminated.is_set():
        try:
            async with pool.acquire(timeout=10) as connection:
                return await sql.check_schema(connection, migrations)
        except TROUBLE as error:
            if isinstance(stop := remedy(error), Stop):
                raise stop from error
            _log.warning("waiting for the database", error=logs.error_name(error))
            await asyncio.sleep(_DATABASE_RETRY_SECONDS)
    return None


async def _run_parts(
    parts: Parts, settings: ServiceSettings, service: str, terminated: asyncio.Event
) -> None:
    server, listener = _web_server(parts.web, settings)
    async with asyncio.TaskGroup() as group:
        web = group.create_task(server.serve([listener]))
        loops = [
            group.create_task(_told(part))
            for part in (parts.consumer.run(), parts.relay.run(), *(t() for t in parts.tasks))
        ]
        _log.info("serving", service=service, port=listener.getsockname()[1])
        try:
            await terminated.wait()
        finally:  # asked to end, or a part has failed: some other part may hang as it ends
            _end_hard_after(_SHUTDOWN_SECONDS_MAX)
        _log.info("draining", service=service)
        with suppress(TimeoutError):
            async with asyncio.timeout(settings.drain_seconds_max):
                await parts.consumer.drain()
                for last in parts.closing:
                    await last()
                await parts.relay.drain()
        for task in loops:
            task.cancel()
        server.should_exit = True
        await web


async def _told(part: Coroutine[Any, Any, None]) -> None:
    """Run a part; should it stop the process, say why at once, in case the process has to be ended hard."""
    try:
        await part
    except Stop as stop:
        _log.error("stopping", code=stop.code)
        raise
    except BaseExceptionGroup as group:
        if inner := _first_stop(group):
            _log.error("stopping", code=inner.code)
        raise


def _web_server(app: FastAPI, settings: ServiceSettings) -> tuple[uvicorn.Server, socket.socket]:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.http_host, settings.http_port))
        listener.listen()  # from now on nobody is turned away; the server answers once it runs
    except OSError as error:
        raise Stop("CONFIG_BAD", f"HTTP_PORT: cannot listen ({error.strerror})") from None
    config = uvicorn.Config(
        app, log_config=None, access_log=False, timeout_graceful_shutdown=2, lifespan="off"
    )
    return _Server(config), listener


class _Server(uvicorn.Server):
    """Leaves signals to us."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _end_hard_after(seconds: float) -> None:
    """The client can hang at stop: whatever happens, the process ends. Nothing is lost by it."""
    timer = threading.Timer(seconds, os._exit, (EXIT_STOP,))
    timer.daemon = True
    timer.start()
