"""The two YAML files by which a user says who belongs to which team, and who leads it.

teams: `docs: [Documentation, po, jane@example.org]`, each team with top-level folders and addresses.
leads: `docs: jane@example.org`. Addresses are those after the repository's mailmap.
"""

from pathlib import Path
from typing import Any

import yaml

from services.cli.errors import CliError
from services.cli.gitlog.teams import Overrides
from services.cli.gitlog.text import slug

FILE_BYTES_MAX = 1024 * 1024


def read_overrides(teams: Path | None, leads: Path | None) -> Overrides:
    """Read the files that are given. Raises CliError TEAMS_BAD or LEADS_BAD."""
    by_area: dict[str, str] = {}
    by_address: dict[str, str] = {}
    if teams is not None:
        for team, members in _mapping(teams, "TEAMS_BAD").items():
            if not isinstance(members, list) or not all(isinstance(member, str) for member in members):
                raise CliError("TEAMS_BAD", f"{teams}: team {team} is not a list of folders and addresses")
            for member in members:
                if "@" in member:
                    by_address[member.strip().lower()] = slug(team)
                else:
                    by_area[slug(member)] = slug(team)
    lead_by_team: dict[str, str] = {}
    if leads is not None:
        for team, lead in _mapping(leads, "LEADS_BAD").items():
            if not isinstance(lead, str):
                raise CliError("LEADS_BAD", f"{leads}: the lead of {team} is not an address")
            lead_by_team[slug(team)] = lead.strip().lower()
    return Overrides(by_area, by_address, lead_by_team)


def _mapping(path: Path, code: str) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            content = yaml.safe_load(stream.read(FILE_BYTES_MAX))
    except OSError as error:
        raise CliError(code, f"{path}: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise CliError(code, f"{path}: not YAML ({str(error).splitlines()[0]})") from None
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise CliError(code, f"{path}: not a mapping from teams")
    return content
