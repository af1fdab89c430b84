"""The oldest months' entries go to files and come back, while the ledger goes on writing. Why so: docs/decisions/0014.

An archive of a month is two files in a folder: `entry-YYYY-MM.copy`, the rows as Postgres's binary COPY writes them,
in order of (employee, id), and `entry-YYYY-MM.json`, the manifest. Words stay in the database, where erasure finds
them.
"""

import asyncio
import hashlib
import json
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path

import asyncpg

from services.kit.errors import Stop
from services.kit.sql import AnyConnection, Queries

FORMAT = "waystone-entries-1"
MONTHS_KEPT_MIN = 12
"""Whole months before this one that must stay: gap figures and answers look back less than a year."""
# Three tenths of a second each: after a minute and a half something else holds on to history.
_ATTEMPTS_MAX = 300
_PAUSE_SECONDS = 0.1
_CHUNK_BYTES = 1 << 20
_SQL = Queries(Path(__file__).parent / "sql" / "archive.sql")
_WAITED = (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive's file holds. first: the month's first day. columns: in the file's order.

    sha256: of the file, hexadecimal. roots: heads of trees that cover the entries, by name, as the ledger knows them.
    """

    first: str
    columns: Sequence[str]
    entry_count: int
    file_bytes: int
    sha256: str
    roots: Mapping[str, str] = field(default_factory=dict)
    format: str = FORMAT


def files(folder: Path, first: date) -> tuple[Path, Path]:
    """Rows and manifest of a month's archive."""
    return folder / f"entry-{first:%Y-%m}.copy", folder / f"entry-{first:%Y-%m}.json"


def read_manifest(folder: Path, first: date) -> Manifest:
    """The manifest of a month, its file compared with it. Raises Stop `ARCHIVE_MISSING`, `ARCHIVE_DIFFERS`."""
    rows, described = files(folder, first)
    try:
        manifest = Manifest(**json.loads(described.read_text(encoding="utf-8")))
        size, sha256 = _measure(rows)
    except FileNotFoundError as error:
        raise Stop("ARCHIVE_MISSING", f"{error.filename} is not there") from None
    except (TypeError, ValueError):
        raise Stop("ARCHIVE_DIFFERS", f"{described} is no manifest of {FORMAT}") from None
    if (manifest.format, manifest.first) != (FORMAT, first.isoformat()):
        raise Stop("ARCHIVE_DIFFERS", f"{described} is of {manifest.first}, {manifest.format}")
    if (size, sha256) != (manifest.file_bytes, manifest.sha256):
        raise Stop("ARCHIVE_DIFFERS", f"{rows} is not the file that {described.name} describes")
    return manifest


async def archived(connection: AnyConnection) -> list[date]:
    """First days of the months that are in archives, oldest first."""
    rows = await connection.fetch(_SQL["archived_months"])
    return [row["first"] for row in rows if row["detached_at"] is not None]


async def archive(
    connection: AnyConnection,
    first: date,
    folder: Path,
    *,
    today: date,
    roots: Mapping[str, str] | None = None,
) -> Manifest:
    """Put a month's entries into `folder` and take them out of history. connection: the owner's, in no transaction.

    first: the oldest month there is, at least `MONTHS_KEPT_MIN` whole months before today's. roots: kept in the
    manifest. Broken off at any point, say it again. Raises Stop `MONTH_ORDER`, `MONTH_YOUNG`, `MONTH_TIED`,
    `ARCHIVE_RUNNING`, `ARCHIVE_BUSY`, `ARCHIVE_DIFFERS`.
    """
    if (today.year - first.year) * 12 + today.month - first.month <= MONTHS_KEPT_MIN:
        raise Stop("MONTH_YOUNG", f"{first:%Y-%m}: the last {MONTHS_KEPT_MIN} whole months stay")
    async with _alone(connection):
        months = [row["first"] for row in await connection.fetch(_SQL["attached_months"])]
        known = {row["first"]: row for row in await connection.fetch(_SQL["archived_months"])}
        if first in known and known[first]["detached_at"] is not None:
            await _empty(connection, first)  # whatever broke off an earlier attempt did so after that
            manifest = await asyncio.to_thread(read_manifest, folder, first)
            _compare(manifest, known[first])
            return manifest
        if not months or months[0] != first:
            raise Stop(
                "MONTH_ORDER", f"the oldest month is {months[0]:%Y-%m}" if months else "there is no month"
            )
        await _close(connection, first)
        manifest = await _write(connection, first, folder, roots or {})
        await _detach(connection, first, manifest)
        await _empty(connection, first)
    return manifest


async def restore(connection: AnyConnection, first: date, folder: Path) -> Manifest:
    """Put an archived month's entries back into history; the files stay. connection: as for `archive`.

    first: the newest month that is archived. Raises Stop `MONTH_ORDER`, `ARCHIVE_…`.
    """
    async with _alone(connection):
        known = [row for row in await connection.fetch(_SQL["archived_months"]) if row["detached_at"]]
        if not known or known[-1]["first"] != first:
            newest = (
                f"the newest archived month is {known[-1]['first']:%Y-%m}"
                if known
                else "no month is archived"
            )
            raise Stop("MONTH_ORDER", newest)
        manifest = await asyncio.to_thread(read_manifest, folder, first)
        _compare(manifest, known[-1])
        await _empty(connection, first)
        async with connection.transaction():
            await connection.execute(_of(first, "let_copy_in"))
            await connection.copy_to_table(
                _table(first), source=files(folder, first)[0], columns=manifest.columns, format="binary"
            )
            await connection.execute(_of(first, "shut_again"))
            await _shut_out(connection, _of(first, "attach"))
            await connection.execute(_SQL["forget_kept"], first)
            await connection.execute(_SQL["open_month"], first)
    return manifest


async def _close(connection: AnyConnection, first: date) -> None:
    """From now on writers refuse what belongs to the month. Undone when it cannot be archived."""
    async with connection.transaction():
        await _shut_out(connection)
        await connection.execute(_SQL["close_month"], first)
    tied = await connection.fetchval(_of(first, "tied"), first)
    if tied is not None:
        await connection.execute(_SQL["open_month"], first)
        raise Stop("MONTH_TIED", f"{first:%Y-%m}: entry {tied} takes back one of a later month")


async def _write(connection: AnyConnection, first: date, folder: Path, roots: Mapping[str, str]) -> Manifest:
    """Both files, whole or not at all."""
    rows, described = files(folder, first)
    unfinished = rows.with_suffix(".unfinished")
    columns = [row["attname"] for row in await connection.fetch(_of(first, "columns"))]
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with unfinished.open("wb") as out:

        async def take(chunk: bytes) -> None:
            nonlocal size
            size += len(chunk)
            digest.update(chunk)
            out.write(chunk)

        status = await connection.copy_from_query(
            _of(first, "rows", columns=", ".join(columns)).rstrip(";"), output=take, format="binary"
        )
        out.flush()
        os.fsync(out.fileno())
    manifest = Manifest(
        first.isoformat(), columns, int(status.rsplit(" ", 1)[-1]), size, digest.hexdigest(), roots
    )
    unfinished.rename(rows)
    text = json.dumps(asdict(manifest), indent=1) + "\n"
    with described.open("w", encoding="utf-8") as out_text:
        out_text.write(text)
        out_text.flush()
        os.fsync(out_text.fileno())
    return manifest


async def _detach(connection: AnyConnection, first: date, manifest: Manifest) -> None:
    async with connection.transaction():
        await connection.execute(_SQL["forget_kept"], first)
        for name in ("keep_standing", "keep_deeds"):
            await connection.execute(_SQL[name], first)
        await connection.execute(_of(first, "keep_giving"), first)
        if await connection.fetchval(_of(first, "count")) != manifest.entry_count:
            raise Stop("ARCHIVE_DIFFERS", f"{first:%Y-%m} changed while it was archived")
        await _shut_out(connection, _of(first, "detach"))
        await connection.execute(_SQL["account"], first, manifest.entry_count, bytes.fromhex(manifest.sha256))


async def _empty(connection: AnyConnection, first: date) -> None:
    async with connection.transaction():
        await connection.execute(_of(first, "empty"))


async def _shut_out(connection: AnyConnection, then: str = "") -> None:
    """Wait until no writer is at work, and keep them waiting until this transaction ends. Holds nobody up for long
    before that. then: a statement to run at that moment. Raises Stop `ARCHIVE_BUSY`.
    """
    for _ in range(_ATTEMPTS_MAX):
        try:
            async with connection.transaction():
                await connection.execute(_SQL["wait_shortly"])
                await connection.execute(_SQL["shut_out"])
                if then:
                    await connection.execute(then)
                return
        except _WAITED:
            await asyncio.sleep(_PAUSE_SECONDS)
    raise Stop("ARCHIVE_BUSY", "somebody holds on to history: look for a long transaction")


@asynccontextmanager
async def _alone(connection: AnyConnection) -> AsyncIterator[None]:
    if not await connection.fetchval(_SQL["hold_lock"]):
        raise Stop("ARCHIVE_RUNNING", "another archiving of this database is under way")
    try:
        yield
    finally:
        with suppress(asyncpg.InterfaceError, asyncpg.PostgresError, OSError):
            await connection.execute(_SQL["release_lock"])


def _compare(manifest: Manifest, row: asyncpg.Record) -> None:
    if (manifest.entry_count, manifest.sha256) != (row["entry_count"], row["sha256"].hex()):
        raise Stop(
            "ARCHIVE_DIFFERS", f"{manifest.first[:7]}: the database knows another archive of this month"
        )


def _table(first: date) -> str:
    return f"entry_{first:%Y_%m}"


def _of(first: date, name: str, **more: str) -> str:
    """A query about one month; a table's name cannot be a parameter."""
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return _SQL[name].format(
        month=_table(first), since=f"{first} 00:00:00+00", until=f"{following} 00:00:00+00", **more
    )


def _measure(path: Path) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as rows:
        while chunk := rows.read(_CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    return size, digest.hexdigest()
