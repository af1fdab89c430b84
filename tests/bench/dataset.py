"""A data set of contributions and credits → CloudEvents: people, achievements, thank-you notes, firsts.

Expected in a folder: `*.people.jsonl.gz` (id, name, team, manager, since, last_seen, timezone) and
`*.activity.jsonl.gz` in order of time (seq, at, author, accepted_by, added, removed, files, areas, credits[how, to]).
"""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from schemas.fields import EventRef, Size
from schemas.models.achievements import AchievementV1
from schemas.models.milestones import MilestoneV1
from schemas.models.people import ManagerPeriod, PersonV1, StatusPeriod, TeamPeriod
from schemas.models.thank_you_notes import ThankYouNoteV1
from services.cli.compose import compose
from services.kit.cloudevents import Event

SOURCE = "urn:dataset"
# Size by lines and files, as `waystone emit git` judges commits.
_MAJOR_LINES, _MAJOR_FILES, _NOTABLE_LINES, _NOTABLE_FILES = 400, 25, 80, 8
_LEFT_AFTER = timedelta(days=365)


def events(folder: Path) -> Iterator[Event]:
    """People first, then everything in order of time. Raises FileNotFoundError when a file is missing."""
    people = list(_lines(folder, "people"))
    newest = max(date.fromisoformat(person["last_seen"]) for person in people)
    for person in people:
        yield _person(person, newest)
    known: set[str] = set()
    areas_of: dict[str, set[str]] = {}
    for contribution in _lines(folder, "activity"):
        yield from _contribution(contribution, known, areas_of)


def _lines(folder: Path, kind: str) -> Iterator[dict[str, Any]]:
    paths = sorted(folder.glob(f"*.{kind}.jsonl.gz"))
    if not paths:
        raise FileNotFoundError(f"{folder} has no *.{kind}.jsonl.gz")
    for path in paths:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)


def _person(person: dict[str, Any], newest: date) -> Event:
    since, last_seen = date.fromisoformat(person["since"]), date.fromisoformat(person["last_seen"])
    statuses = [StatusPeriod(since=since, status="active")]
    if newest - last_seen > _LEFT_AFTER:
        statuses.append(StatusPeriod(since=last_seen + timedelta(days=1), status="left"))
    manager = person["manager"] if person["manager"] != person["id"] else None
    body = PersonV1(
        employee=person["id"],
        name=person["name"],
        email=f"{person['id']}@example.invalid",
        teams=(TeamPeriod(since=since, team=person["team"]),),
        managers=(ManagerPeriod(since=since, manager=manager),) if manager else (),
        statuses=tuple(statuses),
        timezone=person["timezone"],
    )
    at = datetime.combine(since, time(), UTC)
    return compose("person", body, id_=f"person-{person['id']}", source=SOURCE, time=at)


def _contribution(
    contribution: dict[str, Any], known: set[str], areas_of: dict[str, set[str]]
) -> Iterator[Event]:
    author, seq, areas = contribution["author"], contribution["seq"], tuple(contribution["areas"])
    at = datetime.fromisoformat(contribution["at"])
    about = EventRef(source=SOURCE, id=f"contribution-{seq}")
    accepted_by = contribution["accepted_by"]
    body = AchievementV1(
        employee=author,
        title=f"Contribution {seq} to {' and '.join(areas) or 'the project'}",
        basis="both",
        size=_size(contribution),
        skills=areas,
        accepted_by=accepted_by if accepted_by != author else None,
    )
    yield compose("achievement", body, id_=about.id, source=SOURCE, time=at)
    hows: dict[str, list[str]] = {}
    for credit in contribution["credits"]:
        if credit["to"] != author:
            hows.setdefault(credit["to"], []).append(credit["how"])
    for to, how in hows.items():
        note = ThankYouNoteV1(
            giver=author,
            to=(to,),
            deed=f"Thank you: {', '.join(how)}, in contribution {seq}.",
            visibility="team",
        )
        yield compose("thank-you-note", note, id_=f"credit-{seq}-{to}", source=SOURCE, time=at)
    yield from _firsts(author, areas, seq, at, known, areas_of)


def _firsts(
    author: str,
    areas: tuple[str, ...],
    seq: int,
    at: datetime,
    known: set[str],
    areas_of: dict[str, set[str]],
) -> Iterator[Event]:
    mine = areas_of.setdefault(author, set())
    fresh = [area for area in areas if area not in mine]
    title = "First contribution" if author not in known else f"First contribution to {' and '.join(fresh)}"
    if author not in known or fresh:
        body = MilestoneV1(employee=author, kind="first", title=title, skills=areas)
        yield compose("milestone", body, id_=f"first-{seq}", source=SOURCE, time=at)
    known.add(author)
    mine.update(areas)


def _size(contribution: dict[str, Any]) -> Size:
    lines, files = contribution["added"] + contribution["removed"], contribution["files"]
    if lines >= _MAJOR_LINES or files >= _MAJOR_FILES:
        return "major"
    return "notable" if lines >= _NOTABLE_LINES or files >= _NOTABLE_FILES else "small"
