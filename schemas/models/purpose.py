"""Events of `recognition.purpose.v1`: what the work is for."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.fields import Contract, EmployeeId, EventRef, GoalId, Links, OptionalWords, Title, Words


class OrganisationGoalV1(Contract):
    """A goal of the organisation. The newest record of a goal is the whole truth about it."""

    goal: GoalId
    """Its id, and the key of the record."""
    title: Title
    """The goal in one line."""
    description: OptionalWords = ""
    """Why it matters, and to whom."""
    parent: GoalId | None = None
    """The larger goal it belongs to."""
    status: Literal["active", "reached", "dropped"] = "active"
    """Where it stands."""


class ImpactV1(Contract):
    """A success story: what a piece of work changed, for whom."""

    goal: GoalId
    """The goal it served, and the key of the record."""
    title: Title
    """The story in one line."""
    story: Words
    """What improved, who was helped, what difference it made."""
    contributors: Annotated[tuple[EmployeeId, ...], Field(max_length=50)] = ()
    """Whose work it was."""
    about: EventRef | None = None
    """The deed it followed from."""
    links: Links = ()
    """Where to look at it."""
