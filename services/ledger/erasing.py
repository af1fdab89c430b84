"""Erasure in the ledger: carry it out, collect what every service reports, and make the receipt.

The caller of `erase` and `note_formers` holds the lock of everybody in the batch.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from services.kit import erasure as kit
from services.kit.batch import Item, Outcome, Outgoing
from services.kit.sql import AnyConnection, Queries
from services.ledger import gap_events, marks, metrics, store, unnoticed
from services.ledger.domain import ERASURE_SCOPES, Decoded, Erasure, Report
from services.ledger.receipt import Known, Reported

_SQL = Queries(Path(__file__).parent / "sql" / "erasure.sql")
_GIVEN = ERASURE_SCOPES["given"]


async def erase(
    connection: AnyConnection, items: Sequence[Item[Decoded]], backup_retention_days: int
) -> list[Outgoing]:
    """Carry out the erasures among these; return the reports, and what leads are told.

    Whoever was erased as far before is a duplicate.
    """
    found = [(item, item.decoded) for item in items if isinstance(item.decoded, Erasure)]
    if not found:
        return []
    rows = await connection.fetch(_SQL["read_erasures"], [erasure.employee for _, erasure in found])
    scopes = {row["employee"]: row["scope"] for row in rows}
    wanted: dict[str, Erasure] = {}
    for item, erasure in found:
        if scopes.get(erasure.employee, 0) >= erasure.scope:
            item.outcome = Outcome.DUPLICATE
        else:
            scopes[erasure.employee] = erasure.scope
            wanted[erasure.employee] = erasure
    if not wanted:
        return []
    now = datetime.now(UTC)
    gone = await _delete(connection, list(wanted.values()))
    told = await _take_back(connection, sorted(wanted), gone, now)
    return told + [
        kit.report(
            "ledger",
            kit.Done(
                employee=one.employee,
                scope="given" if one.scope == _GIVEN else "received",
                source=one.source,
                id=one.id,
                time=one.occurred_at,
                gone=gone[one.employee],
            ),
            now=now,
            backup_retention_days=backup_retention_days,
        )
        for one in wanted.values()
    ]


async def _delete(connection: AnyConnection, erasures: Sequence[Erasure]) -> dict[str, Counter[str]]:
    """Delete words, directory record, wishes and undelivered records; return how many of each, by person."""
    people = [erasure.employee for erasure in erasures]
    givers = [erasure.employee for erasure in erasures if erasure.scope == _GIVEN]
    gone: dict[str, Counter[str]] = {employee: Counter() for employee in people}
    for row in await connection.fetch(_SQL["delete_words"], people, givers):
        gone[row["erased"]]["words-given" if row["given"] else "words"] += 1
    texts = {employee: counts.total() for employee, counts in gone.items()}
    for employee in await store.delete_persons(connection, people):
        gone[employee]["directory-record"] += 1
    for employee in await store.delete_preferences(connection, people):
        gone[employee]["preferences"] += 1
    await marks.empty_disputes(connection, people)
    for employee, count in (await kit.forget_aside(connection, people)).items():
        gone[employee]["undelivered-records"] += count
    await connection.execute(
        _SQL["merge_erasures"],
        people,
        [erasure.occurred_at for erasure in erasures],
        [erasure.scope for erasure in erasures],
        [texts[employee] for employee in people],
    )
    metrics.WORDS_ERASED.inc(sum(texts.values()))
    return gone


async def _take_back(
    connection: AnyConnection, people: Sequence[str], gone: Mapping[str, Counter[str]], now: datetime
) -> list[Outgoing]:
    """Forget what leads were told of these people, add how much to `gone`, and tell the leads that it is over."""
    told: list[Outgoing] = []
    for row in await connection.fetch(_SQL["delete_gaps"], people):
        gone[row["employee"]]["gaps"] += 1
        if row["open"]:
            told.append(gap_events.closed(row["gap_id"], row["team"], row["metric"], now))
    for row in await connection.fetch(_SQL["delete_unnoticed"], people):
        gone[row["employee"]]["unnoticed-deeds"] += 1
        if row["open"]:
            told.append(unnoticed.taken_back(row, unnoticed.GONE, max(now, row["done_at"])))
    return told


async def forget_reasons(connection: AnyConnection, marks: store.Marks) -> None:
    """Words that came with this batch from people whose words to others are erased: why they took some back."""
    if givers := [employee for employee, scope in marks.erased.items() if scope == _GIVEN]:
        await connection.fetch(_SQL["delete_words"], [], sorted(givers))


async def note_formers(connection: AnyConnection, pairs: Sequence[tuple[str, str]]) -> None:
    """Remember ids that erased people had before, told after their erasure. pairs: employee and former id."""
    if pairs:
        await connection.execute(
            _SQL["note_formers"], [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        )


async def collect(connection: AnyConnection, items: Sequence[Item[Decoded]]) -> None:
    """Keep what services report of erasures they have carried out."""
    found = [(item, item.decoded) for item in items if isinstance(item.decoded, Report)]
    if not found:
        return
    newest = {report[:4]: report for _, report in sorted(found, key=lambda pair: pair[1].finished_at)}
    rows = [report._asdict() | {"gone": msgspec.Raw(report.gone.encode())} for report in newest.values()]
    told = await connection.fetch(_SQL["merge_reports"], msgspec.json.encode(rows).decode())
    new = {tuple(row) for row in told}
    for item, report in found:
        if report[:4] in new and newest[report[:4]] is report:
            continue
        item.outcome = Outcome.DUPLICATE


async def present_id(connection: AnyConnection, employee: str) -> str | None:
    """Under which other id a person is known who had this one before."""
    found: str | None = await connection.fetchval(_SQL["present_id"], employee)
    return found


async def read_known(connection: AnyConnection, employee: str) -> list[Known]:
    """What a receipt is made of: of the person and of every id they had before."""
    found: dict[str, Known] = {}
    for row in await connection.fetch(_SQL["with_formers"], employee):
        known = found.setdefault(row["employee"], Known(row["employee"], row["requested_at"], row["scope"]))
        if row["service"] is not None:
            known.reports.append(
                Reported(
                    row["service"],
                    row["reported_scope"],
                    row["finished_at"],
                    msgspec.json.decode(row["gone"]),
                    row["kafka_until"],
                    row["backups_until"],
                )
            )
    return list(found.values())
