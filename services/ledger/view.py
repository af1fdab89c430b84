"""One entry of a person's history as it is shown, and what another reader than the person may see of it. Pure."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from pydantic import BaseModel, ConfigDict

from services.ledger.domain import (
    BASES,
    BY,
    CELEBRATE,
    KINDS,
    PICTURE,
    SIZES,
    SUBKINDS,
    VISIBILITIES,
)

Kind = Literal["deed", "recognition", "growth", "assignment-noted", "career-picture"]
# What a person writes for themself.
_OWN_NOTES = ("reflection", "self-rating")
_KIND_NAMES = {code: name for name, code in KINDS.items()}
_SORT_NAMES = {code: name for name, code in SUBKINDS.items()}
_BY_NAMES = {code: name for name, code in BY.items()}
_BASIS_NAMES = {code: name for name, code in BASES.items()}
_SIZE_NAMES = {code: name for name, code in SIZES.items()}
_VISIBILITY_NAMES = {code: name for name, code in VISIBILITIES.items()}


class PictureLine(BaseModel):
    """This task teaches this skill, and that leads there."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    skill: str
    """The skill."""
    outcome: str
    """Where it leads."""
    told: str = ""
    """The same, said to the person."""


class Entry(BaseModel):
    """One thing in a person's history. Fields that do not apply, or may not be shown, are absent (null)."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    id: UUID
    """The entry's id; rises with time."""
    kind: Kind
    """What it is."""
    occurred_at: datetime
    """When it happened, UTC."""
    sort: str | None = None
    """Of recognitions: thanks, award …; of growth: training, goal-step …; of assignments: where they stand."""
    by: Literal["person", "rule", "calendar"] | None = None
    """Who recognises: a person, a rule, the calendar."""
    giver: str | None = None
    """Employee id of the person who gives it; absent for a former colleague."""
    giver_name: str | None = None
    """Their name."""
    giver_is_manager: bool = False
    """The giver led the person on that day."""
    title: str | None = None
    """What for, in one line."""
    words: str | None = None
    """The giver's words, untouched; or the deed's description, or the person's own note."""
    impact: str | None = None
    """What it changed."""
    basis: Literal["effort", "result", "both"] | None = None
    """Effort, result, or both."""
    size: Literal["small", "notable", "major"] | None = None
    """Small, notable or major."""
    visibility: Literal["private", "team", "public"] | None = None
    """How widely it may be shown at most."""
    skills: tuple[str, ...] = ()
    """Skills seen at work, or built."""
    goal: str | None = None
    """The goal it served."""
    value: str | None = None
    """The company value it stands for."""
    links: tuple[str, ...] = ()
    """Addresses as given. Not to be followed unseen."""
    lines: tuple[PictureLine, ...] = ()
    """Of a career picture: what the task teaches and where that leads."""
    follow_up: date | None = None
    """Of a career picture: when to look at it again."""
    lead: bool = False
    """Of an assignment: the person takes the lead."""
    stretch: bool = False
    """Of an assignment: it prepares for a larger role."""
    waiting: bool = False
    """Of a deed: nobody has answered it yet."""
    answered_at: datetime | None = None
    """Of a deed: when it was answered."""
    withdrawn: bool = False
    """It was taken back; the words are not shown."""
    erased: bool = False
    """Its words were erased."""
    hidden: bool = False
    """It is for others' eyes than the reader's: only that it came is shown."""
    kept_from_others: bool = False
    """The person shows it to nobody else."""
    disputed: bool = False
    """The person disputes it, and that is not decided yet."""

    @property
    def private(self) -> bool:
        """Between giver and recipient only."""
        return self.kind == "recognition" and self.visibility == "private"


