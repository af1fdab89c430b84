"""`waystone validate`: does an event keep its contract, and if not, where?"""

from datetime import UTC, datetime
from typing import Annotated

import typer

from services.cli.errors import EXIT_FAULTS
from services.cli.intake import Checked, check_any, open_input
from services.cli.output import JsonOption, note, print_json
from services.kit.errors import Refusal


def validate(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="One event, a JSON array, or JSON lines.")],
    as_json: JsonOption = False,
) -> None:
    """Check CloudEvents in structured mode: one line each, ok or a code and where. Exit 1 on any fault."""
    good = bad = 0
    with open_input(file) as stream:
        for checked in check_any(stream, datetime.now(UTC)):
            refused = isinstance(checked.outcome, Refusal)
            good, bad = good + (not refused), bad + refused
            if as_json:
                print_json(as_dict(checked))
            else:
                print(as_line(checked))
    if not as_json:
        note(f"{good:,} ok, {bad:,} refused" if good + bad else "nothing to check: no event in there")
    if bad or not good:
        raise typer.Exit(EXIT_FAULTS)


def as_line(checked: Checked) -> str:
    """`line 3: ok achievement 7f3a…` or `line 3: SCHEMA_BAD (validate) title: Field required`."""
    outcome = checked.outcome
    if isinstance(outcome, Refusal):
        return f"{checked.where}: {outcome.code} ({outcome.stage}) {outcome.detail}"
    return f"{checked.where}: ok {outcome.type.removeprefix('dev.waystone.')} {outcome.id}"


def as_dict(checked: Checked) -> dict[str, object]:
    """The same for programs: `where`, `ok`, then `type`, `id`, `source` or `code`, `stage`, `detail`."""
    outcome = checked.outcome
    if isinstance(outcome, Refusal):
        return {
            "where": checked.where,
            "ok": False,
            "code": str(outcome.code),
            "stage": str(outcome.stage),
            "detail": outcome.detail,
        }
    return {
        "where": checked.where,
        "ok": True,
        "type": outcome.type,
        "id": outcome.id,
        "source": outcome.source,
    }
