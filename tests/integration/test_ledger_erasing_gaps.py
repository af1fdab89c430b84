"""What a lead was told of somebody goes when that person is erased, and the lead hears that it is over."""

import json
from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio

from services.kit.batch import Outgoing
from services.kit.sql import Connection
from services.ledger import gap_events
from services.ledger.handlers import LedgerHandler
from tests.conftest import Database
from tests.integration.ledger_write_rig import at, items_of, other

DEED = "01a124d7-cd00-8000-8000-000000000001"
GAP, CLOSED_GAP = "00000000-0000-8000-8000-00000000000a", "00000000-0000-8000-8000-00000000000b"


@pytest_asyncio.fixture
async def connection(database: Database) -> AsyncIterator[Connection]:
    """Of e-1 and of e-2 a lead was told the same: a gap, one that has closed, and a deed."""
    connection = await asyncpg.connect(await database("ledger"))
    for number, employee in enumerate(("e-1", "e-2")):
        await connection.execute(
            """INSERT INTO gap (gap_id, team, metric, employee, opened_at, evidence, closed_at) VALUES
            ($1, 'north', 'growth', $3, $4, 'says', NULL), ($2, 'north', 'growth', $3, $4, 'says', $4)""",
            GAP[:-2] + f"{number}a", CLOSED_GAP[:-2] + f"{number}b", employee, at(1),
        )  # fmt: skip
        await connection.execute(
            """INSERT INTO unnoticed_deed (employee, deed_id, cause_source, cause_id, done_at, team, lead, told_at)
            VALUES ($1, $2, 'urn:tracker', 'one', $3, 'north', 'e-lead', $3)""",
            employee, DEED, at(1),
        )  # fmt: skip
    yield connection
    await connection.close()


async def erase(connection: Connection, employee: str) -> list[tuple[str, dict[str, object]]]:
    """The events that follow: the last part of their types' names, and their bodies."""
    handler = LedgerHandler(b"key")
    items = items_of([other("erasure", at(20), f"erase-{employee}", employee=employee)], handler)
    async with connection.transaction():
        outgoing = await handler.apply(connection, items)
    return [(_type(one), json.loads(one.value or b"")) for one in outgoing]


def _type(one: Outgoing) -> str:
    return dict(one.headers)["ce_type"].decode().removeprefix("dev.waystone.").removesuffix(".v1")


async def test_gaps_and_deeds_of_the_erased_go_and_the_lead_hears_once_of_what_was_open(
    connection: Connection,
) -> None:
    told = await erase(connection, "e-1")
    assert [name for name, _ in told] == ["gap-closed", "unnoticed-deed", "erasure-report"]
    (_, closed), (_, deed), (_, report) = told
    assert closed == {"team": "north", "gap": GAP, "metric": "growth"}
    assert (deed["lead"], deed["answered"], deed["title"]) == (
        "e-lead",
        True,
        "A deed that is no longer kept",
    )
    assert {"what": "gaps", "count": 2} in report["gone"]  # type: ignore[operator]
    assert {"what": "unnoticed-deeds", "count": 1} in report["gone"]  # type: ignore[operator]
    for table in ("gap", "unnoticed_deed"):
        assert {row[0] for row in await connection.fetch(f"SELECT employee FROM {table}")} == {"e-2"}


async def test_a_gap_that_opened_while_somebody_was_erased_goes_with_the_next_day(
    connection: Connection,
) -> None:
    await erase(connection, "e-1")
    await connection.execute(
        """INSERT INTO gap (gap_id, team, metric, employee, opened_at, evidence)
        VALUES ($1, 'north', 'growth', 'e-1', $2, 'says')""",
        GAP,
        at(1),
    )
    async with connection.transaction():
        await gap_events.tell(connection, at(21).date())
    assert await connection.fetchval("SELECT count(*) FROM gap WHERE employee = 'e-1'") == 0
