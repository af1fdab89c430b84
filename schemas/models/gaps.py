"""Events of `recognition.gaps.v1`: where recognition is missing, for those who can act."""

from typing import Literal

from schemas.fields import Contract, EmployeeId, EntryId, Moment, Size, TeamId, Title

_Metric = Literal[
    "days-since-last",
    "coverage-7d",
    "coverage-30d",
    "never-recognised",
    "manager-coverage",
    "effort-mix",
    "growth",
    "purpose",
    "ownership",
    "notice-ratio",
]


class GapOpenedV1(Contract):
    """A gap has opened in a team, or for one person of it (for the lead's eyes only)."""

    team: TeamId
    """The team, and the key of the record."""
    gap: EntryId
    """Id of this gap; its end names the same."""
    metric: _Metric
    """What is missing."""
    employee: EmployeeId | None = None
    """The person, when the gap is one person's."""
    lead: EmployeeId | None = None
    """Who can act."""
    evidence: Title
    """What was seen, in one line, without a score."""


class GapClosedV1(Contract):
    """A gap has closed."""

    team: TeamId
    """The team, and the key of the record."""
    gap: EntryId
    """The gap that closed."""
    metric: _Metric
    """What was missing."""


class UnnoticedDeedV1(Contract):
    """A deed nobody answered within seven days, or, with `answered`, its late answer."""

    team: TeamId
    """The team, and the key of the record."""
    deed: EntryId
    """The deed."""
    employee: EmployeeId
    """Whose deed it is."""
    lead: EmployeeId | None = None
    """Who can thank them."""
    title: Title
    """What was done."""
    done_at: Moment
    """When."""
    answered: bool = False
    """True withdraws the earlier event: somebody has answered."""
    size: Size = "notable"
    """Size of the deed."""
