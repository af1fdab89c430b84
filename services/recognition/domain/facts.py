"""What comes in (facts), how it divides by person (parts), and what goes out (entries)."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from schemas.fields import Contract, EventRef
from schemas.models.achievements import AchievementV1
from schemas.models.purpose import ImpactV1, OrganisationGoalV1
from schemas.models.thank_you_notes import ThankYouNoteV1

EventKey = tuple[str, str]
"""CloudEvents `source` and `id`."""
PartKey = tuple[str, str, str]
"""`source`, `id` and the recipient."""


class Code(StrEnum):
    """Why the rules refuse an event: stable codes."""

    ID_CONFLICT = "ID_CONFLICT"
    SELF_RECOGNITION = "RULE_SELF_RECOGNITION"
    PERSON_LEFT = "RULE_PERSON_LEFT"
    PERSON_ERASED = "RULE_PERSON_ERASED"
    PERSON_UNKNOWN = "RULE_PERSON_UNKNOWN"
    ORIGINAL_UNKNOWN = "RULE_ORIGINAL_UNKNOWN"
    PARKED_TOO_MANY = "RULE_PARKED_TOO_MANY"


class Verdict(StrEnum):
    """What became of an event that was not refused."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    PARKED = "parked"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Fact:
    """An event whose body keeps its contract."""

    source: str
    id: str
    time: datetime
    """When it happened, UTC."""
    body: Contract
    digest: bytes
    """Keyed digest of the body with its keys sorted: transport bytes don't matter."""
    correlation: str
    traceparent: str | None = None
    origin: object = None
    """The record it came in, carried along untouched for whoever parks or refuses it."""

    @property
    def key(self) -> EventKey:
        """What makes it unique."""
        return self.source, self.id

    @property
    def day(self) -> date:
        """The day it happened, UTC."""
        return self.time.date()

    @property
    def ref(self) -> EventRef:
        """As entries name it."""
        return EventRef(source=self.source, id=self.id)


@dataclass(frozen=True, slots=True)
class Removal:
    """A tombstone on a compacted topic: the directory record, or the preferences, of a person are gone."""

    employee: str
    of: type[Contract]
    """The model of what is gone."""
    time: datetime


@dataclass(frozen=True, slots=True)
class Erased:
    """A person was erased, or further than before, because of this event. gone: what → how many the fold let go."""

    employee: str
    given: bool
    """The words they gave go, too."""
    cause: Fact
    gone: dict[str, int]
    formerly: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FormerErasure:
    """An id an erased person had before, which is to be erased as well. cause: the erasure, or what told of the id."""

    employee: str
    given: bool
    cause: Fact


@dataclass(frozen=True, slots=True)
class Part:
    """What one event brings to one person: decided, parked and released by itself."""

    fact: Fact
    recipient: str
    giver: str | None = None
    """Who must be known as well."""

    @property
    def key(self) -> PartKey:
        """What makes it unique."""
        return (*self.fact.key, self.recipient)

    @property
    def is_help(self) -> bool:
        """Credit to somebody who helped with another person's achievement."""
        body = self.fact.body
        return isinstance(body, AchievementV1) and body.employee != self.recipient

    @property
    def mentions(self) -> tuple[str, ...]:
        """Everybody it says something about, each once."""
        doer = getattr(self.fact.body, "employee", None)
        return tuple(dict.fromkeys(e for e in (self.recipient, self.giver, doer) if e is not None))

    @property
    def named(self) -> tuple[str, ...]:
        """Others whom its entries name as long as they are not erased: who helped with a deed, who accepted it."""
        body = self.fact.body
        if not isinstance(body, AchievementV1) or self.is_help:
            return ()
        return tuple(dict.fromkeys(e for e in (*body.helped_by, body.accepted_by) if e is not None))


@dataclass(frozen=True, slots=True)
class Entry:
    """Something to publish on the log of an employee."""

    id: UUID
    type_name: str
    employee: str
    body: Contract
    cause: Fact


def parts_of(fact: Fact) -> tuple[Part, ...]:
    """One part per person who gets something out of the event; nobody twice, no helper of oneself."""
    body = fact.body
    if isinstance(body, OrganisationGoalV1 | ImpactV1):
        return ()
    if isinstance(body, ThankYouNoteV1):
        return tuple(Part(fact, recipient, body.giver) for recipient in dict.fromkeys(body.to))
    employee: str = body.employee  # type: ignore[attr-defined]  # every other body that brings something has one
    if isinstance(body, AchievementV1):
        return tuple(Part(fact, recipient) for recipient in dict.fromkeys((employee, *body.helped_by)))
    return (Part(fact, employee),)
