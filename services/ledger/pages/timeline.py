"""A person's history as the page tells it: months, moments, skills and goals. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from urllib.parse import urlsplit

from services.ledger.view import Entry

_HOST = re.compile(r"[^\s%@<>\"'`^{}|/?#]+")
FORMER_COLLEAGUE = "a former colleague"
_RECOGNITIONS = {
    "thanks": "Thanks",
    "achievement": "Noticed",
    "milestone": "Milestone",
    "help": "Thanks for helping",
    "courage": "Courage",
    "award": "Award",
    "anniversary": "Anniversary",
}
_GROWTH = {
    "training": "Training",
    "goal": "Goal",
    "goal-step": "Step toward a goal",
    "first-skill": "First use of a skill",
    "mentoring": "Mentoring",
    "stretch": "Stretch begun",
    "self-rating": "Self-rating",
    "reflection": "Reflection",
}
_ASSIGNMENTS = {"assigned": "Task taken on", "completed": "Task completed", "dropped": "Task laid down"}
_BASIS = {"effort": "for the effort", "result": "for the result", "both": "for effort and result"}


@dataclass(frozen=True, slots=True)
class Link:
    """An address as given. host: what to show of it if it may be a link, else None."""

    address: str
    host: str | None


@dataclass(frozen=True, slots=True)
class Moment:
    """One entry, in words ready for the page. Everything here is plain text; the template escapes it."""

    id: str
    tone: str
    """`thanks`, `deed`, `growth`, `work` or `picture`: how it is set."""
    heading: str
    at: datetime
    entry: Entry
    giver: str | None = None
    basis: str | None = None
    note: str | None = None
    links: tuple[Link, ...] = ()


@dataclass(slots=True)
class Month:
    """A calendar month of the person's own time zone, newest moment first."""

    name: str
    anchor: str
    moments: list[Moment] = field(default_factory=list)


@dataclass(slots=True)
class Goal:
    """A goal and what moved it, oldest first."""

    name: str
    steps: list[Moment] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Timeline:
    """What the page shows. skills: `(name, how many moments show it)`, most seen first."""

    months: list[Month]
    skills: list[tuple[str, int]]
    goals: list[Goal]
    thanks: int
    deeds: int
    growth: int


def build(entries: Sequence[Entry], zone: tzinfo) -> Timeline:
    """Arrange entries (newest first) for the page. zone: the person's, for days and months."""
    moments = [_moment(entry, zone) for entry in _without_echoes(entries)]
    standing = [moment for moment in moments if not moment.entry.withdrawn]
    return Timeline(
        months=_months(moments),
        skills=_skills(standing),
        goals=_goals(standing),
        thanks=sum(1 for entry in entries if entry.kind == "recognition" and not entry.withdrawn),
        deeds=sum(1 for moment in standing if moment.tone == "deed"),
        growth=sum(1 for moment in standing if moment.tone == "growth"),
    )


def _without_echoes(entries: Sequence[Entry]) -> list[Entry]:
    """Leave out recognitions by rule that say of a deed beside them, at the same moment, only what it was."""
    told = {(e.occurred_at, e.title) for e in entries if e.kind == "deed" and not e.withdrawn}
    return [
        entry
        for entry in entries
        if not (
            entry.by == "rule" and entry.sort == "achievement" and (entry.occurred_at, entry.title) in told
        )
    ]


def link(address: str) -> Link:
    """Only http and https addresses with a host, and without a login hidden before it, may be links.

    The host shown must be the one a browser goes to. Browsers read a backslash as a slash and drop or trim white space
    and control characters, which this parser does not: an address with any of them is text.
    """
    try:
        parts = urlsplit(address)
        host = parts.hostname if parts.scheme in ("http", "https") and parts.username is None else None
    except ValueError:
        host = None
    if "\\" in address or " " in address or not address.isprintable() or not _HOST.fullmatch(host or ""):
        host = None
    return Link(address, host)


def named(slug: str) -> str:
    """A slug as words: `public-speaking` → `public speaking`."""
    return slug.replace("-", " ").replace("_", " ")


def _moment(entry: Entry, zone: tzinfo) -> Moment:
    tone, heading, note = _telling(entry)
    giver = None
    if entry.kind == "recognition" and entry.by == "person":
        giver = entry.giver_name or FORMER_COLLEAGUE
    return Moment(
        id=str(entry.id),
        tone=tone,
        heading=heading,
        at=entry.occurred_at.astimezone(zone),
        entry=entry,
        giver=giver,
        basis=_BASIS.get(entry.basis or "") if entry.kind in ("recognition", "deed") else None,
        note=note,
        links=tuple(link(address) for address in entry.links),
    )


def _telling(entry: Entry) -> tuple[str, str, str | None]:
    """Tone, heading and a short note for an entry."""
    sort = entry.sort or ""
    if entry.kind == "recognition":
        heading = _RECOGNITIONS.get(sort, "Recognition")
        return "thanks", heading, "your lead" if entry.giver_is_manager else None
    if entry.kind == "deed":
        return "deed", "What you did", None
    if entry.kind == "growth":
        return "growth", _GROWTH.get(sort, "Growth"), None
    if entry.kind == "assignment-noted":
        roles = [
            text
            for true, text in ((entry.lead, "in the lead"), (entry.stretch, "outside the comfort zone"))
            if true
        ]
        return "work", _ASSIGNMENTS.get(sort, "Task"), ", ".join(roles) or None
    return "picture", "Career picture", "what this task leads to"


def _months(moments: Iterable[Moment]) -> list[Month]:
    months: list[Month] = []
    for moment in moments:
        anchor = f"{moment.at:%Y-%m}"
        if not months or months[-1].anchor != anchor:
            months.append(Month(f"{moment.at:%B %Y}", anchor))
        months[-1].moments.append(moment)
    return months


def _skills(moments: Iterable[Moment]) -> list[tuple[str, int]]:
    seen: dict[str, int] = {}
    for moment in moments:
        for skill in moment.entry.skills:
            seen[skill] = seen.get(skill, 0) + 1
    return [(named(skill), count) for skill, count in sorted(seen.items(), key=lambda s: (-s[1], s[0]))]


def _goals(moments: Sequence[Moment]) -> list[Goal]:
    goals: dict[str, Goal] = {}
    for moment in reversed(moments):
        if moment.entry.goal and moment.tone in ("growth", "work"):
            goals.setdefault(moment.entry.goal, Goal(named(moment.entry.goal))).steps.append(moment)
    return list(reversed(goals.values()))
