"""Owner, writer and reader: each may do what the grants say and nothing else, asked of the catalogue and tried out."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date

import asyncpg
import pytest
import pytest_asyncio

from deploy.local.databases import login_url
from deploy.local.stack import Stack
from services.kit import sql
from services.kit.errors import Stop
from services.kit.sql import Connection
from services.ledger import identity
from tests.conftest import ROOT, Database
from tests.integration.ledger_write_rig import APPLIED, DUPLICATE, apply, at, other, thanks, withdrawal

WRITER, READER = "waystone_ledger_writer", "waystone_ledger_reader"
# What the writer may do with which tables. A table that is not here may not be used: say so when one is added.
_WRITER = {
    "SELECT INSERT": "entry batch batch_proof checkpoint checkpoint_key",
    "SELECT INSERT DELETE": "words gap_pair outbox_aside",
    "SELECT INSERT UPDATE": "consumer_position standing recognition_day deed withdrawal erasure erasure_report removal"
    " gap_day gap_figure unnoticed_progress entry_mark dispute",
    "SELECT INSERT UPDATE DELETE": "outbox person preference request_key gap_form gap unnoticed_deed",
    "SELECT": "schema_migration verification archived_month archived_standing archived_deed archived_giving"
    " archived_until counted_entry standing_month_fold deed_month_fold standing_fold recognition_day_fold deed_fold",
}
_READER = {
    "SELECT": "history history_words standing deed withdrawal person preference entry_mark dispute gap_day gap_figure"
    " gap verification",
}
WRITER_RIGHTS = {table: set(rights.split()) for rights, tables in _WRITER.items() for table in tables.split()}
for _table in ("entry", "words", "recognition_day"):
    WRITER_RIGHTS[_table].add("MAINTAIN")  # to refresh the statistics of the whole
READER_RIGHTS = {table: set(rights.split()) for rights, tables in _READER.items() for table in tables.split()}
# Without a person in it; the reader may see some of its columns.
NO_PERSON = {
    *("batch", "batch_proof", "checkpoint", "checkpoint_key", "archived_month"),
    *("consumer_position", "outbox_aside", "schema_migration", "unnoticed_progress"),
}
# Where the rows arrive by COPY, which row security excludes: the reader sees them through their parents only.
BEHIND_A_PARENT = {"entry": "history", "words": "history_words"}

_RIGHTS = """
SELECT c.relname::text AS name, array_agg(acl.privilege_type::text) AS rights
FROM pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS acl JOIN pg_roles AS r ON r.oid = acl.grantee
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm') AND r.rolname = $1
GROUP BY c.relname
"""
_TABLES = """
SELECT relname::text AS name, relrowsecurity AND relforcerowsecurity AS guarded, relispartition AS is_part,
    relkind = 'v' AS is_view, reloptions @> '{security_invoker=true}' AS invoker
FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
"""


@dataclass
class Roles:
    """One connection of each, to the same ledger."""

    owner: Connection
    writer: Connection
    reader: Connection


@pytest_asyncio.fixture
async def roles(database: Database) -> AsyncIterator[Roles]:
    url = await database("ledger")
    urls = [url, login_url(url, "ledger", "writer"), login_url(url, "ledger", "reader")]
    made = [await asyncpg.connect(one) for one in urls]
    await made[0].execute("SELECT make_month($1)", date(2026, 11, 1))
    yield Roles(*made)
    for one in made:
        await one.close()


async def rights(roles: Roles, role: str) -> dict[str, set[str]]:
    return {row["name"]: set(row["rights"]) for row in await roles.owner.fetch(_RIGHTS, role)}


async def test_the_writer_may_do_what_the_grants_say_and_nothing_else(roles: Roles) -> None:
    assert await rights(roles, WRITER) == WRITER_RIGHTS


async def test_the_reader_may_do_what_the_grants_say_and_nothing_else(roles: Roles) -> None:
    assert await rights(roles, READER) == READER_RIGHTS


async def test_every_table_is_somebody_s_and_everybody_else_has_no_right(roles: Roles) -> None:
    tables = {row["name"]: row for row in await roles.owner.fetch(_TABLES)}
    months = {name for name, row in tables.items() if row["is_part"]} - BEHIND_A_PARENT.keys()
    assert len(months) == 3
    assert tables.keys() - months == WRITER_RIGHTS.keys() | READER_RIGHTS.keys(), (
        "a new table: grant it in its migration, guard its rows if there is a person in it, and list it here"
    )
    for row in await roles.owner.fetch("SELECT rolname FROM pg_roles WHERE rolname NOT LIKE 'pg\\_%'"):
        if row["rolname"] not in (WRITER, READER, await roles.owner.fetchval("SELECT current_user")):
            assert await rights(roles, row["rolname"]) == {}
    public = """SELECT count(*) FROM pg_class, aclexplode(relacl) AS acl
                WHERE acl.grantee = 0 AND relnamespace = 'public'::regnamespace"""
    assert await roles.owner.fetchval(public) == 0


async def test_every_table_with_a_person_in_it_has_forced_row_security(roles: Roles) -> None:
    for row in await roles.owner.fetch(_TABLES):
        if row["is_view"]:
            assert row["invoker"], f"{row['name']} would see with its owner's eyes"
        elif row["name"] in BEHIND_A_PARENT:
            assert not row["guarded"], "COPY excludes row security"
        else:
            assert row["guarded"] or row["name"] in NO_PERSON | {"outbox"}, row["name"]


async def test_functions_that_run_as_the_owner_are_these_and_public_may_call_none(roles: Roles) -> None:
    found = await roles.owner.fetch(
        """SELECT p.proname::text AS name, has_function_privilege($1, p.oid, 'EXECUTE') AS writer,
                  has_function_privilege($2, p.oid, 'EXECUTE') AS reader, p.proconfig AS config,
                  coalesce((SELECT bool_or(a.grantee = 0) FROM aclexplode(p.proacl) AS a), true) AS public
           FROM pg_proc AS p WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef""",
        WRITER,
        READER,
    )
    may = {row["name"]: (row["writer"], row["reader"]) for row in found}
    reading = (
        "asker_ids",
        "led_ids",
        "led_teams",
        "hidden_of",
        "is_on_wall",
        "readable_words",
        "names_of",
        "own_lead",
    )
    assert may == {
        "make_month": (True, False),
        "circle_of": (False, False),
        **dict.fromkeys(reading, (False, True)),
    }
    assert not any(row["public"] for row in found)
    assert all(row["config"] == ["search_path=public, pg_temp"] for row in found)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET giver = NULL",
        "DELETE FROM entry",
        "TRUNCATE entry",
        "UPDATE words SET words = ''",
        "TRUNCATE words",
        "UPDATE batch SET epoch = 0",
        "DELETE FROM batch",
        "SELECT FROM entry_2026_11",
        "INSERT INTO words_2026_11 DEFAULT VALUES",
        "DELETE FROM words_2026_11",
        "SELECT FROM history",
        "DELETE FROM standing",
        "UPDATE schema_migration SET sha256 = ''",
        "INSERT INTO verification (checked, faults) VALUES (1, 0)",
        "CREATE TABLE mine ()",
        "ALTER TABLE entry DISABLE TRIGGER ALL",
        "ALTER TABLE person DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE entry DETACH PARTITION entry_2026_11",
        "DROP TABLE entry_2026_11",
        "SET ROLE waystone_ledger_reader",
    ],
)
async def test_what_the_writer_must_not_do_is_refused(roles: Roles, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await roles.writer.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT FROM entry",
        "SELECT FROM words",
        "SELECT FROM entry_2026_11",
        "SELECT FROM recognition_day_2026_11",
        "SELECT FROM outbox",
        "SELECT FROM gap_form",
        "SELECT FROM request_key",
        "SELECT FROM counted_entry",
        "SELECT make_month('2026-12-01')",
        "SELECT circle_of('ann')",
        "INSERT INTO entry_mark (employee, entry_id) VALUES ('ann', gen_random_uuid())",
        "UPDATE person SET name = ''",
        "DELETE FROM history_words",
        "CREATE TABLE mine ()",
        "SET ROLE waystone_ledger_writer",
    ],
)
async def test_what_the_reader_must_not_do_is_refused(roles: Roles, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await roles.reader.execute(statement)


@pytest.mark.parametrize("table", ["entry", "entry_2026_11", "history"])
@pytest.mark.parametrize("change", ["UPDATE {} SET giver = NULL", "DELETE FROM {}", "TRUNCATE {}"])
async def test_not_even_the_owner_changes_history_by_mistake(roles: Roles, table: str, change: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        await roles.owner.execute(change.format(table))


async def test_a_month_made_by_the_writer_belongs_to_the_owner_and_is_as_shut_as_the_others(
    roles: Roles,
) -> None:
    await roles.writer.execute("SELECT make_month($1)", date(2031, 4, 1))
    months = await roles.owner.fetch(
        """SELECT relname, pg_get_userbyid(relowner) AS owner, relrowsecurity AND relforcerowsecurity AS guarded,
                  relacl, (SELECT count(*) FROM pg_policy WHERE polrelid = c.oid) AS policies
           FROM pg_class AS c WHERE relname LIKE '%\\_2031\\_04' AND relkind = 'r'"""
    )
    assert len(months) == 3
    owner = await roles.owner.fetchval("SELECT current_user")
    for month in months:
        assert (month["owner"], month["guarded"], month["relacl"]) == (owner, True, None)
        assert month["policies"] == 2
    # Were a month granted by mistake, row security would still let the reader see nothing of it.
    await roles.owner.execute("GRANT SELECT ON person, entry_2031_04 TO waystone_ledger_reader")
    assert await roles.reader.fetchval("SELECT count(*) FROM entry_2031_04") == 0


async def test_a_reader_that_sees_past_row_security_does_not_serve(database: Database, stack: Stack) -> None:
    url = await database("ledger")
    good = await identity.make_pool(login_url(url, "ledger", "reader"))
    await identity.check_rights(good)
    for bad in (url, login_url(url, "ledger", "writer")):
        pool = await identity.make_pool(bad)
        with pytest.raises(Stop, match="RIGHTS_TOO_WIDE"):
            await identity.check_rights(pool)
        await pool.close()
    owner = await asyncpg.connect(url)
    await owner.execute("GRANT SELECT ON entry TO waystone_ledger_reader")
    with pytest.raises(Stop, match="may read entry"):
        await identity.check_rights(good)
    await owner.close()
    await good.close()


async def test_an_ordinary_owner_migrates_an_empty_database_and_only_the_roles_get_in(stack: Stack) -> None:
    name = f"rights_{os.getpid()}"
    await stack.create_database(name)
    owner = await asyncpg.connect(stack.database_url(name))
    try:
        await sql.migrate(owner, sql.migrations_of("ledger", ROOT / "services" / "ledger"))
        assert not await owner.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        for right, expected in (("CONNECT", True), ("TEMPORARY", True), ("CREATE", False)):
            has = await owner.fetchval("SELECT has_database_privilege('ledger_writer', $1, $2)", name, right)
            assert has is expected, right
        for right, expected in (("CONNECT", True), ("TEMPORARY", False)):
            has = await owner.fetchval("SELECT has_database_privilege('ledger_reader', $1, $2)", name, right)
            assert has is expected, right
        acl = "SELECT count(*) FROM pg_database, aclexplode(datacl) a WHERE datname = $1 AND a.grantee = 0"
        assert await owner.fetchval(acl, name) == 0, "nobody else gets in"
    finally:
        await owner.close()
        admin = await asyncpg.connect(stack.database_url("postgres"))
        await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        await admin.close()


async def test_the_writer_s_rights_are_enough_for_every_kind_of_batch(roles: Roles) -> None:
    """Straight copies, duplicates, withdrawals, directory, wishes and erasures."""
    note = thanks("e-1", at(3), "note", "e-2", words="Thank you.")
    person = other(
        "person",
        at(1),
        "p-1",
        employee="e-1",
        name="Ann",
        teams=[{"since": "2024-01-01", "team": "firmware"}],
        statuses=[{"since": "2024-01-01", "status": "active"}],
    )
    wish = other("preferences", at(1), "w-1", employee="e-1", celebrate="public")
    assert await apply(roles.writer, [person, wish, note]) == [APPLIED] * 3
    assert await apply(roles.writer, [note, thanks("e-1", at(4), "another", "e-3")]) == [DUPLICATE, APPLIED]
    assert await apply(roles.writer, [withdrawal(note, at(5), "taken back")]) == [APPLIED]
    assert await apply(roles.writer, [other("erasure", at(6), "x-1", employee="e-1")]) == [APPLIED]
    assert await roles.owner.fetchval("SELECT count(*) FROM words WHERE employee = 'e-1'") == 0
