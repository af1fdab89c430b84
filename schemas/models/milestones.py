"""Events of `recognition.milestones.v1`: points on somebody's way."""

from typing import Literal

from schemas.fields import Contract, EmployeeId, GoalId, Links, OptionalWords, Skills, Tag, Title, Visibility


class MilestoneV1(Contract):
    """A point worth marking: a first, a certificate, a project carried to its end."""

    employee: EmployeeId
    """Whose milestone it is."""
    kind: Literal["first", "certificate", "promotion", "project", "anniversary", "other"]
    """What sort of milestone."""
    title: Title
    """What was reached, in one line."""
    description: OptionalWords = ""
    """The way there."""
    skills: Skills = ()
    """Skills it shows."""
    goal: GoalId | None = None
    """The goal it served."""
    value: Tag | None = None
    """The company value it stands for."""
    links: Links = ()
    """Where to look at it."""
    visibility: Visibility = "team"
    """How widely the sender would show it."""


class TrainingV1(Contract):
    """Somebody began or finished a training. No hours and no grades: this is about growth, not about control."""

    employee: EmployeeId
    """Who learns."""
    title: Title
    """What the training is called."""
    status: Literal["started", "completed"]
    """How far it is."""
    skills: Skills = ()
    """Skills it teaches."""
    provider: Title | None = None
    """Who offers it."""
    goal: GoalId | None = None
    """The goal it serves."""
