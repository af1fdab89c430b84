"""Bodies to try contracts with: the committed examples, bodies drawn from a JSON Schema, and places within a body."""

import copy
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from schemas.example_files import Example, read_examples
from schemas.generate import file_name
from schemas.registry import EventType

_SCHEMAS = Path(__file__).parents[2] / "schemas"
_CHARACTERS = st.characters(exclude_characters="\x00", exclude_categories=["Cs"])

few_draws = settings(max_examples=10, deadline=None)
"""Each law is tried on every type, so that a few draws for each are many altogether."""

Place = tuple[str | int, ...]


@cache
def published(event_type: EventType) -> dict[str, Any]:
    """The committed JSON Schema of a type."""
    path = _SCHEMAS / "json" / file_name(event_type.dataschema)
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return schema


@cache
def _all_examples() -> tuple[Example, ...]:
    return tuple(read_examples(_SCHEMAS / "examples"))


def example_bodies(event_type: EventType) -> list[dict[str, Any]]:
    """Copies of the bodies of a type's examples."""
    return [copy.deepcopy(e.envelope["data"]) for e in _all_examples() if e.name == event_type.name]


def encode(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def places(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every place in a body below the top, with what stands there."""
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, child in children:
        yield (*place, key), child
        yield from places(child, (*place, key))


def replaced(body: Any, place: Place, value: Any) -> Any:
    """A copy of the body with another value at one place."""
    result = copy.deepcopy(body)
    parent = result
    for key in place[:-1]:
        parent = parent[key]
    parent[place[-1]] = value
    return result


def removed(body: dict[str, Any], place: Place) -> dict[str, Any]:
    """A copy of the body without what stands at one place."""
    result = copy.deepcopy(body)
    parent: Any = result
    for key in place[:-1]:
        parent = parent[key]
    del parent[place[-1]]
    return result


@cache
def drawn_bodies(event_type: EventType) -> st.SearchStrategy[Any]:
    """Any body that the JSON Schema of a type allows, texts kept short."""
    schema = published(event_type)
    return _value(schema, schema.get("$defs", {}))


def _value(schema: dict[str, Any], defined: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        return _value(defined[schema["$ref"].removeprefix("#/$defs/")], defined)
    if "anyOf" in schema:
        return st.one_of(*(_value(branch, defined) for branch in schema["anyOf"]))
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema["type"]:
        case "object":
            fields = {name: _value(below, defined) for name, below in schema["properties"].items()}
            required = {name: fields.pop(name) for name in schema["required"]}
            return st.fixed_dictionaries(required, optional=fields)
        case "array":
            size = {"min_size": schema.get("minItems", 0), "max_size": min(schema["maxItems"], 3)}
            return st.lists(_value(schema["items"], defined), **size)
        case "integer":
            return st.integers(schema["minimum"], schema["maximum"])
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
        case "string":
            return _text(schema)
        case other:
            raise AssertionError(f"no contract has a value of type {other}")


def _text(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    if schema.get("format") == "date":
        return st.dates().map(date.isoformat)
    if schema.get("format") == "date-time":
        return st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat)
    pattern, longest = schema["pattern"], schema["maxLength"]
    if r"[^\x00]*" in pattern:
        texts = st.text(_CHARACTERS, min_size=schema.get("minLength", 0), max_size=min(longest, 30))
        return texts.map(lambda text: text if text.strip() else text + "thanks"[: longest - len(text)])
    return st.from_regex(pattern.removesuffix("$") + r"\Z").filter(lambda text: len(text) <= longest)
