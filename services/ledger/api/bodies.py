"""Bodies the API gives about entries and verification, with examples for its reference page."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, JsonValue

from services.ledger.answers import UnansweredDeed
from services.ledger.view import Celebration, Entry

ENTRY_EXAMPLE = "01a124d7-cd48-82f1-9dc7-f4f958d34824"
ANSWER = ConfigDict(frozen=True, use_attribute_docstrings=True)


def with_example(example: dict[str, JsonValue]) -> ConfigDict:
    """Of a body that goes out."""
    return ConfigDict(frozen=True, use_attribute_docstrings=True, json_schema_extra={"examples": [example]})


def taken(example: dict[str, JsonValue]) -> ConfigDict:
    """Of a body that comes in: nothing unknown in it, nothing coerced."""
    return ConfigDict(
        frozen=True,
        use_attribute_docstrings=True,
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [example]},
    )


class EventReference(BaseModel):
    """Names an event by what makes it unique."""

    model_config = ANSWER

    source: str
    """CloudEvents `source`."""
    id: str
    """CloudEvents `id`."""


class LogPlace(BaseModel):
    """Where an entry stands in the log, and when the ledger stored it."""

    model_config = ANSWER

    topic: str
    """Kafka topic."""
    partition: int
    """Partition."""
    offset: int
    """Offset."""
    epoch: int | None
    """Which owner of the partition stored it: rises with each."""
    stored_at: datetime | None
    """When its batch was committed; null where the ledger no longer knows."""


class Receipt(BaseModel):
    """Where an entry comes from, and what became of it."""

    model_config = ANSWER

    cause: EventReference
    """The event that caused it; `waystone trace` follows it through the services."""
    grant: str | None
    """Of an award: the rule, its window or tier, and which one."""
    answers: EventReference | None
    """Of a recognition: the achievement whose deed it answers."""
    answered_by: tuple[UUID, ...]
    """Of a deed: recognitions by people that answer it."""
    accepted_by: str | None
    """Of a deed: who accepted the work."""
    helped_by: tuple[str, ...]
    """Of a deed: who helped."""
    withdrawn_at: datetime | None
    """When it was taken back by an event."""
    log: LogPlace
    """Its place in the log."""


class EntryWithReceipt(BaseModel):
    """One entry, and where it comes from."""

    model_config = with_example(
        {
            "entry": {
                "id": ENTRY_EXAMPLE,
                "kind": "recognition",
                "sort": "thanks",
                "occurred_at": "2026-10-10T08:04:45Z",
                "by": "person",
                "giver": "e-1155",
                "giver_name": "Ines Marchetti",
                "title": "Sat with the flood alarms until both false ones were understood",
                "visibility": "team",
            },
            "receipt": {
                "cause": {"source": "https://thanks.example.com", "id": "note-8812"},
                "grant": None,
                "answers": {"source": "https://tracker.example.com", "id": "OPS-311"},
                "answered_by": [],
                "accepted_by": None,
                "helped_by": [],
                "withdrawn_at": None,
                "log": {
                    "topic": "recognition.entries.v1",
                    "partition": 3,
                    "offset": 118204,
                    "epoch": 7,
                    "stored_at": "2026-10-10T08:04:46Z",
                },
            },
        }
    )

    entry: Entry
    """The entry, as the history shows it."""
    receipt: Receipt | None
    """Null where only that it came may be shown."""


class Standing(BaseModel):
    """Where a person stands. Times are UTC, null for never."""

    model_config = with_example(
        {
            "employee": "e-1042",
            "last_received_at": "2026-11-20T09:12:00Z",
            "last_from_manager_at": "2026-10-02T15:40:00Z",
            "last_from_peer_at": "2026-11-20T09:12:00Z",
            "last_given_at": "2026-11-18T07:55:00Z",
            "last_growth_at": "2026-09-30T16:00:00Z",
            "last_purpose_at": "2026-11-20T09:12:00Z",
            "last_lead_at": None,
            "last_deed_at": "2026-11-21T13:30:00Z",
            "received": 14,
            "given": 21,
            "deeds": 63,
        }
    )

    employee: str
    """Who."""
    last_received_at: datetime | None = None
    """Last recognised by a person."""
    last_from_manager_at: datetime | None = None
    """By who led them on that day."""
    last_from_peer_at: datetime | None = None
    """By anybody else."""
    last_given_at: datetime | None = None
    """Last recognised somebody."""
    last_growth_at: datetime | None = None
    """Training, a goal's step, the first use of a skill, mentoring, a stretch begun."""
    last_purpose_at: datetime | None = None
    """A recognition that carries a goal."""
    last_lead_at: datetime | None = None
    """An assignment to lead, taken on or finished."""
    last_deed_at: datetime | None = None
    """Something done."""
    received: int = 0
    """Recognitions by people."""
    given: int = 0
    """Recognitions given."""
    deeds: int = 0
    """Deeds."""


class Wall(BaseModel):
    """Public recognitions, newest first."""

    model_config = with_example(
        {
            "recognitions": [
                {
                    "id": ENTRY_EXAMPLE,
                    "employee": "e-1120",
                    "name": "Dariusz Lis",
                    "occurred_at": "2026-10-10T08:04:45Z",
                    "sort": "thanks",
                    "by": "person",
                    "giver": "e-1155",
                    "giver_name": "Ines Marchetti",
                    "title": "Sat with the flood alarms until both false ones were understood",
                    "words": "You found out why instead, and wrote it down so that I could follow.",
                    "impact": None,
                    "basis": "effort",
                    "size": "small",
                    "skills": ["incident-response"],
                    "goal": None,
                    "value": "care",
                }
            ],
            "next": None,
        }
    )

    recognitions: list[Celebration]
    """At most `limit` of them."""
    next: str | None
    """Cursor of the following page; null on the last one."""


class WaitingDeeds(BaseModel):
    """Deeds nobody has answered yet, oldest first."""

    model_config = with_example(
        {
            "deeds": [
                {
                    "deed": ENTRY_EXAMPLE,
                    "employee": "e-1120",
                    "name": "Dariusz Lis",
                    "title": "Swept up after the storm",
                    "size": "small",
                    "done_at": "2026-11-10T03:58:00Z",
                }
            ],
            "next": None,
        }
    )

    deeds: list[UnansweredDeed]
    """At most `limit` of them."""
    next: str | None
    """Cursor of the following page; null on the last one."""


class MarkAnswer(BaseModel):
    """What the person says about an entry of theirs."""

    model_config = with_example({"entry": ENTRY_EXAMPLE, "hidden": False, "withdrawn": True})

    entry: UUID
    """The entry."""
    hidden: bool
    """Shown to nobody but the person."""
    withdrawn: bool
    """Withdrawn by the person, for good."""


class VerificationResult(BaseModel):
    """What one verification found."""

    model_config = ANSWER

    finished_at: datetime
    """When, UTC."""
    checked: int
    """How many things were looked at: entries, offsets, rows."""
    faults: int
    """Faults found; 0 is whole."""
    fault: str | None
    """Which check found the first one."""


class Verification(BaseModel):
    """Whether history was found whole, and when."""

    model_config = with_example(
        {
            "last": {
                "finished_at": "2026-11-23T02:00:41Z",
                "checked": 4193022,
                "faults": 0,
                "fault": None,
            },
            "results": [],
        }
    )

    last: VerificationResult | None
    """The newest; null if none was recorded yet."""
    results: list[VerificationResult]
    """The newest thirty, newest first."""
