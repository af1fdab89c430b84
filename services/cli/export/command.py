"""`waystone export`: two files, one for programs and one to read."""

import asyncio
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from services.cli.employees import check_employee
from services.cli.errors import EXIT_FAULTS, CliError
from services.cli.export.gather import SECTIONS, Gathered, gather
from services.cli.output import JsonOption, complain, print_json
from services.cli.servers import find_servers


def export(
    employee: Annotated[str, typer.Argument(metavar="EMPLOYEE", help="About whom.")],
    *,
    out: Annotated[Path, typer.Option(help="Folder for export.json and export.html; made if there is none.")],
    as_json: JsonOption = False,
) -> None:
    """Write everything the three services hold about one person, for the person: words and addresses included.

    Needs the databases' URLs, so it is for operators; hand both files to nobody else. Exit 1 when nothing is held.
    """
    check_employee(employee)
    gathered = asyncio.run(gather(find_servers(), employee))
    rows = sum(len(found) for found in gathered.rows.values())
    try:
        files = write(gathered, out, datetime.now(UTC))
    except OSError as error:
        raise CliError("FOLDER_UNUSABLE", f"{out}: {error.strerror}") from None
    if as_json:
        print_json({"rows": rows, "missing": list(gathered.missing), "files": [str(file) for file in files]})
    else:
        for file in files:
            print(file)
    if not rows:
        complain("NOTHING_HELD", f"the services hold nothing about {employee}")
        raise typer.Exit(EXIT_FAULTS)


def write(gathered: Gathered, out: Path, now: datetime) -> list[Path]:
    """Write both files, for this user's eyes only. now: UTC. Raises OSError."""
    out.mkdir(parents=True, exist_ok=True, mode=0o700)
    texts = {
        "export.json": json.dumps(gathered.as_json(), ensure_ascii=False, indent=2),
        "export.html": page(gathered, now),
    }
    files = []
    for name, text in texts.items():
        path = out / name
        with os.fdopen(
            os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
        ) as file:
            file.write(text)
        files.append(path)
    return files


def page(gathered: Gathered, now: datetime) -> str:
    """The page to read; every value is shown as text. now: UTC."""
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ModuleNotFoundError as error:
        raise CliError("EXTRA_MISSING", f"pages need {error.name}: install waystone[cli]") from None
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    services = {
        service: [(section, gathered.rows[section]) for section in SECTIONS if section.service == service]
        for service in dict.fromkeys(section.service for section in gathered.rows)
    }
    return environment.get_template("page.html").render(
        employee=gathered.employee,
        ids=gathered.ids,
        missing=gathered.missing,
        taken_at=now,
        services=services,
    )
