"""Keep what a verification found in the ledger's database, where its API shows it."""

from pathlib import Path

import asyncpg

from services.cli.errors import EXIT_UNREACHABLE, CliError
from services.cli.servers import CONNECT_SECONDS_MAX, database_complaints
from services.cli.verify.report import Report

_SQL = Path(__file__).parent / "sql" / "record.sql"


async def record(ledger_url: str, report: Report) -> None:
    """Add the report's figures to the ledger's list. No place and no value of a fault, which may name a person.

    ledger_url: of the database's owner; no service's role may write there. Raises CliError DATABASE_UNREACHABLE, or
    RIGHTS_MISSING for another role.
    """
    first = report.first_fault
    checked = sum(check.checked for check in report.checks)
    faults = sum(check.faults_count for check in report.checks)
    fault = None if first is None else f"{first[0].service}: {first[0].name}"[:200]
    with database_complaints("ledger"):
        connection = await asyncpg.connect(ledger_url, timeout=CONNECT_SECONDS_MAX)
        try:
            await connection.execute(_SQL.read_text(encoding="utf-8"), checked, faults, fault)
        except asyncpg.InsufficientPrivilegeError:
            raise CliError(
                "RIGHTS_MISSING",
                "only the owner of the ledger's database may record a verification",
                EXIT_UNREACHABLE,
            ) from None
        finally:
            await connection.close()
