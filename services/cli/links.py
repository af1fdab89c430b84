"""`waystone link`: a signed link that opens one person's page."""

import os
from datetime import UTC, datetime
from typing import Annotated

import typer
from pydantic import Field

from services.cli.employees import check_employee
from services.cli.errors import CliError
from services.cli.output import JsonOption, print_json
from services.kit.settings import read_settings
from services.ledger.links import LINK_SECONDS_MAX, LinkSettings, sign

MINUTES_MAX = LINK_SECONDS_MAX // 60


class PageSettings(LinkSettings):
    """What signs links, and where the pages are."""

    ledger_url: Annotated[str, Field(pattern=r"^https?://[^\s]+$", max_length=500)]
    """Address of the ledger's HTTP port."""


def link(
    employee: Annotated[str, typer.Argument(metavar="EMPLOYEE", help="Whose page.")],
    *,
    minutes: Annotated[
        int, typer.Option(min=1, max=MINUTES_MAX, help="How long it can be opened.")
    ] = MINUTES_MAX,
    as_json: JsonOption = False,
) -> None:
    """Print a link that opens a person's page. Reads LEDGER_URL, and PAGE_LINK_KEY as the ledger has it."""
    check_employee(employee)
    settings = read_settings(PageSettings, os.environ)
    if settings.page_link_key is None:
        raise CliError("CONFIG_MISSING", "set PAGE_LINK_KEY to the key the ledger has")
    key = settings.page_link_key.get_secret_value()
    url = sign(settings.ledger_url, employee, key, datetime.now(UTC), minutes * 60)
    if as_json:
        print_json({"url": url, "minutes": minutes})
    else:
        print(url)
