"""`waystone demo`."""

import asyncio
import time
from pathlib import Path
from typing import Annotated

import typer

from services.cli.errors import EXIT_FAULTS, CliError
from services.cli.output import JsonOption, print_json
from services.kit import logs

PEOPLE, PEOPLE_MAX = 240, 700
SEED = 7


def demo(
    *,
    git: Annotated[
        Path | None, typer.Option(metavar="PATH", help="A git repository instead of a company.")
    ] = None,
    once: Annotated[bool, typer.Option(help="Check and end: exit 0 only if every check holds.")] = False,
    people: Annotated[
        int,
        typer.Option(
            min=PEOPLE,
            max=PEOPLE_MAX,
            help="People in the made-up company. Fewer, and a team is too small for its figures.",
        ),
    ] = PEOPLE,
    seed: Annotated[int, typer.Option(help="Another seed, another company.")] = SEED,
    as_json: JsonOption = False,
) -> None:
    """Run everything on this machine: Kafka, PostgreSQL, the three services, a mailbox, and half a year of work.

    Prints what happens, the gaps found, where to look, and the checks. Stays up with live events until Ctrl-C,
    unless --once. With --json the result goes to stdout, and what happens to stderr.
    """
    try:
        from services.cli.demo import run, show, story
        from services.cli.demo.screen import Screen
    except ModuleNotFoundError as error:
        raise CliError(
            "EXTRA_MISSING",
            f"the demo needs {error.name}: install Waystone with its extras, e.g. waystone[local,ledger]",
        ) from None
    logs.configure("demo", "ERROR")
    screen = Screen(to_stderr=as_json)
    show.opening(screen)
    if git is not None:
        with screen.step(f"Reading the history of {git.resolve().name}", "History read") as step:
            told, history = story.of_repository(git, lambda: None)
            step.became = f"{told.what}: {told.total:,} events"
        with history:
            result = asyncio.run(run.run(told, screen, once=once))
    else:
        began = time.monotonic()
        told = story.of_company(seed, people)
        screen.done("Company made up", f"{told.what}: {told.total:,} events", time.monotonic() - began)
        result = asyncio.run(run.run(told, screen, once=once))
    if as_json:
        print_json(result.as_json())
    if not result.passed:
        raise typer.Exit(EXIT_FAULTS)
