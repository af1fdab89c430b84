"""One `git log` process, read as a stream."""

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from services.cli.errors import CliError
from services.cli.gitlog.commit import AREAS_MAX, Commit, Contact, read_credits
from services.cli.gitlog.text import slug

CHUNK_BYTES = 64 * 1024
FIELD_BYTES_MAX = 64 * 1024
AREAS_PER_COMMIT_MAX = 1_000
GIT_TIMEOUT_S = 120
_FORMAT = "%x00".join(
    ("%H", "%at", "%ct", "%aN", "%aE", "%cN", "%cE", "%s", "%(trailers:only=true,unfold=true,separator=%x1f)")
)
_FIELDS = 9
_HASH = re.compile(rb"[0-9a-f]{40,64}")
_NUMSTAT = re.compile(rb"\n?(\d+|-)\t(\d+|-)\t(.*)", re.DOTALL)
_UPKEEP = re.compile(
    r"(^|/)(tests?|t|specs?|docs?|documentation|man)(/|$)|\.(md|rst|adoc|txt)$|(^|/|_)test", re.IGNORECASE
)
# A repository's own settings must not start programs or change the form of the output.
_SAFE = ("-c", "core.fsmonitor=false", "-c", "log.showSignature=false", "-c", "color.ui=false")


class Repository:
    """A git repository, bare or not, read through git itself."""

    def __init__(self, path: Path) -> None:
        """Raises CliError NOT_A_REPOSITORY, GIT_MISSING or GIT_EMPTY."""
        self._path = path
        if not path.is_dir():
            raise CliError("NOT_A_REPOSITORY", f"{path} is not a folder")
        if self._ask("rev-parse", "--git-dir").returncode:
            reason = self._ask("rev-parse", "--git-dir").stderr.decode(errors="replace").strip().splitlines()
            raise CliError("NOT_A_REPOSITORY", f"{path}: {reason[0] if reason else 'git does not accept it'}")
        if self._ask("rev-parse", "--verify", "--quiet", "HEAD^{commit}").returncode:
            raise CliError("GIT_EMPTY", f"{path} has no commit yet")

    def name(self) -> str:
        """Last part of the origin's address, or else the folder's name, as a slug."""
        origin = self._ask("config", "--get", "remote.origin.url").stdout.decode(errors="replace").strip()
        folder = self._ask("rev-parse", "--show-toplevel").stdout.decode(errors="replace").strip()
        last = re.split(r"[/:\\]", (origin or folder or str(self._path.resolve())).rstrip("/\\"))[-1]
        return slug(last.removesuffix(".git"))

    def oldest_root(self) -> str:
        """Hash of the oldest commit without parents."""
        roots = self._ask("log", "--max-parents=0", "--format=%ct %H", "HEAD").stdout.decode().split("\n")
        return min((int(line.split()[0]), line.split()[1]) for line in roots if line)[1]

    def apply_mailmap(self, contacts: list[Contact]) -> list[Contact]:
        """Contacts as the repository's mailmap would have them, in the same order."""
        lines = [f"{' '.join(contact.name.split())} <{contact.address}>".strip() for contact in contacts]
        answer = self._ask("check-mailmap", "--stdin", feed="\n".join([*lines, ""]).encode())
        mapped = answer.stdout.decode(errors="replace").splitlines()
        if answer.returncode or len(mapped) != len(contacts):
            return contacts
        return [_parse_contact(line) for line in mapped]

    def commits(self, root_area: str) -> Iterator[Commit]:
        """Every commit reachable from HEAD that is not a merge, parents before children.

        root_area: the area of files that are in no folder. Raises CliError GIT_FAILED when git ends with a failure.
        """
        command = [
            *self._git(), "log", "-z", "--topo-order", "--reverse", "--no-merges", "--encoding=UTF-8",
            "--numstat", "--find-renames", "--no-ext-diff", "--no-textconv", "--no-show-signature", "--no-notes",
            f"--format={_FORMAT}", "HEAD", "--",
        ]  # fmt: skip
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            try:
                yield from _parse(_tokens(process.stdout), root_area)
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            raise CliError("GIT_FAILED", f"git log ended with code {process.returncode}")

    def _git(self) -> list[str]:
        return ["git", "-C", str(self._path), *_SAFE]

    def _ask(self, *arguments: str, feed: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(
                [*self._git(), *arguments],
                input=feed,
                capture_output=True,
                timeout=GIT_TIMEOUT_S,
                check=False,
            )
        except FileNotFoundError:
            raise CliError("GIT_MISSING", "the program git is not installed") from None
        except subprocess.TimeoutExpired:
            raise CliError("GIT_FAILED", f"git {arguments[0]} took over {GIT_TIMEOUT_S} s") from None


def _parse_contact(line: str) -> Contact:
    name, _, address = line.rpartition("<")
    return Contact(name.strip(), address.rstrip(">"))


def _tokens(stream: IO[bytes]) -> Iterator[bytes]:
    """NUL-terminated pieces; of one over FIELD_BYTES_MAX the beginning."""
    rest = b""
    while chunk := stream.read(CHUNK_BYTES):
        *whole, rest_of_chunk = chunk.split(b"\0")
        if whole:
            yield (rest + whole[0])[:FIELD_BYTES_MAX]
            yield from whole[1:]
            rest = rest_of_chunk
        else:
            rest = (rest + rest_of_chunk)[:FIELD_BYTES_MAX]


@dataclass(slots=True)
class _Change:
    """What a commit changed, file by file."""

    lines: int = 0
    files: int = 0
    upkeep: bool = True
    by_area: Counter[str] = field(default_factory=Counter)

    def add(self, path: str, lines: int, root_area: str) -> None:
        self.lines += lines
        self.files += 1
        self.upkeep = self.upkeep and _UPKEEP.search(path) is not None
        top, slash, _ = path.partition("/")
        area = top if slash else root_area
        if area in self.by_area or len(self.by_area) < AREAS_PER_COMMIT_MAX:
            self.by_area[area] += lines + 1

    def areas(self) -> tuple[str, ...]:
        ranked = sorted(self.by_area.items(), key=lambda item: (-item[1], item[0]))
        return tuple(dict.fromkeys(slug(area) for area, _ in ranked[:AREAS_MAX]))


def _parse(tokens: Iterator[bytes], root_area: str) -> Iterator[Commit]:
    """Header fields and numstat entries → commits. An entry holds tabs, a hash holds none: no text can pose as one."""
    header: list[str] | None = None
    change = _Change()
    for token in tokens:
        if numstat := _NUMSTAT.fullmatch(token):
            path = numstat[3]
            if not path:  # a rename: the old path, then the new one
                next(tokens, b"")
                path = next(tokens, b"")
            lines = sum(int(count) for count in (numstat[1], numstat[2]) if count != b"-")
            change.add(path.decode(errors="replace"), lines, root_area)
        elif _HASH.fullmatch(token):
            if header is not None and (commit := _commit(header, change)):
                yield commit
            header = [
                token.decode(),
                *(next(tokens, b"").decode(errors="replace") for _ in range(_FIELDS - 1)),
            ]
            change = _Change()
    if header is not None and (commit := _commit(header, change)):
        yield commit


def _commit(header: list[str], change: _Change) -> Commit | None:
    """None when the commit has no readable time."""
    hash_, author_at, commit_at, author, author_address, committer, committer_address, subject, trailers = (
        header
    )
    try:
        # A deed cannot be done after it was accepted: the earlier of the two stands.
        at = min(int(author_at), int(commit_at))
    except ValueError:
        return None
    return Commit(
        hash=hash_,
        at=at,
        author=Contact(author, author_address),
        committer=Contact(committer, committer_address),
        subject=subject,
        credits=read_credits(trailers),
        areas=change.areas(),
        lines=change.lines,
        files=change.files,
        upkeep=change.upkeep and change.files > 0,
    )