class Celebration(BaseModel):
    """A recognition as it hangs on the wall."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    id: UUID
    """The entry's id; rises with time."""
    employee: str
    """Who is recognised."""
    name: str | None
    """Their name, if the directory knows it."""
    occurred_at: datetime
    """When, UTC."""
    sort: str | None
    """Thanks, achievement, milestone, award …"""
    by: Literal["person", "rule", "calendar"]
    """Who recognises: a person, a rule, the calendar."""
    giver: str | None
    """Employee id of the person who gives it; absent for a former colleague."""
    giver_name: str | None
    """Their name."""
    title: str | None
    """What for, in one line."""
    words: str | None
    """The giver's words, untouched."""
    impact: str | None
    """What it changed."""
    basis: Literal["effort", "result", "both"] | None
    """Effort, result, or both."""
    size: Literal["small", "notable", "major"] | None
    """Small, notable or major."""
    skills: tuple[str, ...]
    """Skills seen at work."""
    goal: str | None
    """The goal it served."""
    value: str | None
    """The company value it stands for."""


def celebration(row: Mapping[str, Any]) -> Celebration:
    """From a row of the query `wall`."""
    named = row["giver_name"] is not None
    return Celebration(
        id=row["id"],
        employee=row["employee"],
        name=row["name"],
        occurred_at=row["occurred_at"],
        sort=_SORT_NAMES.get(row["subkind"]),
        by=_BY_NAMES[row["by"]],
        giver=row["giver"] if named else None,
        giver_name=row["giver_name"],
        title=row["title"],
        words=row["words"] or None,
        impact=row["impact"] or None,
        basis=_BASIS_NAMES.get(row["basis"]),
        size=_SIZE_NAMES.get(row["size"]),
        skills=tuple(row["skills"] or ()),
        goal=row["goal"],
        value=row["value"],
    )


def from_row(row: Mapping[str, Any]) -> Entry:
    """An entry from a row of the query `history`, as the person themself may see it."""
    kept: dict[str, Any] = {
        "id": row["id"],
        "kind": _KIND_NAMES[row["kind"]],
        "occurred_at": row["occurred_at"],
        # A picture's sort is why one might resist the task: that is not for showing.
        "sort": None if row["kind"] == PICTURE else _SORT_NAMES.get(row["subkind"]),
        "by": _BY_NAMES.get(row["by"]),
        "visibility": _VISIBILITY_NAMES.get(row["visibility"]),
        "withdrawn": row["withdrawn"],
        "kept_from_others": row["kept_from_others"],
        "disputed": row["disputed"],
    }
    if row["giver_name"] is not None:
        kept |= {"giver": row["giver"], "giver_name": row["giver_name"]}
    if row["withdrawn"]:
        return Entry(**kept)
    return Entry(
        **kept,
        giver_is_manager=row["giver_is_manager"],
        title=row["title"],
        words=row["words"] or None,
        impact=row["impact"] or None,
        basis=_BASIS_NAMES.get(row["basis"]),
        size=_SIZE_NAMES.get(row["size"]),
        skills=tuple(row["skills"] or ()),
        goal=row["goal"],
        value=row["value"],
        links=tuple(row["links"] or ()),
        lines=tuple(PictureLine(**line) for line in msgspec.json.decode(row["lines"] or "[]")),
        follow_up=row["follow_up"],
        lead=row["lead"],
        stretch=row["stretch"],
        waiting=row["waiting"],
        answered_at=row["answered_at"],
        erased=row["erased"],
    )


def as_lead_sees(entry: Entry, lead: str, circle: int) -> Entry:
    """What a person's lead may see of an entry.

    lead: the reader's employee id; what they wrote themself they may read. circle: the widest that may see the
    person's recognitions (`CELEBRATE`). Own notes and private words are not for the lead; the database keeps them
    back, too, and with a note the line above it.
    """
    if entry.kind == "growth":
        if entry.sort in _OWN_NOTES:
            return _only_that_it_came(entry)
        return entry.model_copy(update={"words": None, "erased": False})
    if entry.giver == lead:
        return entry
    narrow = entry.visibility == "private" or (entry.kind == "recognition" and circle < CELEBRATE["team"])
    return _only_that_it_came(entry) if narrow else entry


def _only_that_it_came(entry: Entry) -> Entry:
    return Entry(
        id=entry.id,
        kind=entry.kind,
        occurred_at=entry.occurred_at,
        by=entry.by,
        visibility=entry.visibility,
        withdrawn=entry.withdrawn,
        hidden=True,
    )
