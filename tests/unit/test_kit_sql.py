"""SQL files: queries found by name, migrations numbered without a gap, failures of the database named by remedy."""

from pathlib import Path

import asyncpg
import pytest

from services.kit import sql
from services.kit.errors import Retry, Stop
from services.kit.remedy import remedy


def _queries(folder: Path, text: str) -> sql.Queries:
    (folder / "queries.sql").write_text(text)
    return sql.Queries(folder / "queries.sql")


def test_queries_are_found_by_name(tmp_path: Path) -> None:
    queries = _queries(tmp_path, "-- name: one\n-- Counts.\nSELECT 1;\n\n-- name: two\nSELECT 2;\n")
    assert list(queries) == ["one", "two"]
    assert queries["two"] == "SELECT 2;"
    assert len(queries) == 2


def test_an_unknown_query_is_an_error_at_its_use(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        _queries(tmp_path, "-- name: one\nSELECT 1;\n")["two"]


def test_two_queries_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="two queries of one name"):
        _queries(tmp_path, "-- name: one\nSELECT 1;\n-- name: one\nSELECT 2;\n")


@pytest.mark.parametrize(
    "line", ["--name: two", "-- name:two", "-- Name: two", "-- name: Two", "-- name: two x"]
)
def test_a_misspelt_name_is_refused_instead_of_joining_two_queries(tmp_path: Path, line: str) -> None:
    with pytest.raises(ValueError, match="name"):
        _queries(tmp_path, f"-- name: one\nDELETE FROM a WHERE b;\n{line}\nDELETE FROM c;\n")


def _service(folder: Path, *names: str) -> Path:
    migrations = folder / "sql" / "migrations"
    migrations.mkdir(parents=True)
    for name in names:
        (migrations / name).write_text("SELECT 1;")
    return folder


def test_the_plumbings_migrations_come_before_the_services(tmp_path: Path) -> None:
    found = sql.migrations_of("x", _service(tmp_path, "0002_b.sql", "0001_a.sql"))
    assert [m.component for m in found][-3:] == ["kit", "x", "x"]
    assert [(m.number, m.name) for m in found][-2:] == [(1, "a"), (2, "b")]


@pytest.mark.parametrize(
    "names",
    [["0002_a.sql"], ["0001_a.sql", "0003_b.sql"], ["0001_a.sql", "0001_b.sql"], ["1_a.sql"], ["0001-a.sql"]],
    ids=str,
)
def test_a_gap_or_a_bad_name_among_migrations_is_refused(tmp_path: Path, names: list[str]) -> None:
    with pytest.raises(ValueError, match=r"numbered|named"):
        sql.migrations_of("x", _service(tmp_path, *names))


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.DeadlockDetectedError("x"), asyncpg.SerializationError("x"), asyncpg.TooManyConnectionsError("x"),
        asyncpg.DiskFullError("x"), asyncpg.AdminShutdownError("x"), asyncpg.CannotConnectNowError("x"),
        asyncpg.ConnectionDoesNotExistError("x"), asyncpg.QueryCanceledError("x"), asyncpg.LockNotAvailableError("x"),
        asyncpg.ReadOnlySQLTransactionError("x"), asyncpg.InvalidCachedStatementError("x"),
        asyncpg.StatementCompletionUnknownError("x"), asyncpg.IdleInTransactionSessionTimeoutError("x"),
        asyncpg.InterfaceError("x"), ConnectionResetError("x"), TimeoutError("x"),
    ],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_what_passes_by_itself_is_tried_again(error: Exception) -> None:
    assert isinstance(remedy(error), Retry)
    assert "x" not in str(remedy(error)).split()


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.NumericValueOutOfRangeError("x"), asyncpg.UniqueViolationError("x"), asyncpg.CheckViolationError("x"),
        asyncpg.UntranslatableCharacterError("x"), asyncpg.DataError("x"), asyncpg.NotNullViolationError("x"),
    ],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_refused_data_are_the_records_fault(error: Exception) -> None:
    assert remedy(error) is error


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.UndefinedTableError("x"), asyncpg.PostgresSyntaxError("x"), asyncpg.InsufficientPrivilegeError("x"),
        asyncpg.InvalidPasswordError("x"), asyncpg.InvalidCatalogNameError("x"),
    ],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_what_only_a_person_can_mend_stops_the_service(error: Exception) -> None:
    stop = remedy(error)
    assert isinstance(stop, Stop)
    assert stop.code == "STORE_BROKEN"
