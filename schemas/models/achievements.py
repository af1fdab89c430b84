"""Events of `recognition.achievements.v1`: what somebody did."""

from typing import Annotated

from pydantic import Field

from schemas.fields import (
    Basis,
    Contract,
    EmployeeId,
    GoalId,
    Links,
    OptionalWords,
    Size,
    Skills,
    Tag,
    Title,
    Visibility,
)


class AchievementV1(Contract):
    """Somebody did something worth keeping. It becomes a deed in their history, whatever its size."""

    employee: EmployeeId
    """Who did it."""
    title: Title
    """What it was, in one line a colleague understands."""
    description: OptionalWords = ""
    """What was done, and what it took."""
    basis: Basis
    """Whether the effort, the result, or both deserve notice."""
    size: Size
    """`small` ones count too: they add up, and appear in the team's digest."""
    skills: Skills = ()
    """Skills the work used or taught."""
    goal: GoalId | None = None
    """The goal it served."""
    value: Tag | None = None
    """The company value it stands for."""
    links: Links = ()
    """Where to look at it."""
    helped_by: Annotated[tuple[EmployeeId, ...], Field(max_length=20)] = ()
    """Colleagues whose help made it possible; credit flows to them."""
    accepted_by: EmployeeId | None = None
    """Who reviewed or merged it. Acceptance answers a deed without being a recognition."""
    visibility: Visibility = "team"
    """How widely the sender would show it; the person's own preference can only narrow this."""
