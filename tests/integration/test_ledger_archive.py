"""Old months go to archives and come back while writers go on; every projection stays the fold of all of history."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from services.cli.errors import CliError
from services.cli.verify.verification import Targets, verify
from services.kit.errors import Stop
from services.kit.sql import Connection
from services.ledger import months
from services.ledger.archive import archive, archived, files, restore
from services.ledger.domain import Projection
from services.ledger.rebuild import rebuild
from tests.conftest import Database
from tests.integration.ledger_scale_rig import History, while_writing
from tests.integration.ledger_write_rig import (
    APPLIED,
    apply,
    other,
    saying_something,
    stored,
    thanks,
    withdrawal,
)

OLD = datetime(2025, 1, 1, tzinfo=UTC)
JANUARY, FEBRUARY, MARCH = date(2025, 1, 1), date(2025, 2, 1), date(2025, 3, 1)
TODAY = date(2026, 11, 24)


@pytest_asyncio.fixture
async def url(database: Database) -> str:
    return await database("ledger")


@pytest_asyncio.fixture
async def connection(url: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(url)
    yield connection
    await connection.close()


async def two_old_months(connection: Connection) -> Projection:
    """January and February 2025 of 30 colleagues; what follows from them."""
    history = History(5, first=OLD, days=31)
    await apply(connection, history.take(250))
    history.go_on_from(datetime(2025, 2, 1, tzinfo=UTC), days=28)
    await apply(connection, history.take(250))
    return saying_something(await stored(connection, "e-"))


async def folded(connection: Connection) -> Projection:
    return saying_something(await stored(connection, "e-", folds=True))


async def test_an_archived_month_leaves_every_projection_as_it_was(
    connection: Connection, tmp_path: Path
) -> None:
    before = await two_old_months(connection)
    count = await connection.fetchval("SELECT count(*) FROM entry WHERE occurred_at < '2025-02-01'")
    manifest = await archive(connection, JANUARY, tmp_path, today=TODAY)
    assert manifest.entry_count == count > 100
    assert await connection.fetchval("SELECT count(*) FROM entry WHERE occurred_at < '2025-02-01'") == 0
    assert await folded(connection) == before
    found = await rebuild(connection)
    assert found.people == 30
    assert saying_something(await stored(connection, "e-")) == before


async def test_what_comes_back_is_what_went_and_goes_again_as_the_same_bytes(
    connection: Connection, tmp_path: Path
) -> None:
    before = await two_old_months(connection)
    rows = await connection.fetch("SELECT * FROM entry ORDER BY employee, id")
    first = [await archive(connection, month, tmp_path, today=TODAY) for month in (JANUARY, FEBRUARY)]
    assert await connection.fetchval("SELECT count(*) FROM entry") == 0
    assert await folded(connection) == before
    with pytest.raises(Stop, match="MONTH_ORDER"):
        await restore(connection, JANUARY, tmp_path)
    for month in (FEBRUARY, JANUARY):
        await restore(connection, month, tmp_path)
    assert await connection.fetch("SELECT * FROM entry ORDER BY employee, id") == rows
    assert await archived(connection) == []
    assert await folded(connection) == before
    again = [
        await archive(connection, month, tmp_path / "again", today=TODAY) for month in (JANUARY, FEBRUARY)
    ]
    assert again == first


async def test_writers_go_on_while_months_go_and_come(
    url: str, connection: Connection, tmp_path: Path
) -> None:
    await two_old_months(connection)
    # Colleagues with an old history whose newer entries are written, and withdrawn, meanwhile.
    histories = [History(seed, first=datetime(2025, 3, 1, tzinfo=UTC), days=60) for seed in (21, 22)]
    async with while_writing(url, histories) as writing:
        for _ in range(2):
            await writing.goes_on()
            for month in (JANUARY, FEBRUARY):
                await archive(connection, month, tmp_path, today=TODAY)
            await writing.goes_on()
            for month in (FEBRUARY, JANUARY):
                await restore(connection, month, tmp_path)
        await archive(connection, JANUARY, tmp_path, today=TODAY)
        await writing.goes_on()
    assert saying_something(await stored(connection, "e-")) == await folded(connection)
    await restore(connection, JANUARY, tmp_path)
    assert saying_something(await stored(connection, "e-")) == await folded(connection)


async def test_what_belongs_to_an_archived_month_is_rejected_until_it_is_restored(
    connection: Connection, tmp_path: Path
) -> None:
    given = thanks("e-1", datetime(2025, 1, 10, tzinfo=UTC), "old", "e-2")
    await apply(connection, [given, thanks("e-1", datetime(2025, 2, 10, tzinfo=UTC), "newer", "e-2")])
    await archive(connection, JANUARY, tmp_path, today=TODAY)
    late = thanks("e-1", datetime(2025, 1, 11, tzinfo=UTC), "late", "e-3")
    taken_back = withdrawal(given, datetime(2025, 2, 12, tzinfo=UTC), "taken back")
    now = thanks("e-1", datetime(2025, 2, 11, tzinfo=UTC), "now", "e-3")
    assert await apply(connection, [late, taken_back, now]) == ["MONTH_ARCHIVED", "MONTH_ARCHIVED", APPLIED]
    await restore(connection, JANUARY, tmp_path)
    assert await apply(connection, [late, taken_back]) == [APPLIED, APPLIED]
    assert (await stored(connection, "e-1")).standing["e-1"].received_count == 3
    assert saying_something(await stored(connection, "e-")) == await folded(connection)


async def test_words_given_in_an_archived_month_can_be_erased(connection: Connection, tmp_path: Path) -> None:
    await apply(
        connection, [thanks("e-1", datetime(2025, 1, 10, tzinfo=UTC), "old", "e-2", words="Dear you")]
    )
    await archive(connection, JANUARY, tmp_path, today=TODAY)
    assert b"Dear you" not in files(tmp_path, JANUARY)[0].read_bytes()
    erased = {"employee": "e-2", "scope": "given"}
    await apply(connection, [other("erasure", datetime(2026, 1, 1, tzinfo=UTC), "erase", **erased)])
    assert await connection.fetchval("SELECT count(*) FROM words") == 0


@pytest.mark.parametrize("taken_back", [datetime(2025, 1, 20, tzinfo=UTC), datetime(2025, 2, 20, tzinfo=UTC)])
@pytest.mark.parametrize("months_archived", [(JANUARY,), (JANUARY, FEBRUARY)])
async def test_why_somebody_took_archived_words_back_can_be_erased(
    connection: Connection, tmp_path: Path, taken_back: datetime, months_archived: tuple[date, ...]
) -> None:
    given = thanks("e-1", datetime(2025, 1, 10, tzinfo=UTC), "old", "e-2", words="Dear you")
    stays = thanks("e-1", datetime(2025, 2, 10, tzinfo=UTC), "stays", "e-3", words="Dear me")
    await apply(connection, [given, stays, withdrawal(given, taken_back, "back")])
    for month in months_archived:
        await archive(connection, month, tmp_path, today=TODAY)
    assert await connection.fetchval("SELECT count(*) FROM words") == 3
    erased = {"employee": "e-2", "scope": "given"}
    await apply(connection, [other("erasure", datetime(2026, 1, 1, tzinfo=UTC), "erase", **erased)])
    assert await connection.fetchval("SELECT array_agg(words) FROM words") == ["Dear me"]


async def test_verify_reads_archives_and_finds_what_was_done_to_them(
    url: str, connection: Connection, tmp_path: Path
) -> None:
    await two_old_months(connection)
    await archive(connection, JANUARY, tmp_path, today=TODAY)
    with pytest.raises(CliError, match="ARCHIVE_MISSING"):
        await verify(Targets({"ledger": url}))
    report = await verify(Targets({"ledger": url}, archive=tmp_path))
    checks = {check.name: check for check in report.checks}
    assert checks["archives as accounted"].checked == 1
    for name in ("standing = fold of entries", "deeds and answers = fold of entries", "months hold their own",
                 "recognition days = fold of entries", "words there unless erased", "withdrawals fit"):  # fmt: skip
        assert checks[name].faults == (), checks[name]
    rows, described = files(tmp_path, JANUARY)
    altered = rows.read_bytes()
    for tampered in (altered[:-1], altered.replace(b"e-001", b"e-002", 1)):
        rows.write_bytes(tampered)
        report = await verify(Targets({"ledger": url}, archive=tmp_path))
        assert report.first_fault is not None
        with pytest.raises(Stop, match="ARCHIVE_DIFFERS"):
            await restore(connection, JANUARY, tmp_path)
    rows.write_bytes(altered)
    described.write_text(json.dumps(json.loads(described.read_text()) | {"entry_count": 1}))
    with pytest.raises(Stop, match="ARCHIVE_DIFFERS"):
        await restore(connection, JANUARY, tmp_path)


async def test_only_the_oldest_month_goes_and_none_of_the_last_year(
    connection: Connection, tmp_path: Path
) -> None:
    await two_old_months(connection)
    with pytest.raises(Stop, match="MONTH_ORDER"):
        await archive(connection, FEBRUARY, tmp_path, today=TODAY)
    with pytest.raises(Stop, match="MONTH_YOUNG"):
        await archive(connection, JANUARY, tmp_path, today=date(2026, 1, 31))


async def test_a_month_that_takes_back_something_of_a_later_one_stays(
    connection: Connection, tmp_path: Path
) -> None:
    later = thanks("e-1", datetime(2025, 2, 10, tzinfo=UTC), "later", "e-2")
    await apply(connection, [withdrawal(later, datetime(2025, 1, 10, tzinfo=UTC), "before it")])
    with pytest.raises(Stop, match="MONTH_TIED"):
        await archive(connection, JANUARY, tmp_path, today=TODAY)
    # Nothing of the attempt stays: the month still takes entries.
    assert await apply(connection, [later]) == [APPLIED]


async def test_an_archiving_that_was_broken_off_is_finished_by_the_next(
    connection: Connection, tmp_path: Path
) -> None:
    before = await two_old_months(connection)
    manifest = await archive(connection, JANUARY, tmp_path, today=TODAY)
    assert await archive(connection, JANUARY, tmp_path, today=TODAY) == manifest
    # Killed after closing the month, before anything was written.
    await connection.execute("INSERT INTO archived_month (first) VALUES ($1)", FEBRUARY)
    assert (await archive(connection, FEBRUARY, tmp_path, today=TODAY)).entry_count > 0
    assert await folded(connection) == before


async def test_statistics_of_the_whole_follow_what_the_months_hold(connection: Connection) -> None:
    first = await months.look(connection, TODAY)
    assert first == ["entry", "recognition_day", "words"]
    assert await months.look(connection, TODAY) == []
    await apply(connection, History(7, people=300).take(1_500))
    await connection.execute("ANALYZE entry_2026_09, entry_2026_10")
    assert "entry" in await months.look(connection, TODAY)
    known = await connection.fetchval("SELECT reltuples FROM pg_class WHERE relname = 'entry'")
    assert known >= 1_400


async def test_one_process_looks_after_the_months_at_a_time(url: str, connection: Connection) -> None:
    other_one = await asyncpg.connect(url)
    try:
        async with other_one.transaction():
            await other_one.fetchval("SELECT pg_advisory_xact_lock(hashtext('waystone ledger months'))")
            assert await months.look(connection, date(2033, 1, 1)) == []
        assert await connection.fetchval("SELECT to_regclass('entry_2033_01')") is None
    finally:
        await other_one.close()
