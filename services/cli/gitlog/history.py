"""Reads a whole history once, then gives its events: people first, the rest in order of time."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from services.cli.errors import CliError
from services.cli.gitlog.commit import Commit
from services.cli.gitlog.contributors import Contributors, is_robot
from services.cli.gitlog.events import Firsts, commit_events, person_event
from services.cli.gitlog.log import Repository
from services.cli.gitlog.spool import Spool
from services.cli.gitlog.teams import Overrides, Teams, form_teams
from services.cli.gitlog.text import slug
from services.kit.cloudevents import TIME_EARLIEST, Event


@dataclass(frozen=True, slots=True)
class Selection:
    """Which contributions are sent: from `since` on (original time, UTC), and the newest `newest_max` of them."""

    since: datetime | None = None
    newest_max: int | None = None


class History:
    """A history that has been read; a context manager that lets its temporary file go."""

    def __init__(
        self,
        *,
        spool: Spool,
        people: Contributors,
        teams: Teams,
        source: str,
        shift: timedelta,
        skipped: Counter[str],
    ) -> None:
        self.source = source
        self.commits_read = len(spool) + skipped.total()
        self.skipped = dict(+skipped)
        """Why → commits that become no event: `robot`, `nameless`, `time` (before 2000, or ahead of now)."""
        self.shifted_days = shift.days
        self._spool = spool
        self._people = people
        self._teams = teams
        self._shift = shift
        self._first_sent = 0

    def select(self, selection: Selection) -> None:
        """Send only some of the contributions; the directory stays whole."""
        chosen = self._spool.count_since(selection.since.timestamp()) if selection.since else len(self._spool)
        if selection.newest_max is not None:
            chosen = min(chosen, selection.newest_max)
        self._first_sent = len(self._spool) - chosen

    def events(self) -> Iterator[Event]:
        """People, then achievements, firsts and thank-you notes in order of time."""
        newest = datetime.fromtimestamp(self._spool.newest_at(), UTC) + self._shift
        for id_ in self._people.ids():
            yield person_event(
                id_, self._people[id_], self._teams, shift=self._shift, source=self.source, newest=newest
            )
        firsts = Firsts()
        for number, commit in enumerate(self._spool):
            author = self._people.author_of(commit)
            assert author is not None, "only people's commits are kept"
            first = firsts.take(author, commit.areas)
            if number >= self._first_sent:
                yield from commit_events(commit, self._people, first, shift=self._shift, source=self.source)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._spool.close()


def read_history(
    path: Path,
    *,
    now: datetime,
    shift_to_now: bool = False,
    overrides: Overrides | None = None,
    selection: Selection | None = None,
    name: str | None = None,
    on_commit: Callable[[], None] = lambda: None,
) -> History:
    """Read the repository at `path`. now: UTC; later commits are skipped.

    shift_to_now: all times move by one whole number of days, so that the newest contribution lies within the 24
    hours before `now`; hours of the day stay as they were.
    Raises CliError NOT_A_REPOSITORY, GIT_EMPTY, GIT_MISSING, GIT_FAILED, NO_PEOPLE, LEADS_BAD.
    """
    repository = Repository(path)
    title = slug(name) if name else repository.name()
    people = Contributors(salt=repository.oldest_root())
    spool = Spool()
    try:
        skipped = _read(_counted(repository.commits(root_area=title), on_commit), people, spool, now)
        shift = _shift(spool, now) if shift_to_now and len(spool) else timedelta()
        skipped["time"] += spool.drop_before(int((TIME_EARLIEST - shift).timestamp()))
        if not len(spool):
            raise CliError("NO_PEOPLE", f"{path}: no contribution by a person in {skipped.total():,} commits")
        _add_credits(repository, people, spool)
        teams = form_teams(people, title, overrides or Overrides())
    except BaseException:
        spool.close()
        raise
    history = History(
        spool=spool, people=people, teams=teams, source=f"urn:git:{title}", shift=shift, skipped=skipped
    )
    if selection is not None:
        history.select(selection)
    return history


def _read(commits: Iterator[Commit], people: Contributors, spool: Spool, now: datetime) -> Counter[str]:
    """Keep people's commits and what adds up from them; return why others were skipped, and how many."""
    skipped: Counter[str] = Counter()
    for commit in commits:
        if is_robot(commit.author):
            skipped["robot"] += 1
        elif people.author_of(commit) is None:
            skipped["nameless"] += 1
        elif not 0 <= commit.at <= now.timestamp():
            skipped["time"] += 1
        else:
            people.add_work(commit)
            spool.append(commit)
    return skipped


def _counted(commits: Iterator[Commit], on_commit: Callable[[], None]) -> Iterator[Commit]:
    for commit in commits:
        on_commit()
        yield commit


def _add_credits(repository: Repository, people: Contributors, spool: Spool) -> None:
    contacts = list(dict.fromkeys(credit.to for commit in spool for credit in commit.credits))
    people.set_mailmap(dict(zip(contacts, repository.apply_mailmap(contacts), strict=True)))
    for commit in spool:
        people.add_credits(commit)


def _shift(spool: Spool, now: datetime) -> timedelta:
    """The most whole days that keep the newest contribution from lying ahead of `now`."""
    return timedelta(days=(now - datetime.fromtimestamp(spool.newest_at(), UTC)).days)
