"""Events of `recognition.goals.v1`: what somebody wants to become, and the steps there."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.fields import (
    Contract,
    Day,
    EmployeeId,
    EventRef,
    GoalId,
    OptionalWords,
    Skill,
    Skills,
    Title,
    Words,
)


class GoalV1(Contract):
    """What a person wants to achieve, and the skills they want to develop."""

    employee: EmployeeId
    """Whose goal it is."""
    goal: GoalId
    """Its id."""
    title: Title
    """The goal in the person's own words."""
    target_skills: Skills = ()
    """Skills they want to develop."""
    due: Day | None = None
    """When they hope to be there."""
    serves: GoalId | None = None
    """The organisation's goal it serves."""
    status: Literal["open", "achieved", "dropped"] = "open"
    """Where it stands."""


class GoalStepV1(Contract):
    """A step toward a goal. Even small steps count."""

    employee: EmployeeId
    """Who took it."""
    goal: GoalId
    """Toward which goal."""
    title: Title
    """What was done."""
    skills: Skills = ()
    """Skills it built."""
    steps_done: Annotated[int, Field(ge=0, le=1000)] | None = None
    """Steps done so far, this one included."""
    steps_total: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Steps planned altogether."""


class SupportRequestV1(Contract):
    """How can we support your growth? Asked for by a person, owned by another, due on a day."""

    employee: EmployeeId
    """Who asks."""
    request: Words
    """What would help."""
    owner: EmployeeId
    """Who has taken it on."""
    due: Day
    """By when."""
    goal: GoalId | None = None
    """The goal it serves."""
    status: Literal["open", "granted", "declined"] = "open"
    """Where it stands."""


class ReflectionV1(Contract):
    """How somebody thinks their work mattered, in their own words. For themselves."""

    employee: EmployeeId
    """Who reflects."""
    question: Title
    """What was asked."""
    answer: Words
    """What they answered."""
    about: EventRef | None = None
    """The event it is about."""


class SelfRatingV1(Contract):
    """How sure somebody feels in a skill, before and after. Never seen by anybody else, never compared."""

    employee: EmployeeId
    """Who rates themselves."""
    skill: Skill
    """Which skill."""
    rating: Annotated[int, Field(ge=1, le=5)]
    """1 (new to it) to 5 (could teach it)."""
    moment: Literal["before", "after"]
    """Before or after the work it belongs to."""
    about: EventRef | None = None
    """The assignment or training it belongs to."""
    note: OptionalWords = ""
    """Their own note."""
