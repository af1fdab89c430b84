"""Size and basis of a contribution, by rules simple enough to be explained to the person it is about."""

import re

from schemas.fields import Basis, Size
from services.cli.gitlog.commit import Commit

MAJOR_LINES = 400
MAJOR_FILES = 25
NOTABLE_LINES = 80
NOTABLE_FILES = 8

_EFFORT = re.compile(
    r"^(fix(es|ed|up)?|bugfix|hotfix|tests?|t\d{4}|docs?|documentation|refactor|style|chore|clean(s|ed|-?up)?|"
    r"rename|remove|drop|simplify|typo|ci|build|revert|update|bump|move|rework|tidy)\b"
    r"|\b(fix(es|ed)?|typos?|clean-? ?up|refactor|flaky|leak|regression|crash|warnings?)\b",
    re.IGNORECASE,
)
_RESULT = re.compile(
    r"^(feat|feature|perf|add(s|ed)?|implement(s|ed)?|introduce|support|allow|teach|enable|create|release|new)\b"
    r"|: *(add|implement|introduce|support|allow|teach|enable|create|learn|speed up|optimi[sz]e)\b",
    re.IGNORECASE,
)


def size_of(commit: Commit) -> Size:
    """`major` from 400 changed lines or 25 files on, `notable` from 80 or 8 on, else `small`."""
    if commit.lines >= MAJOR_LINES or commit.files >= MAJOR_FILES:
        return "major"
    if commit.lines >= NOTABLE_LINES or commit.files >= NOTABLE_FILES:
        return "notable"
    return "small"


def basis_of(commit: Commit) -> Basis:
    """`effort` for fixes, tests, documentation and tidying up; `result` for something new; else `both`.

    Files decide first (tests and documentation only), then the subject's words.
    """
    if commit.upkeep or _EFFORT.search(commit.subject):
        return "effort"
    if _RESULT.search(commit.subject):
        return "result"
    return "both"
