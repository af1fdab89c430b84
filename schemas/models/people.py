"""Events of `recognition.people.v1`: the directory. The newest record of a person is the whole truth about them."""

from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field

from schemas.fields import Contract, Day, EmployeeId, Language, TeamId, Timezone, Title

_Address = Annotated[
    str, Field(min_length=3, max_length=254, pattern=r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+$")
]
_Periods = Field(min_length=1, max_length=100)


class TeamPeriod(Contract):
    """From `since` on, the person belongs to `team`."""

    since: Day
    """First day."""
    team: TeamId
    """The team."""


class ManagerPeriod(Contract):
    """From `since` on, the person reports to `manager`; to nobody if absent."""

    since: Day
    """First day."""
    manager: EmployeeId | None = None
    """Who leads them."""


class StatusPeriod(Contract):
    """From `since` on, the person has this status."""

    since: Day
    """First day."""
    status: Literal["active", "on-leave", "left"]
    """`left` ends all messages on that day."""


P = TypeVar("P", TeamPeriod, ManagerPeriod, StatusPeriod)


def _rising(periods: tuple[P, ...]) -> tuple[P, ...]:
    """In rising order of `since`, of one day as they were given: a directory that lists the newest first means the
    same, and every reader must see the same last period of a day."""
    return tuple(sorted(periods, key=lambda period: period.since))


class PersonV1(Contract):
    """A person's whole directory record. Periods are in rising order of `since`."""

    employee: EmployeeId
    """Who, and the key of the record."""
    name: Title
    """Name as colleagues know it."""
    email: _Address | None = None
    """Where mail reaches them."""
    chat: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")] | None = None
    """Their handle in the company's chat."""
    teams: Annotated[tuple[TeamPeriod, ...], _Periods, AfterValidator(_rising)]
    """Teams, dated."""
    managers: Annotated[tuple[ManagerPeriod, ...], Field(max_length=100), AfterValidator(_rising)] = ()
    """Managers, dated."""
    statuses: Annotated[tuple[StatusPeriod, ...], _Periods, AfterValidator(_rising)]
    """Statuses, dated; the first `active` is the start date."""
    formerly: Annotated[tuple[EmployeeId, ...], Field(max_length=20)] = ()
    """Ids this person had before; their history is read through it."""
    timezone: Timezone = "UTC"
    """IANA time zone."""
    language: Language = "en"
    """Language of messages."""
