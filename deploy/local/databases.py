"""Databases on a PostgreSQL server, embedded or existing: their URLs and their creation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import asyncpg

from deploy.local.errors import StackError

SERVICES = ("recognition", "ledger", "notifier")
# Roles a service serves with, beside the owner that migrates: the login, and the group whose rights it has.
LOGINS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "ledger": {
        "writer": ("ledger_writer", "waystone_ledger_writer"),
        "reader": ("ledger_reader", "waystone_ledger_reader"),
    }
}
CONNECT_TIMEOUT_S = 10.0
SQL = Path(__file__).with_name("sql")


def with_database(url: str, name: str) -> str:
    """Return `url` with its database replaced by `name`; user, host and options stay."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{quote(name, safe='')}"))


def login_url(owner_url: str, service: str, role: str) -> str:
    """Return the URL of a service's database as its `writer` or `reader` login, which has the owner's password."""
    parts = urlsplit(owner_url)
    login, _ = LOGINS[service][role]
    address = parts.netloc.rpartition("@")[2]
    password = "" if parts.password is None else f":{parts.password}"
    return urlunsplit(parts._replace(netloc=f"{login}{password}@{address}"))


async def create_logins(server_url: str, password: str | None) -> None:
    """Create the logins of LOGINS and their groups unless they exist. Raises StackError DATABASE_REFUSED."""
    connection = await asyncpg.connect(server_url, timeout=CONNECT_TIMEOUT_S)
    try:
        for logins in LOGINS.values():
            for login, group in logins.values():
                missing = await connection.fetch(
                    (SQL / "create_login.sql").read_text(), login, group, password
                )
                for row in missing:
                    await connection.execute(row["statement"])
    except asyncpg.InsufficientPrivilegeError as reason:
        raise StackError(
            "DATABASE_REFUSED", f"the ledger's roles may not be created by this user (CREATEROLE): {reason}"
        ) from reason
    finally:
        await connection.close(timeout=CONNECT_TIMEOUT_S)


def password_of(url: str) -> str | None:
    """Return the password within a URL, None if it has none."""
    password = urlsplit(url).password
    return None if password is None else unquote(password)


async def create_database(server_url: str, name: str) -> None:
    """Create an empty UTF-8 database unless it exists; `server_url` names any existing database to connect to.

    Raises StackError DATABASE_UNREACHABLE or DATABASE_REFUSED.
    """
    try:
        connection = await asyncpg.connect(server_url, timeout=CONNECT_TIMEOUT_S)
    except (OSError, TimeoutError, asyncpg.PostgresError) as reason:
        raise StackError(
            "DATABASE_UNREACHABLE", f"PostgreSQL at {urlsplit(server_url).hostname} refused: {reason}"
        ) from reason
    try:
        if not await connection.fetchval((SQL / "database_exists.sql").read_text(), name):
            await connection.execute(
                await connection.fetchval((SQL / "create_database.sql").read_text(), name)
            )
    except asyncpg.DuplicateDatabaseError:
        return  # another process created it meanwhile
    except asyncpg.InsufficientPrivilegeError as reason:
        raise StackError(
            "DATABASE_REFUSED",
            f"database {name} does not exist and may not be created by this user: {reason}",
        ) from reason
    finally:
        await connection.close(timeout=CONNECT_TIMEOUT_S)


async def create_owner(server_url: str, name: str, password: str) -> None:
    """Create the ordinary role that owns the services' databases; `server_url` is a superuser's."""
    connection = await asyncpg.connect(server_url, timeout=CONNECT_TIMEOUT_S)
    try:
        statement = await connection.fetchval((SQL / "create_owner.sql").read_text(), name, password)
        await connection.execute(statement)
    finally:
        await connection.close(timeout=CONNECT_TIMEOUT_S)
