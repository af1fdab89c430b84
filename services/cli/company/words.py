"""The word files: templates of deeds with their slots filled in every way, and all else a team's life is told from."""

import itertools
import string
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

from schemas.fields import Basis, Size

WAYS_MAX = 60
"""At most so many fillings of one template."""


@dataclass(frozen=True, slots=True)
class Deed:
    """One deed, ready to be told."""

    title: str
    took: str
    size: Size
    basis: Basis
    skills: tuple[str, ...]
    value: str
    goal: str | None
    thanks: tuple[str, ...]
    impact: str


@dataclass(frozen=True, slots=True)
class Words:
    """All of one file. The dictionaries have the fields of the contracts they become."""

    serves: str | None
    """The organisation's goal this kind of work serves, unless a deed says otherwise."""
    deeds: tuple[Deed, ...]
    thanks: tuple[str, ...]
    endings: dict[str, list[str]]
    trainings: tuple[dict[str, Any], ...]
    milestones: tuple[dict[str, Any], ...]
    assignments: tuple[dict[str, Any], ...]
    goals: tuple[dict[str, Any], ...]


@cache
def read_words(kind: str) -> Words:
    """Read `words/<kind>.yaml`."""
    content = read_file(kind)
    serves = content.get("serves")
    templates = [{"goal": serves, **template} for template in content["deeds"]]
    deeds = [deed for template in templates for deed in _fill(template, content["slots"])]
    return Words(
        serves=serves,
        deeds=tuple(deeds),
        thanks=tuple(content.get("thanks", ())),
        endings=content.get("endings", {}),
        trainings=tuple(content.get("trainings", ())),
        milestones=tuple(content.get("milestones", ())),
        assignments=tuple(content.get("assignments", ())),
        goals=tuple(content.get("goals", ())),
    )


def read_file(name: str) -> dict[str, Any]:
    """The content of `words/<name>.yaml` as it stands."""
    file = resources.files("services.cli.company") / "words" / f"{name}.yaml"
    content: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return content


def _fill(template: dict[str, Any], slots: dict[str, list[str]]) -> list[Deed]:
    texts = [template["title"], template["impact"], template.get("took", ""), *template["thanks"]]
    names = sorted({name for text in texts for _, name, _, _ in string.Formatter().parse(text) if name})
    ways = itertools.islice(itertools.product(*(slots[name] for name in names)), WAYS_MAX)
    return [_deed(template, dict(zip(names, values, strict=True))) for values in ways]


def _deed(template: dict[str, Any], values: dict[str, str]) -> Deed:
    return Deed(
        title=_say(template["title"], values),
        took=_say(template.get("took", ""), values),
        size=template["size"],
        basis=template["basis"],
        skills=tuple(template["skills"]),
        value=template["value"],
        goal=template["goal"],
        thanks=tuple(_say(text, values) for text in template["thanks"]),
        impact=_say(template["impact"], values),
    )


def _say(text: str, values: dict[str, str]) -> str:
    said = text.format(**values)
    return said[:1].upper() + said[1:]
