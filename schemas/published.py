"""What is published beside the models: generated files, and the record of released versions."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from schemas.asyncapi import asyncapi
from schemas.example_files import Example, read_examples
from schemas.generate import Schema, digest, file_name, json_schema, render
from schemas.registry import EVENT_TYPES
from schemas.topic_files import Topic, read_topics

RELEASED = "released.json"


@dataclass(frozen=True, slots=True)
class Contracts:
    """Everything `schemas/` holds in files, and the schemas the models give today."""

    root: Path
    topics: dict[str, Topic]
    examples: list[Example]
    schemas: dict[str, Schema]
    """JSON Schema by `dataschema`, of every type at the minor version its model has."""
    released: dict[str, str]
    """`dataschema` → digest of its JSON Schema on the day of its release."""

    def generated(self) -> dict[str, str]:
        """Path below the root → text, of every file that the generator writes."""
        files = {f"json/{file_name(name)}": render(schema) for name, schema in self.schemas.items()}
        by_name = {event.name: self.schemas[event.dataschema] for event in EVENT_TYPES}
        files["asyncapi.json"] = render(asyncapi(self.topics, by_name, self.examples))
        return files

    def kept(self) -> set[str]:
        """Names below `json/` that belong there: today's versions and every released one."""
        return {file_name(name) for name in self.schemas.keys() | self.released.keys()}

    def altered(self) -> list[str]:
        """Released versions whose model no longer says what it said."""
        return [
            name
            for name, schema in self.schemas.items()
            if name in self.released and digest(schema) != self.released[name]
        ]

    def unreleased(self) -> list[str]:
        """Versions that must have been released and were not: a type's first, and each minor below today's."""
        return [
            name
            for event in EVENT_TYPES
            for minor in range(max(event.minor, 1))
            if (name := replace(event, minor=minor).dataschema) not in self.released
        ]


def read_contracts(root: Path) -> Contracts:
    """Reads the folder `schemas/`. Raises TopicFileError and ExampleError."""
    examples = read_examples(root / "examples")
    released = root / RELEASED
    return Contracts(
        root=root,
        topics=read_topics(root / "topics"),
        examples=examples,
        schemas={
            event.dataschema: json_schema(
                event,
                [e.envelope.get("data") for e in examples if e.dataschema == event.dataschema],
            )
            for event in EVENT_TYPES
        },
        released=json.loads(released.read_text(encoding="utf-8")) if released.exists() else {},
    )


def write(contracts: Contracts) -> int:
    """Writes the generated files and removes leftovers of versions never released. Returns files changed."""
    changed = 0
    for relative, text in contracts.generated().items():
        path = contracts.root / relative
        path.parent.mkdir(exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            changed += 1
    for path in sorted((contracts.root / "json").glob("*.json")):
        if path.name not in contracts.kept():
            path.unlink()
            changed += 1
    return changed


def release(contracts: Contracts) -> list[str]:
    """Records today's versions as released; from then on they may not change. Returns those that are new."""
    new = sorted(contracts.schemas.keys() - contracts.released.keys())
    record = contracts.released | {name: digest(contracts.schemas[name]) for name in new}
    (contracts.root / RELEASED).write_text(render(dict(sorted(record.items()))), encoding="utf-8")
    return new
