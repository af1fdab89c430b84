"""Seed and time → a company with half a year behind it."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from services.cli.company.deeds import tell_deeds
from services.cli.company.growth import tell_growth
from services.cli.company.people import Person, hire
from services.cli.company.purpose import tell_purpose
from services.cli.company.story import Done, Story
from services.cli.company.thanks import tell_thanks
from services.cli.company.wishes import tell_corrections, tell_wishes
from services.kit.cloudevents import Event

DAYS = 182
PEOPLE_MIN, PEOPLE_MAX = 120, 700


@dataclass(frozen=True, slots=True)
class PlantedGap:
    """A gap the measurements should find."""

    kind: Literal["night-shift-unthanked", "results-only-lead", "newcomer-forgotten", "team-outside-network"]
    team: str
    employees: tuple[str, ...]
    """Whom it concerns."""
    metric: Literal["coverage-30d", "effort-mix", "never-recognised", "coverage-7d"]
    """Where it shows, in the words of the gap events."""
    what: str
    """One sentence for a person."""


@dataclass(frozen=True, slots=True)
class Company:
    """The company at `now`. `told` holds its events in order of time, people first."""

    seed: int
    start: datetime
    now: datetime
    people: tuple[Person, ...]
    gaps: tuple[PlantedGap, ...]
    told: tuple[Event, ...]
    done: tuple[Done, ...]
    """Deeds of the last two weeks nobody has answered yet, for live events to answer."""

    def events(self) -> Iterator[Event]:
        """All events: people, then everything else in order of time."""
        return iter(self.told)


def generate(seed: int, now: datetime, people: int = 240) -> Company:
    """Make up a company of `people` (120–700) and its last 182 days, until `now` (with time zone).

    The same arguments give the same events, to the byte. Raises ValueError for another number of people, or a
    `now` without time zone.
    """
    if not PEOPLE_MIN <= people <= PEOPLE_MAX:
        raise ValueError(f"people must be {PEOPLE_MIN} to {PEOPLE_MAX}")
    if now.tzinfo is None:
        raise ValueError("now must have a time zone")
    now = now.astimezone(UTC).replace(microsecond=0)
    rng = random.Random(seed)  # noqa: S311 - a story, not a secret
    staff = hire(rng, now, people)
    start = now - timedelta(days=DAYS)
    story = Story(rng, staff, start, now, stamp=f"{seed}-{now:%Y%m%dT%H%M%S}")
    for person in staff:
        story.add("person", person.record(), start)
    tell_deeds(story)
    tell_purpose(story)
    tell_wishes(story)
    tell_growth(story)
    tell_corrections(story)
    answerable = tuple(done for done in story.done if now - done.at < timedelta(days=14))
    tell_thanks(story)
    directory, rest = story.events[: len(staff)], story.events[len(staff) :]
    told = (*directory, *sorted(rest, key=lambda event: event.time))
    return Company(seed, start, now, staff, _gaps(staff), told, answerable)


def _gaps(staff: tuple[Person, ...]) -> tuple[PlantedGap, ...]:
    def members(climate: str) -> tuple[str, tuple[str, ...]]:
        team = next(p.team.id for p in staff if p.team.climate == climate)
        return team, tuple(p.employee for p in staff if p.team.id == team)

    night, night_people = members("unthanked")
    sales, sales_people = members("results-only")
    lab, lab_people = members("outside")
    newcomer = next(p for p in staff if p.part == "newcomer")
    return (
        PlantedGap(
            "night-shift-unthanked",
            night,
            night_people,
            "coverage-30d",
            f"{len(night_people)} people on nights, and nobody thanks them.",
        ),
        PlantedGap(
            "results-only-lead",
            sales,
            sales_people,
            "effort-mix",
            "Their lead thanks for results only; effort goes unnoticed.",
        ),
        PlantedGap(
            "newcomer-forgotten",
            newcomer.team.id,
            (newcomer.employee,),
            "never-recognised",
            "Three months in the company and not one word of thanks.",
        ),
        PlantedGap(
            "team-outside-network",
            lab,
            lab_people,
            "coverage-7d",
            "Far away: hardly any thanks, and none across the team's border.",
        ),
    )
