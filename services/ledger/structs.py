"""msgspec structs generated from the contracts' JSON Schemas: the ledger's hot path, ten times as fast as pydantic.

A struct never accepts what its contract refuses. Where the two languages of patterns differ the struct is the
stricter one; whatever it refuses is judged by the contract itself (see decode.py), so that the verdict is the same.
"""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

import msgspec

from schemas.fields import NO_NUL, Contract

# NUL is looked for once in the whole body, which is cheaper than a pattern for each text.
_PATTERNS = {
    NO_NUL: None,
    # Python's white space is a superset of what Unicode, and with it the contract, calls so.
    r"^[^\x00]*[^\s\x00][^\x00]*$": r"\S",
}
_BOUNDS = {
    "minLength": "min_length",
    "maxLength": "max_length",
    "minItems": "min_length",
    "maxItems": "max_length",
}


def struct_of(model: type[Contract]) -> type[msgspec.Struct]:
    """Contract → struct with the same fields, bounds and defaults; unknown fields are refused.

    Raises NotImplementedError for a schema this generator does not know, so that a new kind of field is noticed at
    import and not in production.
    """
    schema = model.model_json_schema(mode="validation")
    structs: dict[str, type[msgspec.Struct]] = {}
    for name, definition in schema.get("$defs", {}).items():
        structs[name] = _struct(name, definition, structs)
    return _struct(model.__name__, schema, structs)


def _struct(
    name: str, schema: Mapping[str, Any], structs: Mapping[str, type[msgspec.Struct]]
) -> type[msgspec.Struct]:
    required = set(schema.get("required", ()))
    fields: list[Any] = []
    for field, described in schema["properties"].items():
        type_ = _type(described, structs)
        fields.append((field, type_) if field in required else (field, type_, _default(described)))
    return msgspec.defstruct(
        name, fields, forbid_unknown_fields=True, omit_defaults=True, frozen=True, gc=False, kw_only=True
    )


def _default(described: Mapping[str, Any]) -> Any:
    default = described["default"]
    return tuple(default) if isinstance(default, list) else default


def _type(described: Mapping[str, Any], structs: Mapping[str, type[msgspec.Struct]]) -> Any:
    if "$ref" in described:
        return structs[described["$ref"].removeprefix("#/$defs/")]
    if "anyOf" in described:
        some, none = described["anyOf"]
        if none != {"type": "null"}:
            raise NotImplementedError("a union other than with null")
        return _type(some, structs) | None
    if "enum" in described:
        return Literal[tuple(described["enum"])]
    match described.get("type"):
        case "boolean":
            return bool
        case "string" if described.get("format") == "date":
            return date
        case "string" if "format" not in described:
            return _bounded(str, described)
        case "array":
            item: Any = _type(described["items"], structs)
            return _bounded(tuple[item, ...], described)
    raise NotImplementedError(f"a field of type {described.get('type')}")


def _bounded(type_: Any, described: Mapping[str, Any]) -> Any:
    bounds: dict[str, Any] = {
        ours: described[theirs] for theirs, ours in _BOUNDS.items() if theirs in described
    }
    if pattern := described.get("pattern"):
        # In Python `$` would let a newline pass at the end.
        translated = _PATTERNS.get(pattern, pattern.removesuffix("$") + r"\Z")
        if translated is not None:
            bounds["pattern"] = translated
    return Annotated[type_, msgspec.Meta(**bounds)] if bounds else type_
