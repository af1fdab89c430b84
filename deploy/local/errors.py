"""What can keep the embedded stack from starting, told in one sentence."""

from __future__ import annotations


class StackError(Exception):
    """The stack cannot do what was asked.

    `code` is stable and made for programs (`JAVA_MISSING`, `MAVEN_FAILED`, …); the message is one sentence
    for a person and says what to do instead.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


def last_lines(text: str, lines_max: int = 3) -> str:
    """Return the last non-empty lines of a program's output on one line, at most 500 characters."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-lines_max:])[-500:]
