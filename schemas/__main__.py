"""`python -m schemas write | check | release`.

write    the JSON Schema and AsyncAPI files; refuses when a released version has changed
check    says what is missing, stale or altered, a line each; exit code 1 if anything is
release  declares today's versions released, for good; refuses unless `check` is content
"""

import sys
from pathlib import Path

from schemas import published
from schemas.check import altered_line, faults
from schemas.example_files import ExampleError
from schemas.topic_files import TopicFileError

ROOT = Path(__file__).parent


def main(arguments: list[str], root: Path = ROOT) -> int:
    """Runs one command. Returns the exit code: 0 done, 1 refused or faulty, 2 not a command."""
    commands = {"write": _write, "check": _check, "release": _release}
    if len(arguments) != 1 or arguments[0] not in commands:
        _say(str(__doc__).strip())
        return 2
    return commands[arguments[0]](root)


def _write(root: Path) -> int:
    try:
        contracts = published.read_contracts(root)
    except (TopicFileError, ExampleError) as error:
        _say(str(error))
        return 1
    if altered := contracts.altered():
        _say(*map(altered_line, altered))
        return 1
    _say(f"{published.write(contracts)} files changed")
    return 0


def _check(root: Path) -> int:
    found = faults(root)
    _say(*(found or ["contracts are sound"]))
    return 1 if found else 0


def _release(root: Path) -> int:
    if found := faults(root, releasing=True):
        _say(*found)
        return 1
    released = published.release(published.read_contracts(root))
    _say(*(f"released {name}" for name in released), f"{len(released)} versions released")
    return 0


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
