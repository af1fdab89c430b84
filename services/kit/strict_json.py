"""JSON without its traps: no duplicate keys, no NaN, no huge numbers, bounded depth, no lone surrogates."""

import json
import re
from typing import Any

DEPTH_MAX = 64
DIGITS_MAX = 32
_SURROGATE = re.compile(rb"\\u[dD][89abAB]|\\u[dD][c-fC-F]")


class JsonError(ValueError):
    """The bytes are not JSON we accept. The message repeats none of them."""


def parse(data: bytes) -> Any:
    """UTF-8 JSON bytes → Python value. Raises JsonError."""
    try:
        value = _DECODER.decode(data.decode("utf-8"))
        if _SURROGATE.search(data):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except JsonError:
        raise
    except RecursionError:
        raise JsonError("nested too deeply") from None
    except UnicodeDecodeError:
        raise JsonError("not UTF-8") from None
    except UnicodeEncodeError:
        raise JsonError("a lone surrogate") from None
    except ValueError:
        raise JsonError("not valid JSON") from None
    if data.count(b"{") + data.count(b"[") > DEPTH_MAX and _depth(value) > DEPTH_MAX:
        raise JsonError("nested too deeply")
    return value


def parse_object(data: bytes) -> dict[str, Any]:
    """As `parse`, but the top level must be an object."""
    value = parse(data)
    if not isinstance(value, dict):
        raise JsonError("top level is not an object")
    return value


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise JsonError("duplicate key")
    return result


def _constant(_: str) -> float:
    raise JsonError("NaN or Infinity")


def _integer(digits: str) -> int:
    if len(digits) > DIGITS_MAX:
        raise JsonError("number too long")
    return int(digits)


def _float(digits: str) -> float:
    value = float(digits)
    if len(digits) > DIGITS_MAX or value in (float("inf"), float("-inf")):
        raise JsonError("number too long")
    return value


def _depth(value: Any) -> int:
    """Depth of nesting, without recursion; stops at the bound."""
    depth, level = 0, [value]
    while level and depth <= DEPTH_MAX:
        depth += 1
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
    return depth


_DECODER = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_constant=_constant, parse_int=_integer, parse_float=_float
)
