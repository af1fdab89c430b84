"""The dozen teams of Tarnwood, which builds, delivers and looks after heat pumps."""

from dataclasses import dataclass
from typing import Literal

Climate = Literal["healthy", "unthanked", "results-only", "outside"]


@dataclass(frozen=True, slots=True)
class Team:
    """One team. kinds: word files its life is told from. starts_at: local hour the shift begins.

    utc_offset_hours: time zone, kept all year. climate: how recognition flows; all but `healthy` is a planted gap.
    """

    id: str
    kinds: tuple[str, ...]
    people: int
    starts_at: int = 8
    utc_offset_hours: int = 1
    timezone: str = "Europe/Berlin"
    days: tuple[int, ...] = (0, 1, 2, 3, 4)
    climate: Climate = "healthy"


WEEK_WITH_SATURDAY = (0, 1, 2, 3, 4, 5)
TEAMS: tuple[Team, ...] = (
    Team("platform", ("engineering",), 24, starts_at=9),
    Team("apps", ("engineering",), 20, starts_at=9, utc_offset_hours=0, timezone="Europe/Lisbon"),
    Team("data", ("data",), 14, starts_at=9),
    Team("cloud-operations", ("operations",), 18, days=WEEK_WITH_SATURDAY),
    Team("customer-care", ("support",), 30, days=WEEK_WITH_SATURDAY),
    Team("warehouse-day", ("warehouse",), 28, starts_at=6, days=WEEK_WITH_SATURDAY),
    Team("warehouse-night", ("warehouse", "night"), 20, starts_at=22, climate="unthanked"),
    Team("finance", ("finance",), 14),
    Team("field-service", ("field",), 30, starts_at=7, days=WEEK_WITH_SATURDAY),
    Team("people-and-culture", ("people",), 12),
    Team("sales", ("sales",), 16, climate="results-only"),
    Team(
        "coast-lab", ("lab",), 14, utc_offset_hours=12, timezone="Pacific/Auckland", climate="outside"
    ),
)  # fmt: skip
DIRECTORS_TEAM = "people-and-culture"
NEWCOMERS_TEAM = "platform"


def sizes(people: int) -> dict[str, int]:
    """Team → size for a company of `people`, in the proportions above (largest remainders)."""
    whole = sum(team.people for team in TEAMS)
    exact = {team.id: team.people * people / whole for team in TEAMS}
    result = {id_: int(size) for id_, size in exact.items()}
    for id_ in sorted(exact, key=lambda id_: (result[id_] - exact[id_], id_))[
        : people - sum(result.values())
    ]:
        result[id_] += 1
    return result
