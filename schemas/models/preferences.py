"""Events of `recognition.preferences.v1`: what a person wants to be told, how, and who else may see it."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.fields import Contract, EmployeeId, Language, LocalTime, Timezone

Channel = Literal["email", "chat"]
Category = Literal["thanks", "recognition", "milestone", "growth", "digest", "calendar"]


class QuietHours(Contract):
    """No messages from `start` to `end`, local time; may pass midnight."""

    start: LocalTime
    """First quiet minute."""
    end: LocalTime
    """First minute after."""


class PreferencesV1(Contract):
    """The whole of a person's wishes. The newest by (time, id) wins; on a tie the more private."""

    employee: EmployeeId
    """Whose wishes, and the key of the record."""
    celebrate: Literal["public", "team", "private", "not-at-all"] = "team"
    """The widest circle that may see their recognitions. `not-at-all`: kept in the history, told to nobody."""
    channels: Annotated[tuple[Channel, ...], Field(max_length=2)] = ("email",)
    """Ways to reach them, best first; none means no messages."""
    muted: Annotated[tuple[Category, ...], Field(max_length=6)] = ()
    """Categories they do not want."""
    rhythm: Literal["immediate", "digest"] = "immediate"
    """Each by itself, or gathered."""
    send_at: LocalTime | None = None
    """Wished time of day."""
    quiet: QuietHours | None = None
    """Hours of silence."""
    timezone: Timezone | None = None
    """Overrides the directory's."""
    language: Language | None = None
    """Overrides the directory's."""
