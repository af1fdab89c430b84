"""The employee id a command is given."""

import re

from services.cli.errors import CliError

_EMPLOYEE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


def check_employee(text: str) -> str:
    """The id as it is. Raises CliError EMPLOYEE_BAD for what cannot be one."""
    if not _EMPLOYEE.fullmatch(text):
        raise CliError("EMPLOYEE_BAD", "an employee id is 1 to 64 letters, digits, dots, dashes, underscores")
    return text
