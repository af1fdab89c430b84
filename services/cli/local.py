"""`waystone local`: Kafka, PostgreSQL and a mailbox on this machine."""

from collections.abc import Callable
from typing import Any, TypeVar

import typer

from services.cli.errors import EXIT_FAULTS, EXIT_UNREACHABLE, CliError
from services.cli.output import JsonOption, note, print_json, print_table

local = typer.Typer(no_args_is_help=True, help="Kafka, PostgreSQL and a mailbox on this machine.")
T = TypeVar("T")


@local.command()
def up(as_json: JsonOption = False) -> None:
    """Start the stack in the background; topics and databases are made. Prints where to reach it."""
    _print_state(_ask(lambda lifecycle: lifecycle.up(announce=note)), as_json)


@local.command()
def down(as_json: JsonOption = False) -> None:
    """Stop the stack; its data stay."""
    stopped = _ask(lambda lifecycle: lifecycle.down())
    if as_json:
        print_json({"stopped": stopped})
    else:
        print("stopped" if stopped else "was not running")


@local.command()
def status(as_json: JsonOption = False) -> None:
    """Tell whether the stack runs, and where to reach it. Exit 1 when it does not."""
    state = _ask(lambda lifecycle: lifecycle.status())
    _print_state(state, as_json)
    if not state["running"]:
        raise typer.Exit(EXIT_FAULTS)


def _ask(question: Callable[[Any], T]) -> T:
    try:
        from deploy.local import lifecycle
        from deploy.local.errors import StackError
    except ModuleNotFoundError as error:
        raise CliError(
            "EXTRA_MISSING",
            f"the local stack needs {error.name}: install Waystone with its extra `local`, e.g. waystone[local]",
        ) from None
    try:
        return question(lifecycle)
    except StackError as error:
        raise CliError(error.code, error.message, EXIT_UNREACHABLE) from None


def _print_state(state: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(state)
    elif not state["running"]:
        print("not running")
    else:
        rows: list[tuple[str, object]] = [("KAFKA_BOOTSTRAP_SERVERS", state["bootstrap_servers"])]
        rows += [(f"DATABASE_URL of {name}", url) for name, url in state["database_urls"].items()]
        rows.append(("CHECKPOINT_SIGNING_KEY_FILE of ledger", state["checkpoint_signing_key_file"]))
        rows += [
            (f"the same, as {role}", url)
            for logins in state.get("login_urls", {}).values()
            for role, url in logins.items()
        ]
        rows.append(("mailbox", state["mailbox"]["http_url"]))
        rows += [(f"process {name}", "alive" if alive else "dead") for name, alive in state["alive"].items()]
        print_table(("what", "where"), rows)
