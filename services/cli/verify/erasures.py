"""Erasures beside the log: words may be missing because somebody asked for it, and for no other reason."""

from services.cli.verify.history import PROOF
from services.cli.verify.log import Log
from services.cli.verify.report import Check
from services.cli.verify.tally import Finding
from services.kit.sql import Connection

ERASURES = "recognition.erasures.v1"


async def erasures_check(connection: Connection, log: Log) -> Check:
    """Whom the ledger calls erased, the log has an erasure of: its topic is compacted by person and never cleared."""
    finding = Finding("ledger", "erasures were asked for")
    asked: set[str] = set()
    async for _, records in log.read(await log.bounds(await log.partitions([ERASURES]))):
        asked.update(record.key.decode("utf-8", "replace") for record in records if record.key is not None)
    for row in await connection.fetch(PROOF["erasures"]):
        finding.checked += 1
        if row["employee"] not in asked:
            finding.fault(f"employee {row['employee']}", "an erasure in the log", "none")
    return finding.check(f"{finding.checked:,} erasures")
