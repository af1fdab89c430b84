"""Who works at Tarnwood: names, teams, leads, when they came and went."""

import random
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal

from schemas.models.people import ManagerPeriod, PersonV1, StatusPeriod, TeamPeriod
from services.cli.company.names import invent
from services.cli.company.teams import DIRECTORS_TEAM, NEWCOMERS_TEAM, TEAMS, Team, sizes

NEWCOMER_JOINED_DAYS_AGO = 97
LEFT_DAYS_AGO = 40
ON_LEAVE_DAYS_AGO = 33
JOINED_LATER_DAYS_AGO = (150, 121, 88, 64, 47)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Person:
    """One person. `part` tells those whose part in the story is special."""

    employee: str
    name: str
    team: Team
    lead: str | None
    """Employee id of who leads them; None for the director."""
    joined: date
    left: date | None = None
    away_from: date | None = None
    part: Literal["member", "lead", "newcomer"] = "member"
    chat: bool = False

    def at_work(self, day: date) -> bool:
        """Employed and not on leave that day."""
        gone = min((d for d in (self.left, self.away_from) if d is not None), default=None)
        return self.joined <= day and (gone is None or day < gone)

    def record(self) -> PersonV1:
        """The directory's record."""
        first, *rest = self.name.lower().split(" ")
        statuses = [StatusPeriod(since=self.joined, status="active")]
        if self.away_from:
            statuses.append(StatusPeriod(since=self.away_from, status="on-leave"))
        if self.left:
            statuses.append(StatusPeriod(since=self.left, status="left"))
        return PersonV1(
            employee=self.employee,
            name=self.name,
            email=f"{self.employee}@example.invalid",
            chat=f"@{first}.{'-'.join(rest)}" if self.chat else None,
            teams=(TeamPeriod(since=self.joined, team=self.team.id),),
            managers=(ManagerPeriod(since=self.joined, manager=self.lead),) if self.lead else (),
            statuses=tuple(statuses),
            timezone=self.team.timezone,
        )


def hire(rng: random.Random, now: datetime, count: int) -> tuple[Person, ...]:
    """`count` people in all teams; the first of each team leads it, the director leads the leads."""
    today = now.date()
    names = invent(rng, count)
    team_sizes = sizes(count)
    first_id: dict[str, str] = {}
    number = 1001
    for team in TEAMS:
        first_id[team.id] = f"e-{number}"
        number += team_sizes[team.id]
    director = first_id[DIRECTORS_TEAM]
    people: list[Person] = []
    for team in TEAMS:
        for place in range(team_sizes[team.id]):
            employee = f"e-{1001 + len(people)}"
            leads = place == 0
            lead = director if leads else first_id[team.id]
            people.append(
                Person(
                    employee=employee,
                    name=names[len(people)],
                    team=team,
                    lead=None if employee == director else lead,
                    joined=today - rng.randint(400, 4000) * _DAY,
                    part="lead" if leads else "member",
                    chat=rng.random() < 0.5,
                )
            )
    return tuple(_arrange_comings_and_goings(people, today))


def _arrange_comings_and_goings(people: list[Person], today: date) -> list[Person]:
    """One forgotten newcomer; a few others join in the half year, one leaves, one goes on leave."""
    members = [n for n, p in enumerate(people) if p.part == "member" and p.team.climate == "healthy"]
    newcomer = next(n for n in members if people[n].team.id == NEWCOMERS_TEAM)
    people[newcomer] = replace(
        people[newcomer], joined=today - NEWCOMER_JOINED_DAYS_AGO * _DAY, part="newcomer"
    )
    others = [n for n in members if people[n].team.id != NEWCOMERS_TEAM]
    spread = others[:: max(1, len(others) // 8)]
    for n, days_ago in zip(spread, JOINED_LATER_DAYS_AGO, strict=False):
        people[n] = replace(people[n], joined=today - days_ago * _DAY)
    people[spread[5]] = replace(people[spread[5]], left=today - LEFT_DAYS_AGO * _DAY)
    people[spread[6]] = replace(people[spread[6]], away_from=today - ON_LEAVE_DAYS_AGO * _DAY)
    return people
