"""What a history is made of, and what follows from it: the fold that standing, days and deeds must equal. Pure.

Codes are those of the tables (see sql/migrations/0001_history.sql). They never change their meaning.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, NamedTuple

DEED, RECOGNITION, WITHDRAWN, GROWTH, ASSIGNMENT, PICTURE = 1, 2, 3, 4, 5, 6
KINDS: Mapping[str, int] = {
    "deed": DEED, "recognition": RECOGNITION, "recognition-withdrawn": WITHDRAWN,
    "growth": GROWTH, "assignment-noted": ASSIGNMENT, "career-picture": PICTURE,
}  # fmt: skip
# The tens are the kind: what sort of recognition, what was withdrawn, what sort of growth, where an assignment
# stands, why one might resist the task of a picture. No name occurs twice.
SUBKINDS: Mapping[str, int] = {
    "thanks": 21, "achievement": 22, "milestone": 23, "help": 24, "courage": 25, "award": 26, "anniversary": 27,
    "deed": 31, "recognition": 32, "growth": 34, "assignment-noted": 35, "career-picture": 36,
    "training": 41, "goal": 42, "goal-step": 43, "first-skill": 44,
    "mentoring": 45, "stretch": 46, "self-rating": 47, "reflection": 48,
    "assigned": 51, "completed": 52, "dropped": 53,
    "dont-know-how": 61, "dont-like-it": 62, "dont-see-the-use": 63,
}  # fmt: skip
BY_PERSON, BY_RULE, BY_CALENDAR = 1, 2, 3
BY: Mapping[str, int] = {"person": BY_PERSON, "rule": BY_RULE, "calendar": BY_CALENDAR}
EFFORT, RESULT, BOTH = 1, 2, 3
BASES: Mapping[str, int] = {"effort": EFFORT, "result": RESULT, "both": BOTH}
SIZES: Mapping[str, int] = {"small": 1, "notable": 2, "major": 3}
VISIBILITIES: Mapping[str, int] = {"private": 1, "team": 2, "public": 3}
CELEBRATE: Mapping[str, int] = {"not-at-all": 0, "private": 1, "team": 2, "public": 3}
ERASURE_SCOPES: Mapping[str, int] = {"received": 1, "given": 2}

# Training, a goal's step, the first use of a skill, mentoring, a stretch begun.
_GROWTH_EVENTS = frozenset({41, 43, 44, 45, 46})
_DROPPED = 53


class Entry(NamedTuple):
    """One row of `entry`, in the order of its columns. Ids are UUIDs in text, lower case; times are UTC, whole ms."""

    occurred_at: datetime
    log_offset: int
    log_partition: int
    follow_up: date | None
    kind: int
    subkind: int | None
    by: int | None
    basis: int | None
    size: int | None
    visibility: int | None
    giver_is_manager: bool
    lead: bool
    stretch: bool
    id: str
    employee: str
    cause_source: str
    cause_id: str
    digest: bytes
    giver: str | None
    accepted_by: str | None
    goal: str | None
    value: str | None
    answers_source: str | None
    answers_id: str | None
    award_grant: str | None
    withdraws: str | None
    skills: tuple[str, ...] | None
    helped_by: tuple[str, ...] | None


class Words(NamedTuple):
    """The free text of an entry: a row of `words` but for its salt. `lines` is JSON."""

    occurred_at: datetime
    entry_id: str
    employee: str
    title: str | None
    words: str | None
    impact: str | None
    links: tuple[str, ...] | None
    lines: str | None


class Noted(NamedTuple):
    """An entry with its words, as one event brings them."""

    entry: Entry
    words: Words


class Person(NamedTuple):
    """One row of `person`: a whole directory record. Periods are parallel tuples in rising order of `since`."""

    employee: str
    occurred_at: datetime
    event_id: str
    digest: bytes
    name: str
    timezone: str
    language: str
    formerly: tuple[str, ...]
    team_since: tuple[date, ...]
    team: tuple[str, ...]
    manager_since: tuple[date, ...]
    manager: tuple[str, ...]
    status_since: tuple[date, ...]
    status: tuple[str, ...]


class Preference(NamedTuple):
    """One row of `preference`: how widely a person's recognitions may be shown."""

    employee: str
    occurred_at: datetime
    event_id: str
    celebrate: int


class Removal(NamedTuple):
    """A directory record, or wishes, taken away at `occurred_at`: what is older does not come back."""

    employee: str
    occurred_at: datetime
    of: Literal["person", "preference"]


class Erasure(NamedTuple):
    """Somebody's wish to be forgotten. scope: 1 the words they received, 2 those given, too. source, id: its event."""

    employee: str
    occurred_at: datetime
    scope: int
    source: str
    id: str


class Report(NamedTuple):
    """A service's word that it has carried an erasure out: a row of `erasure_report`. gone: JSON, what → how many."""

    employee: str
    service: str
    erasure_source: str
    erasure_id: str
    scope: int
    finished_at: datetime
    gone: str
    formerly: tuple[str, ...]
    kafka_until: date
    backups_until: date


Decoded = Noted | Person | Preference | Removal | Erasure | Report
"""What a record of one of the ledger's topics brings."""


