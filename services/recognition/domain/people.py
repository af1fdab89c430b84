"""What is known of a person: the directory's record, their wishes about visibility, the skills they have used."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal, TypeVar

from schemas.fields import Visibility
from schemas.models.people import PersonV1
from schemas.models.preferences import PreferencesV1

Celebrate = Literal["public", "team", "private", "not-at-all"]
Version = tuple[datetime, str]
"""When a record was true, and its event's id: of two records the greater is the newer."""

S = TypeVar("S")

FORMERLY_MAX = 20
SKILLS_MAX = 1_000
"""Skills remembered of one person; a further one is not noticed as new."""

_NARROWEST_FIRST = ("not-at-all", "private", "team", "public")
_CELEBRATE_DEFAULT: Celebrate = "team"


@dataclass(frozen=True, slots=True)
class Person:
    """One employee. Without a directory record they are unknown, and what is meant for them is parked."""

    employee: str
    known: bool = False
    erased: bool = False
    given_erased: bool = False
    """The words they gave are erased, too."""
    formers: tuple[str, ...] = ()
    """Every id they were ever said to have had before. Kept beyond an erasure: those ids are erased with this one."""
    version: Version | None = None
    """Of the newest directory record seen, or of its removal."""
    statuses: tuple[tuple[date, str], ...] = ()
    """First day and status, rising."""
    managers: tuple[tuple[date, str | None], ...] = ()
    """First day and manager, rising."""
    formerly: frozenset[str] = frozenset()
    """Other ids of the same person, merged into this one."""
    celebrate: Celebrate = _CELEBRATE_DEFAULT
    wishes_version: Version | None = None
    skills: frozenset[str] = frozenset()
    waiting: int = 0
    """Parked parts that wait for this person's directory record."""

    @property
    def started_on(self) -> date | None:
        """First day of the first `active` status."""
        return next((since for since, status in self.statuses if status == "active"), None)

    def left_before(self, day: date) -> bool:
        """Had they left by the day before? The last day itself still counts."""
        period = _current(self.statuses, day)
        return period is not None and period[1] == "left" and period[0] < day

    def is_led_by(self, giver: str, day: date) -> bool:
        """Was `giver` their manager on that day?"""
        period = _current(self.managers, day)
        return period is not None and period[1] == giver

    def narrowed(self, wished: Visibility) -> Visibility:
        """The sender's wish, at most as wide as the person's own. Whoever shows it checks again by then."""
        own: Visibility = "private" if self.celebrate == "not-at-all" else self.celebrate
        return min(wished, own, key=_NARROWEST_FIRST.index)

    def described(self, body: PersonV1, version: Version) -> "Person":
        """With a newer directory record; an older one changes nothing."""
        if not _is_newer(version, self.version):
            return self
        return replace(
            self,
            known=True,
            version=version,
            statuses=tuple((p.since, p.status) for p in body.statuses),
            managers=tuple((p.since, p.manager) for p in body.managers),
            formerly=frozenset(body.formerly),
            formers=self.known_as(body.formerly),
        )

    def undescribed(self, version: Version) -> "Person":
        """The directory took the record away."""
        if not _is_newer(version, self.version):
            return self
        return replace(self, known=False, version=version, statuses=(), managers=(), formerly=frozenset())

    def wishing(self, body: PreferencesV1, version: Version) -> "Person":
        """With newer wishes; on a tie the more private ones."""
        more_private = _NARROWEST_FIRST.index(body.celebrate) < _NARROWEST_FIRST.index(self.celebrate)
        if not _is_newer(version, self.wishes_version) and not (
            version == self.wishes_version and more_private
        ):
            return self
        return replace(self, celebrate=body.celebrate, wishes_version=version)

    def unwishing(self, version: Version) -> "Person":
        """Their wishes were taken away: the default holds again."""
        if not _is_newer(version, self.wishes_version):
            return self
        return replace(self, celebrate=_CELEBRATE_DEFAULT, wishes_version=version)

    def forgotten(self, *, given: bool) -> "Person":
        """After an erasure nothing is left but that it happened, how far it reached, and the ids it reaches to."""
        return Person(
            self.employee,
            erased=True,
            given_erased=self.given_erased or given,
            formers=self.formers,
            waiting=self.waiting,
        )

    def erased_as_far(self, *, given: bool) -> bool:
        """Would an erasure of this scope change nothing?"""
        return self.erased and (self.given_erased or not given)

    def known_as(self, formerly: Iterable[str]) -> tuple[str, ...]:
        """Every id they are known to have had before, those of `formerly` included; at most FORMERLY_MAX."""
        ids = dict.fromkeys((*self.formers, *formerly))
        return tuple(id_ for id_ in ids if id_ != self.employee)[:FORMERLY_MAX]

    def new_skills(self, skills: tuple[str, ...]) -> tuple[str, ...]:
        """Those of `skills` they were never seen to use, each once, in the order given."""
        fresh = [skill for skill in dict.fromkeys(skills) if skill not in self.skills]
        return tuple(fresh[: max(SKILLS_MAX - len(self.skills), 0)])


def _current(periods: tuple[tuple[date, S], ...], day: date) -> tuple[date, S] | None:
    begun = [period for period in periods if period[0] <= day]
    return begun[-1] if begun else None


def _is_newer(version: Version, than: Version | None) -> bool:
    return than is None or version > than
