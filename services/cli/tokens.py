"""`waystone token`: a token of the local issuer, for development."""

import os
import warnings
from pathlib import Path
from typing import Annotated

import typer

from services.cli.errors import CliError
from services.cli.output import JsonOption, print_json
from services.kit.auth import AuthSettings
from services.kit.settings import read_settings

ISSUER_FOLDER = Path(".local/issuer")


class IssueSettings(AuthSettings):
    """The services' JWT_ISSUER and JWT_AUDIENCE, so that they believe what is issued."""


def token(
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="An employee id, or a system's name.")],
    *,
    scope: Annotated[
        list[str] | None,
        typer.Option(help="What it may be used for: self, team, ops, hr or emit. Repeatable."),
    ] = None,
    minutes: Annotated[int, typer.Option(min=1, max=1_440, help="How long it is good for.")] = 60,
    issuer_folder: Annotated[
        Path, typer.Option(help="Where the local issuer's keys lie; made if there are none.")
    ] = ISSUER_FOLDER,
    as_json: JsonOption = False,
) -> None:
    """Print a bearer token of the local issuer. The services believe it when JWT_JWKS names its jwks.json."""
    try:
        from services.kit import issuer
    except ModuleNotFoundError as error:
        raise CliError("EXTRA_MISSING", f"tokens need {error.name}: install waystone[cli]") from None
    settings = read_settings(IssueSettings, os.environ)
    scopes = scope or ["self"]
    try:
        with warnings.catch_warnings():
            # Of the name of the signature's algorithm, which RFC 9864 replaces.
            warnings.simplefilter("ignore")
            text = issuer.issue(
                issuer_folder,
                subject,
                scopes,
                minutes * 60,
                issuer=settings.jwt_issuer,
                audience=settings.jwt_audience,
            )
    except ValueError as error:
        raise CliError("TOKEN_BAD", str(error)) from None
    except OSError as error:
        raise CliError("ISSUER_UNUSABLE", f"{issuer_folder}: {error.strerror}") from None
    if as_json:
        jwks = str(issuer.jwks_file(issuer_folder))
        print_json(
            {"token": text, "subject": subject, "scopes": scopes, "minutes": minutes, "jwt_jwks": jwks}
        )
    else:
        print(text)
