"""Events of `recognition.thank-you-notes.v1`: thanks in somebody's own words."""

from typing import Annotated

from pydantic import Field

from schemas.fields import (
    Basis,
    Contract,
    EmployeeId,
    EventRef,
    GoalId,
    OptionalWords,
    Skills,
    Tag,
    Visibility,
    Words,
)


class ThankYouNoteV1(Contract):
    """One person thanks one or several others. The words reach them untouched."""

    giver: EmployeeId = Field(alias="from")
    """Who says thank you."""
    to: Annotated[tuple[EmployeeId, ...], Field(min_length=1, max_length=50)]
    """Who is thanked; one recognition each."""
    deed: Words
    """What they did, in the writer's own words. Never rewritten."""
    impact: OptionalWords = ""
    """What it changed for the writer or the team."""
    about: EventRef | None = None
    """The achievement this answers, if there is one."""
    basis: Basis = "both"
    """Whether the thanks are for the effort, the result, or both."""
    skills: Skills = ()
    """Strengths the writer saw at work."""
    value: Tag | None = None
    """The company value it stands for."""
    goal: GoalId | None = None
    """The goal it served."""
    visibility: Visibility = "private"
    """Private unless both sides want otherwise."""
