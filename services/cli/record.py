"""`waystone record`: a lasting link to the record a person takes along."""

import os
from datetime import UTC, datetime
from typing import Annotated

import typer

from services.cli.employees import check_employee
from services.cli.errors import CliError
from services.cli.links import PageSettings
from services.cli.output import JsonOption, print_json
from services.kit.settings import read_settings
from services.ledger.links import RECORD_DAYS, RECORD_DAYS_MAX, Carry, sign_record


def record(
    employee: Annotated[str, typer.Argument(metavar="EMPLOYEE", help="Whose record.")],
    *,
    carry: Annotated[
        Carry,
        typer.Option(
            help="The narrowest circle whose recognitions it holds, as the person wishes. With `private` the words of"
            " private notes are on it, but not whose they are."
        ),
    ] = "team",
    days: Annotated[int, typer.Option(min=1, max=RECORD_DAYS_MAX, help="How long it opens.")] = RECORD_DAYS,
    as_json: JsonOption = False,
) -> None:
    """Print a link to a person's signed record, which works after they have left, until it ends or they are erased.

    Reads LEDGER_URL, and PAGE_LINK_KEY as the ledger has it. Whoever has the link can read the record.
    """
    check_employee(employee)
    settings = read_settings(PageSettings, os.environ)
    if settings.page_link_key is None:
        raise CliError("CONFIG_MISSING", "set PAGE_LINK_KEY to the key the ledger has")
    key = settings.page_link_key.get_secret_value()
    url = sign_record(settings.ledger_url, employee, carry, key, datetime.now(UTC), days)
    if as_json:
        print_json({"url": url, "carry": carry, "days": days})
    else:
        print(url)
