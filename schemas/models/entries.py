"""Events of `recognition.entries.v1`: one ordered log per employee of what recognition decided."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.fields import (
    NO_NUL,
    Basis,
    Contract,
    Day,
    EmployeeId,
    EntryId,
    EventRef,
    GoalId,
    Links,
    OptionalWords,
    Size,
    Skill,
    Skills,
    Tag,
    Title,
    Visibility,
)

_Grant = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL)]


class DeedV1(Contract):
    """What somebody did, kept in their history, waiting for an answer; by itself announced to nobody."""

    employee: EmployeeId
    """Who did it, and the key of the record."""
    cause: EventRef
    """The achievement it came from; thanks name it by this."""
    title: Title
    """What it was."""
    description: OptionalWords = ""
    """What was done."""
    basis: Basis
    """Effort, result, or both."""
    size: Size
    """Small, notable or major."""
    skills: Skills = ()
    """Skills used."""
    goal: GoalId | None = None
    """The goal it served."""
    value: Tag | None = None
    """The company value it stands for."""
    links: Links = ()
    """Where to look at it."""
    helped_by: Annotated[tuple[EmployeeId, ...], Field(max_length=20)] = ()
    """Who helped."""
    accepted_by: EmployeeId | None = None
    """Who accepted it; another person's acceptance answers the deed."""
    visibility: Visibility = "team"
    """How widely the sender would show it."""


class RecognitionV1(Contract):
    """What somebody is told."""

    employee: EmployeeId
    """Who is recognised, and the key of the record."""
    cause: EventRef
    """The event it came from."""
    by: Literal["person", "rule", "calendar"]
    """Only `person` counts as received in the gap metrics."""
    kind: Literal["thanks", "achievement", "milestone", "help", "courage", "award", "anniversary"]
    """What sort of recognition."""
    giver: EmployeeId | None = None
    """Who gives it, when `by` is `person`."""
    giver_is_manager: bool = False
    """The giver led the recipient on the day of the cause."""
    title: Title
    """What for, in one line."""
    words: OptionalWords = ""
    """The giver's words, untouched, or the deed's description."""
    impact: OptionalWords = ""
    """What it changed."""
    basis: Basis = "both"
    """Effort, result, or both."""
    size: Size = "notable"
    """Small, notable or major."""
    skills: Skills = ()
    """Skills seen at work."""
    goal: GoalId | None = None
    """The goal it served."""
    value: Tag | None = None
    """The company value it stands for."""
    answers: EventRef | None = None
    """The achievement whose deed this answers."""
    visibility: Visibility = "private"
    """How widely it may be shown at most."""
    grant: _Grant | None = None
    """For awards: rule, window or tier, and which one; unique per person."""


class RecognitionWithdrawnV1(Contract):
    """A deed or recognition no longer counts. The entry it names stays, marked."""

    employee: EmployeeId
    """Whose entry it is, and the key of the record."""
    cause: EventRef
    """The withdrawal it came from."""
    withdraws: EntryId
    """The entry taken back."""
    withdraws_kind: Literal["deed", "recognition", "growth", "assignment-noted", "career-picture"]
    """What sort of entry that is."""
    reason: OptionalWords = ""
    """Why."""


class GrowthV1(Contract):
    """A step of growth: training, a goal's step, the first use of a skill, mentoring, a stretch begun."""

    employee: EmployeeId
    """Who grew, and the key of the record."""
    cause: EventRef
    """The event it came from."""
    kind: Literal[
        "training", "goal", "goal-step", "first-skill", "mentoring", "stretch", "self-rating", "reflection"
    ]
    """What sort of growth."""
    title: Title
    """What it was."""
    note: OptionalWords = ""
    """The person's own note, for themselves."""
    skills: Skills = ()
    """Skills it built."""
    goal: GoalId | None = None
    """The goal it served."""


class AssignmentNotedV1(Contract):
    """A task somebody took on, finished or dropped."""

    employee: EmployeeId
    """Who, and the key of the record."""
    cause: EventRef
    """The assignment it came from."""
    title: Title
    """The task."""
    status: Literal["assigned", "completed", "dropped"]
    """Where it stands."""
    lead: bool = False
    """The person takes the lead."""
    stretch: bool = False
    """It prepares for a larger role."""
    skills: Skills = ()
    """Skills it needs or teaches."""
    goal: GoalId | None = None
    """The goal it serves."""


class PictureLine(Contract):
    """This task teaches this skill, and that leads there."""

    skill: Skill
    """The skill."""
    outcome: Title
    """Where it leads."""
    told: OptionalWords = ""
    """The same as one would say it to the person."""


class CareerPictureV1(Contract):
    """The picture painted before the work: this task, this skill, that future."""

    employee: EmployeeId
    """For whom, and the key of the record."""
    cause: EventRef
    """The assignment it came from."""
    title: Title
    """The task."""
    lines: Annotated[tuple[PictureLine, ...], Field(min_length=1, max_length=10)]
    """What it teaches and where that leads."""
    reluctance: Literal["dont-know-how", "dont-like-it", "dont-see-the-use"] | None = None
    """Why one might resist it."""
    follow_up: Day | None = None
    """When to look at it again."""
