"""`waystone ledger`: rebuild what follows from history; put old months into archives and back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import asyncpg
import typer

from services.cli.errors import EXIT_FAULTS, CliError
from services.cli.output import JsonOption, note, print_json, print_table
from services.cli.progress import Meter
from services.cli.servers import CONNECT_SECONDS_MAX, STATEMENT_SECONDS_MAX, database_complaints, find_servers
from services.kit.sql import Connection
from services.ledger import archive as archiving
from services.ledger import rebuild as rebuilding
from services.ledger.archive import Manifest

MonthArgument = Annotated[datetime, typer.Argument(metavar="YYYY-MM", formats=["%Y-%m"], help="Which month.")]
FolderArgument = Annotated[
    Path, typer.Argument(metavar="FOLDER", file_okay=False, help="Where the archived months are.")
]

ledger = typer.Typer(no_args_is_help=True, help="Upkeep of the ledger's database, while the ledger works.")


@ledger.command()
def rebuild(as_json: JsonOption = False) -> None:
    """Make standing, days, deeds and withdrawals anew from history. Writers go on; readers see nothing half done.

    Exit 0 when all was right, 1 when something was not and has been put right. Broken off, begin again.
    """
    with Meter("people") as meter:
        found = asyncio.run(_rebuild(meter))
    if as_json:
        print_json({"people": found.people, "changed": found.changed})
    else:
        print_table(("table", "rows put right"), found.changed.items())
        note(f"{found.people:,} people in {meter.seconds:.1f} s")
    if any(found.changed.values()):
        raise typer.Exit(EXIT_FAULTS)


@ledger.command()
def archive(month: MonthArgument, folder: FolderArgument, *, as_json: JsonOption = False) -> None:
    """Take the oldest month's entries out of the database into FOLDER: rows, and a manifest with count and SHA-256.

    What they come to stays, and so do their words. Entries of an archived month that come in later, or take back one
    of it, are rejected as MONTH_ARCHIVED: restore the month, then redrive them. Broken off, say it again.
    """
    _tell(asyncio.run(_archive(month.date(), folder)), "archived", as_json)


@ledger.command()
def restore(month: MonthArgument, folder: FolderArgument, *, as_json: JsonOption = False) -> None:
    """Put the newest archived month's entries back into the database. The files stay."""
    _tell(asyncio.run(_restore(month.date(), folder)), "restored", as_json)


async def _archive(first: date, folder: Path) -> Manifest:
    async with _owner() as connection:
        return await archiving.archive(connection, first, folder, today=datetime.now(UTC).date())


async def _restore(first: date, folder: Path) -> Manifest:
    async with _owner() as connection:
        return await archiving.restore(connection, first, folder)


def _tell(manifest: Manifest, done: str, as_json: bool) -> None:
    if as_json:
        print_json(asdict(manifest))
    else:
        print(f"{manifest.first[:7]} {done}: {manifest.entry_count:,} entries, SHA-256 {manifest.sha256}")


async def _rebuild(meter: Meter) -> rebuilding.Rebuilt:
    async with _owner() as connection:
        meter.expect(await rebuilding.people_to_pass(connection))
        return await rebuilding.rebuild(connection, progress=meter.advance)


@asynccontextmanager
async def _owner() -> AsyncIterator[Connection]:
    """A connection to the ledger's database. Raises CliError SERVERS_UNKNOWN, DATABASE_UNREACHABLE, SCHEMA_UNKNOWN."""
    databases = find_servers().need_databases()
    if "ledger" not in databases:
        raise CliError("SERVERS_UNKNOWN", "set LEDGER_DATABASE_URL")
    with database_complaints("ledger"):
        connection = await asyncpg.connect(
            databases["ledger"],
            timeout=CONNECT_SECONDS_MAX,
            command_timeout=STATEMENT_SECONDS_MAX,
            server_settings={"jit": "off", "timezone": "UTC", "application_name": "waystone command"},
        )
        try:
            yield connection
        finally:
            connection.terminate()
