"""Teams by where people work, leads by whose word counted there."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from services.cli.errors import CliError
from services.cli.gitlog.contributors import Contributors


@dataclass(frozen=True, slots=True)
class Overrides:
    """What a user says about teams and leads instead. Areas are slugs, addresses in lower case."""

    team_by_area: dict[str, str] = field(default_factory=dict)
    team_by_address: dict[str, str] = field(default_factory=dict)
    lead_by_team: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Teams:
    """team: person → team. lead: team → person."""

    team: dict[str, str]
    lead: dict[str, str]

    def manager_of(self, person: str) -> str | None:
        """The team's lead; None for the lead."""
        lead = self.lead[self.team[person]]
        return None if lead == person else lead


def form_teams(people: Contributors, root_area: str, overrides: Overrides) -> Teams:
    """A person's team is the area most of their contributions touch most, or, without any, of those they accepted
    or are credited in. A team's lead is who accepted most of its members' contributions, or, where nobody
    accepted any, who made most. Ties: the one first in the alphabet. `overrides` go before all of that.
    Raises CliError LEADS_BAD when they name a team or a lead that the history does not have.
    """
    by_id = {people.id_of_address(a): team for a, team in overrides.team_by_address.items()}
    team = {id_: by_id.get(id_) or _team_of(id_, people, root_area, overrides) for id_ in people.ids()}
    accepted: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for (author, acceptor), count in people.accepted.items():
        accepted[team[author]][acceptor] += count
    made: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for id_, name in team.items():
        made[name][id_] = people[id_].own.total()
    lead = {name: _most(accepted[name]) or _most(made[name]) or "" for name in made}
    for name, address in overrides.lead_by_team.items():
        id_ = people.id_of_address(address)
        if name not in made or id_ not in team:
            raise CliError(
                "LEADS_BAD", f"the history has no {'team' if name not in made else 'lead'} for {name}"
            )
        lead[name] = id_
    return Teams(team, lead)


def _team_of(id_: str, people: Contributors, root_area: str, overrides: Overrides) -> str:
    person = people[id_]
    area = _most(person.own) or _most(person.other) or root_area
    return overrides.team_by_area.get(area, area)


def _most(counts: Counter[str]) -> str | None:
    return min(counts, key=lambda key: (-counts[key], key), default=None)
