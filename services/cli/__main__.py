"""Entry point: `waystone …` and `python -m services.cli …`."""

import logging
import os
import sys

from typer.exceptions import TyperException

from services.cli.app import app
from services.cli.errors import EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, INTERRUPTED, CliError
from services.cli.output import complain
from services.kit.errors import Stop

STDOUT_FD = 1


def main() -> None:
    """Run the command line and end the process with an exit code that means something.

    0 ok, 1 faults found, 2 wrong usage or input, 3 Kafka or Postgres out of reach, 130 interrupted.
    """
    # What its client says of an unreachable broker is said once, by the command, in one line.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line; return its exit code. Expected failures become one line on stderr."""
    try:
        code = app(args=arguments, prog_name="waystone", standalone_mode=False)
        sys.stdout.flush()
    except CliError as error:
        complain(error.code, error.sentence)
        return error.exit_code
    except Stop as error:  # settings that are missing or unusable
        complain(error.code, str(error).removeprefix(f"{error.code}: "))
        return EXIT_USAGE
    except TyperException as error:
        complain("USAGE", error.format_message())
        return EXIT_USAGE
    except (BrokenPipeError, SystemExit):
        # The reader of a pipe has seen enough; typer makes a SystemExit of that, and of nothing else in this mode.
        os.dup2(os.open(os.devnull, os.O_WRONLY), STDOUT_FD)
        return EXIT_OK
    if code == EXIT_INTERRUPTED:  # what typer makes of Ctrl-C
        complain(*INTERRUPTED)
    return code if isinstance(code, int) else EXIT_OK


if __name__ == "__main__":
    main()
