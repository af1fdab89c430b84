"""Models → JSON Schema 2020-12, and the digest that holds a released version in place."""

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

from schemas.registry import EventType

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]

_WORDS = frozenset({"title", "description", "examples", "$comment"})
_MAPS = frozenset({"properties", "$defs"})
"""Keywords whose value maps names to schemas, so that a property called `title` is no annotation."""
_LISTS = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_SINGLE = frozenset({"items", "additionalProperties"})


def json_schema(event_type: EventType, examples: Sequence[Any] = ()) -> Schema:
    """The JSON Schema of an event's body. examples: bodies that keep it."""
    body = _with_forms(event_type.model.model_json_schema(by_alias=True, mode="validation"))
    return {
        "$schema": DIALECT,
        "$id": event_type.dataschema,
        **body,
        "title": f"{event_type.name} {event_type.major}.{event_type.minor}",
        "examples": list(examples),
    }


def file_name(dataschema: str) -> str:
    """`urn:waystone:schema:deed:1.0` → `deed.1.0.json`."""
    name, version = dataschema.split(":")[-2:]
    return f"{name}.{version}.json"


def render(document: Any) -> str:
    """A document as it is committed."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def digest(schema: Schema) -> str:
    """SHA-256 (hexadecimal) of what a schema demands, without words and examples.

    A sentence may be mended and an example added after a release; what is valid, and what a missing field
    means, may not change.
    """
    canonical = json.dumps(_without_words(schema), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _without_words(schema: Schema) -> Schema:
    return map_schemas({k: v for k, v in schema.items() if k not in _WORDS}, _without_words)


def _with_forms(schema: Schema) -> Schema:
    """Says what a type looks like (its `$comment`) after what the field means (its `description`)."""
    schema = map_schemas(schema, _with_forms)
    form = schema.pop("$comment", None)
    if form is not None:
        schema["description"] = f"{schema['description']} {form}" if "description" in schema else form
    return schema


def map_schemas(schema: Schema, change: Callable[[Schema], Schema]) -> Schema:
    """A copy of a schema with every schema directly below it changed."""
    result: Schema = {}
    for keyword, value in schema.items():
        if keyword in _MAPS:
            result[keyword] = {name: change(below) for name, below in value.items()}
        elif keyword in _LISTS:
            result[keyword] = [change(below) for below in value]
        elif keyword in _SINGLE and isinstance(value, dict):
            result[keyword] = change(value)
        else:
            result[keyword] = value
    return result


def schemas_below(schema: Schema) -> list[tuple[str, Schema]]:
    """Every schema within a schema, itself excluded, each with the name of the property it describes."""
    found: list[tuple[str, Schema]] = []
    for keyword, value in schema.items():
        if keyword in _MAPS:
            below = list(value.items())
        elif keyword in _LISTS:
            below = [("", item) for item in value]
        elif keyword in _SINGLE and isinstance(value, dict):
            below = [("", value)]
        else:
            continue
        for name, child in below:
            found.append((name if keyword == "properties" else "", child))
            found.extend(schemas_below(child))
    return found
