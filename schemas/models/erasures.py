"""Events of `recognition.erasures.v1` and `recognition.erasure-reports.v1`: the right to be forgotten."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.fields import Contract, Day, EmployeeId, EventRef, Moment, OptionalWords


class ErasureV1(Contract):
    """A person's words and directory record are erased everywhere; later events about them are refused.

    The topic keeps the newest record of a person only: one that follows another never asks for less.
    """

    employee: EmployeeId
    """Who is erased, and the key of the record."""
    scope: Literal["received", "given"] = "received"
    """`received`: words they received go, words they gave stay under "a former colleague". `given`: those go too."""
    request: OptionalWords = ""
    """Reference of the request, e.g. a case number. No personal data."""


class Gone(Contract):
    """How much of one kind of data a service deleted."""

    what: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z][a-z-]*$")]
    """What: `words`, `directory-record`, `preferences`, `skills`, `parked-events` …"""
    count: Annotated[int, Field(ge=0, le=2**63 - 1)]
    """How many rows."""


class ErasureReportV1(Contract):
    """A service has carried an erasure out. No words and no name."""

    employee: EmployeeId
    """Who was erased, and the key of the record."""
    service: Literal["recognition", "ledger", "notifier"]
    """Who carried it out."""
    erasure: EventRef
    """The erasure event."""
    scope: Literal["received", "given"]
    """How far it reached."""
    finished_at: Moment
    """When nothing of it was left in the service's tables."""
    gone: Annotated[tuple[Gone, ...], Field(max_length=20)] = ()
    """What was deleted."""
    formerly: Annotated[tuple[EmployeeId, ...], Field(max_length=20)] = ()
    """Ids the person had before, as far as the service knows: each has an erasure, and reports, of its own."""
    kafka_until: Day
    """Last day on which Kafka may still hold it: retention and compaction are over."""
    backups_until: Day
    """Last day on which a backup may still hold it."""
