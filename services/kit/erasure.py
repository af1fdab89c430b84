"""What each service does alike when a person is erased: tell how much is gone and when the copies forget, too.

Until when Kafka may hold it: every topic with words, and the dead letters, keep a record for 30 days; only closed
segments are deleted, and a segment is closed after a day at most; then come the broker's own intervals
(`log.retention.check.interval.ms` five minutes, `log.segment.delete.delay.ms` one minute) and, before it all, the
seconds that a row committed earlier may take out of the outbox. Compacted topics forget within a day of the
tombstone. A test holds the number to the topic files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from schemas.fields import EventRef
from schemas.models.erasures import ErasureReportV1, Gone
from schemas.registry import BY_NAME
from services.kit import cloudevents, ids
from services.kit.batch import Outgoing
from services.kit.sql import PLUMBING, AnyConnection

KAFKA_FORGETS_AFTER = timedelta(days=31, hours=1)
_TYPE = BY_NAME["erasure-report"]

Service = Literal["recognition", "ledger", "notifier"]
Scope = Literal["received", "given"]


@dataclass(frozen=True, slots=True)
class Done:
    """An erasure carried out. source, id, time: of the erasure event. gone: what → how many."""

    employee: str
    scope: Scope
    source: str
    id: str
    time: datetime
    gone: Mapping[str, int]
    formerly: Sequence[str] = ()


def report(service: Service, done: Done, *, now: datetime, backup_retention_days: int) -> Outgoing:
    """The event that tells of it. now: UTC, when nothing of it was left in the service's tables.

    Its id follows from the erasure and the service: carried out again after a restore, it is told under the same id.
    """
    source = f"urn:waystone:{service}"
    now = now.astimezone(UTC)
    body = ErasureReportV1(
        employee=done.employee,
        service=service,
        erasure=EventRef(source=done.source, id=done.id),
        scope=done.scope,
        finished_at=now,
        gone=tuple(Gone(what=what, count=count) for what, count in sorted(done.gone.items()) if count),
        formerly=tuple(done.formerly),
        kafka_until=(now + KAFKA_FORGETS_AFTER).date(),
        backups_until=(now + timedelta(days=backup_retention_days)).date(),
    )
    event = cloudevents.Event(
        id=str(ids.derive(done.time, "erasure-report", source, done.source, done.id)),
        source=source,
        type=_TYPE.type,
        time=done.time,
        data=body.model_dump_json(exclude_defaults=True).encode(),
        dataschema=_TYPE.dataschema,
        partitionkey=done.employee,
        causationid=done.id,
    )
    return Outgoing(_TYPE.topic, *cloudevents.encode(event))


async def forget_aside(connection: AnyConnection, employees: Sequence[str]) -> dict[str, int]:
    """Delete what the broker refused for good and is about these people; return how many records, by person."""
    rows = await connection.fetch(PLUMBING["forget_aside"], sorted(employees))
    gone: dict[str, int] = {}
    for row in rows:
        gone[row["employee"]] = gone.get(row["employee"], 0) + 1
    return gone
