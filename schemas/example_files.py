"""Examples: structured-mode CloudEvents in `examples/<type name>/<major.minor>/*.json`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.registry import SCHEMA_PREFIX


@dataclass(frozen=True, slots=True)
class Example:
    """One example event and where it lies; `name` and `version` are those of its folders."""

    path: Path
    name: str
    version: str
    envelope: dict[str, Any]

    @property
    def dataschema(self) -> str:
        """The contract its folder promises."""
        return f"{SCHEMA_PREFIX}{self.name}:{self.version}"

    @property
    def label(self) -> str:
        """Its place below `schemas/`."""
        return "/".join(self.path.parts[-4:])


class ExampleError(ValueError):
    """A file among the examples is not a JSON object; the message names it."""


def read_examples(folder: Path) -> list[Example]:
    """Every example, in the order of the paths. Raises ExampleError."""
    return [_read(path) for path in sorted(folder.glob("*/*/*.json"))]


def _read(path: Path) -> Example:
    try:
        envelope = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        envelope = None
    example = Example(path, path.parts[-3], path.parts[-2], envelope)
    if not isinstance(envelope, dict):
        raise ExampleError(f"{example.label}: not a JSON object")
    return example
