"""The receipt of an erasure: complete when all three services have reported, former ids included. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from services.ledger.domain import ERASURE_SCOPES

SERVICES = ("recognition", "ledger", "notifier")
_EXAMPLE: dict[str, JsonValue] = {
    "employee": "e-0931",
    "scope": "received",
    "requested_at": "2026-11-02T09:30:00Z",
    "complete": True,
    "waiting_for": [],
    "services": [
        {
            "service": "ledger",
            "finished_at": "2026-11-02T09:30:02.118Z",
            "gone": {"words": 14, "preferences": 1},
        }
    ],
    "former_ids": ["c-0044"],
    "kafka_until": "2026-12-03",
    "backups_until": "2026-12-07",
    "last_day": "2026-12-07",
}


@dataclass(frozen=True, slots=True)
class Reported:
    """One service's report. scope: as `ERASURE_SCOPES` counts it."""

    service: str
    scope: int
    finished_at: datetime
    gone: dict[str, int]
    kafka_until: date
    backups_until: date


@dataclass(slots=True)
class Known:
    """What is known of the erasure of one id. scope: None while the ledger itself has not erased it."""

    employee: str
    requested_at: datetime | None
    scope: int | None
    reports: list[Reported] = field(default_factory=list)

    def missing(self) -> list[str]:
        """Services that have not reported an erasure as far as this one reaches."""
        scope = self.scope or ERASURE_SCOPES["received"]
        done = {report.service for report in self.reports if report.scope >= scope}
        return [service for service in SERVICES if service not in done or self.scope is None]


class ServiceReceipt(BaseModel):
    """What one service deleted, former ids included."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    service: Literal["recognition", "ledger", "notifier"]
    """Which."""
    finished_at: datetime
    """When nothing of it was left in its tables, UTC."""
    gone: dict[str, int]
    """What was deleted, and how many rows."""


class Receipt(BaseModel):
    """That a person was erased: by whom, what, and until when copies may still hold it."""

    model_config = ConfigDict(
        frozen=True, use_attribute_docstrings=True, json_schema_extra={"examples": [_EXAMPLE]}
    )

    employee: str
    """Who."""
    scope: Literal["received", "given"]
    """How far it reaches: words they received, or those they gave as well."""
    requested_at: datetime
    """When it was asked for, UTC."""
    complete: bool
    """All three services have carried it out, for every id the person had."""
    waiting_for: list[str]
    """`service` or `service of former id` that has not reported."""
    services: list[ServiceReceipt]
    """Who has carried it out."""
    former_ids: list[str]
    """Ids the person had before, erased with this one."""
    kafka_until: date | None
    """Last day on which Kafka may still hold it; null until the receipt is complete."""
    backups_until: date | None
    """Last day on which a backup may still hold it; null until the receipt is complete."""
    last_day: date | None
    """The later of the two: after it nothing is left anywhere."""


def receipt_of(employee: str, known: Sequence[Known]) -> Receipt | None:
    """The receipt of `employee` from what is known of them and their former ids; None when no erasure is known."""
    own = next((one for one in known if one.employee == employee), None)
    if own is None or own.requested_at is None:
        return None
    waiting = [
        service if one is own else f"{service} of {one.employee}"
        for one in known
        for service in one.missing()
    ]
    reports = [report for one in known for report in one.reports]
    kafka_until = max((report.kafka_until for report in reports), default=None)
    backups_until = max((report.backups_until for report in reports), default=None)
    done = not waiting and kafka_until is not None and backups_until is not None
    return Receipt(
        employee=employee,
        scope="given" if own.scope == ERASURE_SCOPES["given"] else "received",
        requested_at=own.requested_at,
        complete=not waiting,
        waiting_for=waiting,
        services=[one for service in SERVICES if (one := _of_service(service, reports)) is not None],
        former_ids=[one.employee for one in known if one is not own],
        kafka_until=kafka_until if done else None,
        backups_until=backups_until if done else None,
        last_day=max(kafka_until, backups_until) if done and kafka_until and backups_until else None,
    )


def _of_service(service: str, reports: Iterable[Reported]) -> ServiceReceipt | None:
    own = [report for report in reports if report.service == service]
    if not own:
        return None
    gone: dict[str, int] = {}
    for report in own:
        for what, count in report.gone.items():
            gone[what] = gone.get(what, 0) + count
    return ServiceReceipt.model_validate(
        {"service": service, "finished_at": max(report.finished_at for report in own), "gone": gone}
    )
