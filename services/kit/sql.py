"""SQL lives in `.sql` files: named queries, and numbered migrations applied once, in order, under a lock.

A query file holds blocks that begin with `-- name: <name>`; comment lines after it describe the query.
A migration is `NNNN_<name>.sql`; once applied it must not be edited.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from services.kit.errors import Stop

_NAME = re.compile(r"^-- name: ([a-z][a-z0-9_]*)$", re.MULTILINE)
_LIKE_A_NAME = re.compile(r"^--\s*name\b", re.MULTILINE | re.IGNORECASE)
_MIGRATION = re.compile(r"^(\d{4})_([a-z0-9_]+)\.sql$")
_PLUMBING = Path(__file__).parent / "plumbing"
# One lock for all migrations in a database; any constant will do, this one spells "wayston".
_MIGRATION_LOCK = 0x776179_73746F6E

if TYPE_CHECKING:  # generic for the type checker only
    Connection = asyncpg.Connection[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]
    # A connection of one's own, or one lent by a pool.
    AnyConnection = Connection | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
else:
    Connection, Pool = asyncpg.Connection, asyncpg.Pool
    AnyConnection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy


# What the server does when we do not come back: a lock is waited for no longer than a batch may take, a transaction
# of a process that was stopped is ended and frees its locks, a peer that is gone is noticed.
SERVER_SETTINGS = {
    "application_name": "waystone",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}


class Queries(Mapping[str, str]):
    """The queries of one file, by name. An unknown name is a KeyError at the first use."""

    def __init__(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        parts = _NAME.split(text)
        names, bodies = parts[1::2], parts[2::2]
        if len(_LIKE_A_NAME.findall(text)) != len(names):
            raise ValueError(f"{path.name}: a line that looks like a name and is none would join two queries")
        if len(set(names)) != len(names):
            raise ValueError(f"{path.name}: two queries of one name")
        self._queries = dict(zip(names, (body.strip() for body in bodies), strict=True))

    def __getitem__(self, name: str) -> str:
        query: str = self._queries[name]
        return query

    def __iter__(self) -> Iterator[str]:
        return iter(self._queries)

    def __len__(self) -> int:
        return len(self._queries)


PLUMBING = Queries(_PLUMBING / "queries.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file. component: whose it is, e.g. `kit` or `ledger`."""

    component: str
    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """Digest of the text, hexadecimal."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations_of(component: str, service_folder: Path) -> list[Migration]:
    """The plumbing's migrations, then the service's own, in order of number. Raises ValueError for a gap."""
    return _read("kit", _PLUMBING / "migrations") + _read(component, service_folder / "sql" / "migrations")


def _read(component: str, folder: Path) -> list[Migration]:
    found = []
    for path in sorted(folder.glob("*.sql")):
        match = _MIGRATION.match(path.name)
        if match is None:
            raise ValueError(f"{path.name}: not named NNNN_name.sql")
        found.append(Migration(component, int(match[1]), match[2], path.read_text(encoding="utf-8")))
    if [m.number for m in found] != list(range(1, len(found) + 1)):
        raise ValueError(f"migrations of {component} are not numbered 1, 2, 3 …")
    return found


async def migrate(connection: AnyConnection, migrations: Sequence[Migration]) -> list[Migration]:
    """Apply what is missing, each in a transaction of its own; return what was applied.

    Raises Stop `MIGRATION_EDITED` when an applied one differs from its file.
    """
    await connection.execute("SELECT pg_advisory_lock($1)", _MIGRATION_LOCK)
    try:
        await connection.execute(PLUMBING["limit_waiting"])
        await connection.execute(PLUMBING["create_schema_migration"])
        applied = await _applied(connection)
        _refuse_edited(applied, migrations)
        missing = [m for m in migrations if (m.component, m.number) not in applied]
        for migration in missing:
            async with connection.transaction():
                await connection.execute(migration.sql)
                await connection.execute(
                    PLUMBING["record_migration"],
                    migration.component,
                    migration.number,
                    migration.name,
                    migration.sha256,
                )
        return missing
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", _MIGRATION_LOCK)


async def check_schema(
    connection: AnyConnection, migrations: Sequence[Migration], *, may_be_newer: bool = False
) -> None:
    """Raise Stop `SCHEMA_UNKNOWN` unless exactly these migrations have been applied, `MIGRATION_EDITED` if they differ.

    may_be_newer: further ones are no fault, as while a service that runs is being replaced by a newer one.
    """
    if await connection.fetchval("SELECT to_regclass('schema_migration')") is None:
        raise Stop("SCHEMA_UNKNOWN", "the database has no schema yet: run `migrate` first")
    applied = await _applied(connection)
    _refuse_edited(applied, migrations)
    known = {(m.component, m.number) for m in migrations}
    if missing := known - applied.keys():
        component, number = min(missing)
        raise Stop("SCHEMA_UNKNOWN", f"migration {component} {number:04} is missing: run `migrate` first")
    if (surplus := applied.keys() - known) and not may_be_newer:
        component, number = max(surplus)
        raise Stop(
            "SCHEMA_UNKNOWN", f"the database has migration {component} {number:04}, which this code lacks"
        )


async def _applied(connection: AnyConnection) -> dict[tuple[str, int], str]:
    rows = await connection.fetch(PLUMBING["applied_migrations"])
    return {(row["component"], row["number"]): row["sha256"] for row in rows}


def _refuse_edited(applied: Mapping[tuple[str, int], str], migrations: Sequence[Migration]) -> None:
    for migration in migrations:
        digest = applied.get((migration.component, migration.number))
        if digest is not None and digest != migration.sha256:
            raise Stop(
                "MIGRATION_EDITED",
                f"{migration.component} {migration.number:04}_{migration.name} was edited after it was applied",
            )
