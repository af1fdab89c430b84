"""What has been told so far: composes events, gives them ids, remembers deeds that may still be answered."""

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from schemas.fields import Contract, EventRef
from services.cli.company.people import Person
from services.cli.company.teams import Team
from services.cli.company.words import Deed
from services.cli.compose import compose
from services.kit.cloudevents import Event

SHIFT_HOURS = 8.0
_SOURCES = {
    "person": "hr",
    "preferences": "wishes",
    "achievement": "work",
    "thank-you-note": "thanks",
    "milestone": "growth",
    "training": "growth",
    "goal": "growth",
    "goal-step": "growth",
    "support-request": "growth",
    "reflection": "growth",
    "self-rating": "growth",
    "assignment": "work",
    "organisation-goal": "purpose",
    "impact": "purpose",
    "withdrawal": "thanks",
}


@dataclass(frozen=True, slots=True)
class Done:
    """A deed somebody did, with the event that told it."""

    ref: EventRef
    by: Person
    deed: Deed
    at: datetime


@dataclass(slots=True)
class Story:
    """Half a year in the making. stamp: makes the ids of one telling its own."""

    rng: random.Random
    people: tuple[Person, ...]
    start: datetime
    now: datetime
    stamp: str
    events: list[Event] = field(default_factory=list)
    done: list[Done] = field(default_factory=list)
    told: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """Team or person → title → how often, so that nobody repeats themselves before all is said."""

    def add(self, name: str, body: Contract, at: datetime) -> EventRef:
        """Tell one event; `at` lies within the window. Returns what refers to it."""
        assert self.start <= at <= self.now, "told within the half year"
        id_ = f"{self.stamp}-{len(self.events):06d}"
        event = compose(name, body, id_=id_, source=f"urn:tarnwood:{_SOURCES[name]}", time=at)
        self.events.append(event)
        return EventRef(source=event.source, id=event.id)

    def least_told(self, where: str, texts: Sequence[str]) -> str:
        """The text that was told least in a team, or of a person; counts it."""
        told = self.told[where]
        least = min(told[text] for text in texts)
        text = self.rng.choice([text for text in texts if told[text] == least])
        told[text] += 1
        return text

    def days(self) -> list[date]:
        """Every day of the window."""
        count = (self.now.date() - self.start.date()).days + 1
        return [self.start.date() + timedelta(days=n) for n in range(count)]

    def moment(self, team: Team, day: date) -> datetime | None:
        """Some time during the team's shift that begins on `day`; None on a day off or outside the window."""
        hours = team.starts_at - team.utc_offset_hours + self.rng.uniform(0.2, SHIFT_HOURS)
        at = datetime.combine(day, time(), self.now.tzinfo) + timedelta(seconds=round(hours * 3600))
        if day.weekday() not in team.days or not self.start <= at <= self.now:
            return None
        return at

    def team_at_work(self, team: Team, day: date) -> list[Person]:
        """Members of the team who are at work that day, lead included."""
        return [p for p in self.people if p.team is team and p.at_work(day)]