@dataclass(slots=True)
class Standing:
    """Where a person stands: when they last received, gave, grew …, and how often. See the table."""

    last_received_at: datetime | None = None
    last_from_manager_at: datetime | None = None
    last_from_peer_at: datetime | None = None
    last_given_at: datetime | None = None
    last_growth_at: datetime | None = None
    last_purpose_at: datetime | None = None
    last_lead_at: datetime | None = None
    last_deed_at: datetime | None = None
    received_count: int = 0
    given_count: int = 0
    deed_count: int = 0
    withdrawal_count: int = 0


@dataclass(slots=True)
class Day:
    """A person's recognitions on one day (UTC). Received from people = effort + result + both."""

    effort_count: int = 0
    result_count: int = 0
    both_count: int = 0
    automatic_count: int = 0
    purpose_count: int = 0
    given_count: int = 0


@dataclass(slots=True)
class Deed:
    """A deed and when a person first answered it; either may be missing yet."""

    deed_id: str | None = None
    occurred_at: datetime | None = None
    answered_at: datetime | None = None


@dataclass(slots=True)
class Projection:
    """What follows from some entries: by employee, by employee and day, by employee and cause (source, id).

    Looking for a row makes it.
    """

    standing: dict[str, Standing] = field(default_factory=lambda: defaultdict(Standing))
    days: dict[tuple[str, date], Day] = field(default_factory=lambda: defaultdict(Day))
    deeds: dict[tuple[str, str, str], Deed] = field(default_factory=lambda: defaultdict(Deed))

    def touch(self, employee: str) -> None:
        """See that the person has a row in `standing`, were it an empty one."""
        self.standing.setdefault(employee, Standing())


def fold(entries: Iterable[Entry]) -> Projection:
    """What follows from these entries, each given once, in any order.

    Newest times are maxima, counts are sums, the first answer is a minimum: folding two parts and merging them so
    gives the same as folding all, unless one part withdraws what is in the other. An entry that is withdrawn leaves
    its rows with nothing in them.
    """
    given = entries if isinstance(entries, list) else list(entries)
    withdrawn = {(e.employee, e.withdraws) for e in given if e.withdraws is not None}
    result = Projection()
    for entry in given:
        counts = not withdrawn or (entry.employee, entry.id) not in withdrawn
        standing = result.standing[entry.employee]
        if entry.kind == RECOGNITION:
            _fold_recognition(result, standing, entry, counts)
        elif entry.kind == DEED:
            deed = result.deeds[entry.employee, entry.cause_source, entry.cause_id]
            if counts:
                _fold_deed(standing, deed, entry)
        elif counts:
            _fold_other(standing, entry)
    return result


def _fold_recognition(result: Projection, standing: Standing, entry: Entry, counts: bool) -> None:
    at = entry.occurred_at
    date_ = at.date()
    day = result.days[entry.employee, date_]
    if counts and entry.goal is not None:
        day.purpose_count += 1
        standing.last_purpose_at = _later(standing.last_purpose_at, at)
    if entry.by != BY_PERSON:
        day.automatic_count += counts
        return
    if entry.giver is not None:
        giver = result.standing[entry.giver]
        giver_day = result.days[entry.giver, date_]
        if counts:
            giver.given_count += 1
            giver.last_given_at = _later(giver.last_given_at, at)
            giver_day.given_count += 1
    if entry.answers_id is not None and entry.answers_source is not None:
        deed = result.deeds[entry.employee, entry.answers_source, entry.answers_id]
        if counts:
            deed.answered_at = _earlier(deed.answered_at, at)
    if not counts:
        return
    standing.received_count += 1
    standing.last_received_at = _later(standing.last_received_at, at)
    if entry.giver_is_manager:
        standing.last_from_manager_at = _later(standing.last_from_manager_at, at)
    else:
        standing.last_from_peer_at = _later(standing.last_from_peer_at, at)
    if entry.basis == EFFORT:
        day.effort_count += 1
    elif entry.basis == RESULT:
        day.result_count += 1
    else:
        day.both_count += 1


def _fold_deed(standing: Standing, deed: Deed, entry: Entry) -> None:
    at = entry.occurred_at
    standing.deed_count += 1
    standing.last_deed_at = _later(standing.last_deed_at, at)
    if deed.deed_id is None or entry.id < deed.deed_id:
        deed.deed_id, deed.occurred_at = entry.id, at
    if entry.accepted_by is not None and entry.accepted_by != entry.employee:
        deed.answered_at = _earlier(deed.answered_at, at)


def _fold_other(standing: Standing, entry: Entry) -> None:
    at, subkind = entry.occurred_at, entry.subkind
    if entry.kind == WITHDRAWN:
        standing.withdrawal_count += 1
    if subkind in _GROWTH_EVENTS:
        standing.last_growth_at = _later(standing.last_growth_at, at)
    if entry.lead and subkind != _DROPPED:
        standing.last_lead_at = _later(standing.last_lead_at, at)


def _later(known: datetime | None, at: datetime) -> datetime:
    return at if known is None or at > known else known


def _earlier(known: datetime | None, at: datetime) -> datetime:
    return at if known is None or at < known else known
