"""Events of `recognition.assignments.v1`: work given, before it is done."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.fields import Contract, EmployeeId, GoalId, OptionalWords, Skills, Tag, Title


class AssignmentV1(Contract):
    """A task somebody takes on. Completing one with `lead` or `stretch` is a milestone."""

    employee: EmployeeId
    """Who takes it on."""
    title: Title
    """The task in one line."""
    description: OptionalWords = ""
    """What it is about."""
    status: Literal["assigned", "completed", "dropped"]
    """Where it stands."""
    assigned_by: EmployeeId | None = None
    """Who gave it."""
    kind: Tag | None = None
    """Kind of task, e.g. `frontend`; the career map knows what it teaches."""
    tags: Annotated[tuple[Tag, ...], Field(max_length=10)] = ()
    """Further labels the career map may know."""
    skills: Skills = ()
    """Skills it needs or teaches."""
    goal: GoalId | None = None
    """The goal it serves."""
    lead: bool = False
    """The person takes the lead."""
    stretch: bool = False
    """It prepares for a larger role."""
    reluctance: Literal["dont-know-how", "dont-like-it", "dont-see-the-use"] | None = None
    """Why one might resist it, if the person said so."""
