"""Every event type with its model, its topic and its key: (type, version) → model."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from schemas.fields import Contract
from schemas.models import (
    achievements,
    assignments,
    checkpoints,
    corrections,
    deliveries,
    entries,
    erasures,
    gaps,
    goals,
    milestones,
    people,
    preferences,
    purpose,
    thank_you_notes,
)

KEY_CHARS_MAX = 256
TYPE_PREFIX = "dev.waystone."
SCHEMA_PREFIX = "urn:waystone:schema:"


class SchemaError(ValueError):
    """The body of an event does not keep its contract. `code` is always `SCHEMA_BAD`."""

    code = "SCHEMA_BAD"


@dataclass(frozen=True, slots=True)
class EventType:
    """One event type at one major version, at the newest minor this code knows."""

    name: str
    major: int
    minor: int
    model: type[Contract]
    topic: str
    key: Callable[[Any], str]
    """Body → Kafka key."""

    @property
    def type(self) -> str:
        """CloudEvents `type`, e.g. `dev.waystone.achievement.v1`."""
        return f"{TYPE_PREFIX}{self.name}.v{self.major}"

    @property
    def dataschema(self) -> str:
        """CloudEvents `dataschema`, e.g. `urn:waystone:schema:achievement:1.0`."""
        return f"{SCHEMA_PREFIX}{self.name}:{self.major}.{self.minor}"


def _employee(body: Any) -> str:
    return str(body.employee)


def _withdrawal_key(body: Any) -> str:
    """The withdrawn event's source and id, or their digest where both are long: a key has 256 characters at most."""
    plain = f"{body.of.source} {body.of.id}"
    return plain if len(plain) <= KEY_CHARS_MAX else hashlib.sha256(plain.encode()).hexdigest()


def _v1(
    name: str, model: type[Contract], topic: str, key: Callable[[Any], str] = _employee, minor: int = 0
) -> EventType:
    return EventType(name, 1, minor, model, f"recognition.{topic}.v1", key)


EVENT_TYPES: tuple[EventType, ...] = (
    _v1("achievement", achievements.AchievementV1, "achievements"),
    _v1("thank-you-note", thank_you_notes.ThankYouNoteV1, "thank-you-notes", lambda b: str(b.to[0])),
    _v1("milestone", milestones.MilestoneV1, "milestones"),
    _v1("training", milestones.TrainingV1, "milestones"),
    _v1("assignment", assignments.AssignmentV1, "assignments"),
    _v1("goal", goals.GoalV1, "goals"),
    _v1("goal-step", goals.GoalStepV1, "goals"),
    _v1("support-request", goals.SupportRequestV1, "goals"),
    _v1("reflection", goals.ReflectionV1, "goals"),
    _v1("self-rating", goals.SelfRatingV1, "goals"),
    _v1("organisation-goal", purpose.OrganisationGoalV1, "purpose", lambda b: str(b.goal)),
    _v1("impact", purpose.ImpactV1, "purpose", lambda b: str(b.goal)),
    _v1("person", people.PersonV1, "people"),
    _v1("preferences", preferences.PreferencesV1, "preferences"),
    _v1("withdrawal", corrections.WithdrawalV1, "corrections", _withdrawal_key),
    _v1("erasure", erasures.ErasureV1, "erasures"),
    _v1("erasure-report", erasures.ErasureReportV1, "erasure-reports"),
    _v1("deed", entries.DeedV1, "entries"),
    _v1("recognition", entries.RecognitionV1, "entries"),
    _v1("recognition-withdrawn", entries.RecognitionWithdrawnV1, "entries"),
    _v1("growth", entries.GrowthV1, "entries"),
    _v1("assignment-noted", entries.AssignmentNotedV1, "entries"),
    _v1("career-picture", entries.CareerPictureV1, "entries"),
    _v1("gap-opened", gaps.GapOpenedV1, "gaps", lambda b: str(b.team)),
    _v1("gap-closed", gaps.GapClosedV1, "gaps", lambda b: str(b.team)),
    _v1("unnoticed-deed", gaps.UnnoticedDeedV1, "gaps", lambda b: str(b.team)),
    _v1("delivery", deliveries.DeliveryV1, "deliveries"),
    _v1("checkpoint", checkpoints.CheckpointV1, "checkpoints", lambda b: str(b.partition)),
)
BY_TYPE: dict[str, EventType] = {event.type: event for event in EVENT_TYPES}
BY_NAME: dict[str, EventType] = {event.name: event for event in EVENT_TYPES}


@dataclass(frozen=True, slots=True)
class Body:
    """A body that keeps its contract."""

    event_type: EventType
    value: Contract
    fields_ignored: int = 0
    """Fields of a newer minor that this code does not know; at most what the body held."""


def read_body(type_: str, dataschema: str | None, data: bytes, *, topic: str | None = None) -> Body:
    """Validate an event's body against the contract its `type` and `dataschema` name.

    type_: CloudEvents `type`; its major version chooses the model.
    dataschema: names type, major and minor; absent means the newest minor known here.
    data: UTF-8 JSON.
    topic: when given, the type must belong to it.

    Within a known minor an unknown field is refused; from a newer minor it is ignored and counted.
    Raises SchemaError with one line that names the field but never repeats a value.
    """
    event_type = BY_TYPE.get(type_)
    if event_type is None:
        raise SchemaError("type is not known, or not at this major version")
    if topic is not None and event_type.topic != topic:
        raise SchemaError(f"type {event_type.name} does not belong to this topic")
    newer = dataschema is not None and _minor(event_type, dataschema) > event_type.minor
    try:
        return Body(event_type, event_type.model.model_validate_json(data, by_alias=True, by_name=False))
    except ValidationError as error:
        if not newer:
            raise SchemaError(_one_line(error)) from None
        unknown = sum(1 for e in error.errors(include_input=False) if e["type"] == "extra_forbidden")
    try:
        value = event_type.model.model_validate_json(data, extra="ignore", by_alias=True, by_name=False)
        return Body(event_type, value, unknown)
    except ValidationError as error:
        raise SchemaError(_one_line(error)) from None


def _minor(event_type: EventType, dataschema: str) -> int:
    prefix = f"{SCHEMA_PREFIX}{event_type.name}:{event_type.major}."
    minor = dataschema.removeprefix(prefix)
    if minor == dataschema or not (minor.isascii() and minor.isdigit() and len(minor) <= 4):
        raise SchemaError("dataschema does not name the event's type and major version")
    return int(minor)


def _one_line(error: ValidationError) -> str:
    """First fault and the number of further ones, without values and unknown names: they may hold words."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    first = faults[0]
    if first["type"] == "extra_forbidden":
        where = ".".join(str(part) for part in first["loc"][:-1])
        text = f"{where or 'body'}: a field this version does not have"
    elif first["type"] == "json_invalid":
        text = "body: not valid JSON"
    else:
        text = f"{'.'.join(str(part) for part in first['loc']) or 'body'}: {first['msg']}"
    return text[:300] + (f" (and {len(faults) - 1} more)" if len(faults) > 1 else "")
