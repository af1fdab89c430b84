"""One commit, or one person, → the events it stands for."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from schemas.fields import EventRef
from schemas.models.achievements import AchievementV1
from schemas.models.milestones import MilestoneV1
from schemas.models.people import ManagerPeriod, PersonV1, StatusPeriod, TeamPeriod
from schemas.models.thank_you_notes import ThankYouNoteV1
from services.cli.compose import compose
from services.cli.gitlog import wording
from services.cli.gitlog.commit import Commit
from services.cli.gitlog.contributors import Contributor, Contributors
from services.cli.gitlog.judge import basis_of, size_of
from services.cli.gitlog.teams import Teams
from services.cli.gitlog.text import one_line
from services.kit.cloudevents import Event

GONE_AFTER = timedelta(days=365)
"""Who has not been seen for so long before the newest contribution counts as having left then."""


class Firsts:
    """Remembers who has been where; memory grows with people times areas."""

    def __init__(self) -> None:
        self._seen: dict[str, set[str]] = {}

    def take(self, author: str, areas: tuple[str, ...]) -> tuple[bool, tuple[str, ...]]:
        """Whether this is the author's first contribution, and the areas they had never worked in."""
        known = self._seen.get(author)
        fresh = tuple(area for area in areas if known is None or area not in known)
        self._seen.setdefault(author, set()).update(areas)
        return known is None, fresh


def person_event(
    id_: str, person: Contributor, teams: Teams, *, shift: timedelta, source: str, newest: datetime
) -> Event:
    """The directory's record of one person as of `newest`, the time of the newest contribution (shifted)."""
    since = _time(person.first_at, shift).date()
    statuses = [StatusPeriod(since=since, status="active")]
    gone = _time(person.last_at, shift) + GONE_AFTER
    if gone < newest:
        statuses.append(StatusPeriod(since=gone.date(), status="left"))
    manager = teams.manager_of(id_)
    body = PersonV1(
        employee=id_,
        name=one_line(person.name, id_),
        email=f"{id_}@example.invalid",
        teams=(TeamPeriod(since=since, team=teams.team[id_]),),
        managers=(ManagerPeriod(since=since, manager=manager),) if manager else (),
        statuses=tuple(statuses),
    )
    # A changed record is another event; the same record sent again is the same one.
    digest = hashlib.sha256(f"{newest.isoformat()} {body.model_dump_json()}".encode()).hexdigest()
    return compose("person", body, id_=f"person/{id_}/{digest[:16]}", source=source, time=newest)


def commit_events(
    commit: Commit,
    people: Contributors,
    firsts: tuple[bool, tuple[str, ...]],
    *,
    shift: timedelta,
    source: str,
) -> Iterator[Event]:
    """The achievement, what it was a first of, and the thanks in its trailers; the author must be a person."""
    author = people.author_of(commit)
    assert author is not None, "a robot's commit is no achievement"
    time = _time(commit.at, shift)
    title = one_line(commit.subject, f"A contribution to {' and '.join(commit.areas) or 'the project'}")
    credited = people.credited_in(commit)
    achievement = AchievementV1(
        employee=author,
        title=title,
        basis=basis_of(commit),
        size=size_of(commit),
        skills=commit.areas,
        helped_by=tuple(id_ for id_, hows in credited.items() if "co-authored" in hows)[:20],
        accepted_by=people.acceptor_of(commit),
    )
    yield compose("achievement", achievement, id_=commit.hash, source=source, time=time)
    for id_, milestone in _milestones(commit, author, firsts, source):
        yield compose("milestone", milestone, id_=id_, source=source, time=time)
    for id_, hows in credited.items():
        note = ThankYouNoteV1(
            giver=author,
            to=(id_,),
            deed=wording.note(hows, title, int(commit.hash[:8], 16)),
            about=EventRef(source=source, id=commit.hash),
            basis=wording.basis(hows),
            skills=wording.skills(hows, commit.areas),
            visibility="team",
        )
        yield compose("thank-you-note", note, id_=f"{commit.hash}/thanks/{id_}", source=source, time=time)


def _milestones(
    commit: Commit, author: str, firsts: tuple[bool, tuple[str, ...]], source: str
) -> Iterator[tuple[str, MilestoneV1]]:
    first, areas = firsts
    if first:
        title = f"First contribution to {source.rpartition(':')[2]}"
        yield (
            f"{commit.hash}/first",
            MilestoneV1(employee=author, kind="first", title=title, skills=commit.areas),
        )
        return
    for area in areas:
        title = f"First contribution in {area}"
        yield (
            f"{commit.hash}/first/{area}",
            MilestoneV1(employee=author, kind="first", title=title, skills=(area,)),
        )


def _time(at: int, shift: timedelta) -> datetime:
    return datetime.fromtimestamp(at, UTC) + shift
