"""Field types shared by the event models. Every text and every list has a bound.

Strings reject NUL (Postgres cannot store it) by pattern, so that the JSON Schema says so too; lone
surrogates never get this far, because the JSON parser refuses them.

What a type looks like is its `$comment`, because a `description` here would hide the docstring of every
field that has the type; the published schemas say both.
"""

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo
from pydantic.fields import FieldInfo

NO_NUL = r"^[^\x00]*$"
_NOT_BLANK = r"^[^\x00]*[^\s\x00][^\x00]*$"
_SLUG = r"^[a-z0-9][a-z0-9+#._/-]*$"
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _form(text: str) -> FieldInfo:
    field: FieldInfo = Field(json_schema_extra={"$comment": text})
    return field


def _iso_day(value: Any, info: ValidationInfo) -> Any:
    """A day as JSON writes it. Pydantic by itself would also take seconds since 1970 written as a string."""
    if info.mode != "json" or not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value) if _DAY.fullmatch(value) else None
    except ValueError:
        return None


def _rfc3339(value: Any, info: ValidationInfo) -> Any:
    """A moment as JSON writes it. Pydantic by itself would also take a space for the `T`, or seconds since 1970."""
    if info.mode != "json" or not isinstance(value, str):
        return value
    try:
        return datetime.fromisoformat(value.upper()) if _MOMENT.fullmatch(value) else None
    except ValueError:
        return None


EmployeeId = Annotated[
    str,
    Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$"),
    _form("Opaque employee id: 1–64 letters, digits, dot, underscore, hyphen. Never a name or an address."),
]
TeamId = Annotated[str, Field(min_length=1, max_length=64, pattern=_SLUG), _form("Team id, a slug.")]
GoalId = Annotated[
    str,
    Field(min_length=1, max_length=64, pattern=_SLUG),
    _form("Goal id, a slug, unique in the company."),
]
Skill = Annotated[
    str,
    Field(min_length=1, max_length=64, pattern=_SLUG),
    _form("Skill, a slug such as `public-speaking`."),
]
Tag = Annotated[
    str,
    Field(min_length=1, max_length=64, pattern=_SLUG),
    _form("Free label, a slug."),
]
Title = Annotated[
    str,
    Field(min_length=1, max_length=200, pattern=_NOT_BLANK),
    _form("One line, 1–200 characters."),
]
Words = Annotated[
    str,
    Field(min_length=1, max_length=4000, pattern=_NOT_BLANK),
    _form("Free text, 1–4,000 characters."),
]
OptionalWords = Annotated[
    str,
    Field(max_length=4000, pattern=NO_NUL),
    _form("Free text, up to 4,000 characters."),
]
Link = Annotated[
    str,
    Field(min_length=1, max_length=2000, pattern=NO_NUL),
    _form("An address as given. Only http and https are ever shown as a link; anything else as text."),
]
EventSource = Annotated[
    str,
    Field(min_length=1, max_length=256, pattern=NO_NUL),
    _form("A URI reference."),
]
EventId = Annotated[
    str,
    Field(min_length=1, max_length=256, pattern=NO_NUL),
    _form("Unique within its source."),
]
EntryId = Annotated[
    str,
    Field(
        min_length=36,
        max_length=36,
        pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
    ),
    _form("UUIDv8 of something Waystone emitted, lower case with hyphens."),
]
Basis = Literal["effort", "result", "both"]
Size = Literal["small", "notable", "major"]
Visibility = Literal["private", "team", "public"]
Skills = Annotated[tuple[Skill, ...], Field(max_length=10), _form("Up to ten skills.")]
Links = Annotated[tuple[Link, ...], Field(max_length=5), _form("Up to five addresses.")]
Timezone = Annotated[
    str,
    Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9+_/-]+$"),
    _form("IANA time zone, e.g. `Europe/Rome`."),
]
Language = Annotated[
    str,
    Field(max_length=16, pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$"),
    _form("BCP 47 tag, e.g. `en`."),
]
LocalTime = Annotated[
    str,
    Field(max_length=5, pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$"),
    _form("Local time of day, `HH:MM`."),
]
Day = Annotated[date, BeforeValidator(_iso_day), _form("A calendar day, ISO 8601.")]
Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_rfc3339),
    _form("A moment, RFC 3339, with a time zone."),
]


class Contract(BaseModel):
    """Base of every event body: unknown fields are refused, values are not coerced, instances are frozen."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        use_attribute_docstrings=True,
        serialize_by_alias=True,
        validate_by_name=True,
        validate_by_alias=True,
    )


class EventRef(Contract):
    """Names another event by what makes it unique."""

    source: EventSource
    """CloudEvents `source` of the event meant."""
    id: EventId
    """CloudEvents `id` of the event meant."""
