"""Failures a user can do something about, and what the exit codes mean."""

EXIT_OK = 0
EXIT_FAULTS = 1
EXIT_USAGE = 2
EXIT_UNREACHABLE = 3
EXIT_INTERRUPTED = 130
INTERRUPTED = ("INTERRUPTED", "stopped before the end")


class CliError(Exception):
    """A command cannot do what was asked.

    code: stable, for programs, e.g. `NOT_A_REPOSITORY`. sentence: one line for a person.
    exit_code: 1 faults found, 2 wrong usage or input, 3 Kafka or Postgres out of reach.
    """

    def __init__(self, code: str, sentence: str, exit_code: int = EXIT_USAGE) -> None:
        super().__init__(f"{code}: {sentence}")
        self.code = code
        self.sentence = sentence
        self.exit_code = exit_code
