"""Archived months beside the database: their files judged, their rows put where the checks read entries.

A temporary view `entry` stands before the table of that name for this connection alone: attached and archived months.
"""

import asyncio
import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Any

from services.cli.errors import CliError
from services.cli.verify.report import Check, Fault, made
from services.kit.sql import Connection, Queries

_SQL = Queries(Path(__file__).parent / "sql" / "archives.sql")
_BLOCK_BYTES = 1 << 20


async def take_in(connection: Connection, folder: Path | None) -> Check | None:
    """Load every archived month from `folder`; None when there is none. connection: in no transaction.

    Raises CliError `ARCHIVE_MISSING` when a month is archived and its files are not given: nothing else can be judged.
    """
    months = await connection.fetch(_SQL["archived_months"])
    if not months:
        return None
    if folder is None:
        first, last = months[0]["first"], months[-1]["first"]
        raise CliError("ARCHIVE_MISSING", f"{first:%Y-%m} to {last:%Y-%m} are archived: name their folder")
    faults: list[Fault] = []
    tables = ["public.entry"]
    for month in months:
        fault, manifest = await asyncio.to_thread(_judge, folder, month)
        table = f"entry_{month['first']:%Y_%m}"
        if fault is None:
            await connection.execute(_SQL["create_month"].format(month=table))
            await connection.copy_to_table(
                table,
                schema_name="pg_temp",
                source=_rows(folder, month["first"]),
                columns=manifest["columns"],
                format="binary",
            )
            await connection.execute(_SQL["analyse_month"].format(month=table))
            tables.append(f"pg_temp.{table}")
            fault = await _counted(connection, table, month)
        if fault is not None:
            faults.append(fault)
    whole = " UNION ALL ".join(_SQL["month"].format(month=table) for table in tables)
    await connection.execute(_SQL["create_view"].format(whole=whole))
    first_fault = Fault(faults[0].place, faults[0].expected, faults[0].found, len(faults)) if faults else None
    entries = sum(month["entry_count"] for month in months)
    return made("ledger", "archives as accounted", len(months), f"{entries:,} entries archived", first_fault)


def _rows(folder: Path, first: date) -> Path:
    return folder / f"entry-{first:%Y-%m}.copy"


def _judge(folder: Path, month: Any) -> tuple[Fault | None, dict[str, Any]]:
    """The file's own digest and the manifest, each beside what the database keeps of them."""
    rows = _rows(folder, month["first"])
    place = f"archive {month['first']:%Y-%m}"
    try:
        manifest = json.loads(rows.with_suffix(".json").read_text(encoding="utf-8"))
        digest = hashlib.sha256()
        with rows.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
    except FileNotFoundError as error:
        return Fault(place, f"a file {Path(error.filename).name}", "none"), {}
    except ValueError:
        return Fault(place, "a manifest in JSON", "something else"), {}
    if digest.hexdigest() != month["sha256"]:
        return Fault(place, f"a file of SHA-256 {month['sha256']}", digest.hexdigest()), {}
    told = (manifest.get("sha256"), manifest.get("entry_count"))
    if told != (month["sha256"], month["entry_count"]):
        return Fault(place, f"a manifest of {month['entry_count']} entries, {month['sha256']}", f"{told}"), {}
    return None, manifest


async def _counted(connection: Connection, table: str, month: Any) -> Fault | None:
    count = await connection.fetchval(_SQL["count"].format(month=table))
    if count == month["entry_count"]:
        return None
    return Fault(f"archive {month['first']:%Y-%m}", f"{month['entry_count']} entries", f"{count}")
