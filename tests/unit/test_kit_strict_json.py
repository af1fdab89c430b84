"""JSON is read as the standard library reads it, minus its traps."""

import json
import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kit import strict_json
from services.kit.strict_json import DEPTH_MAX, DIGITS_MAX, JsonError

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXTS
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(_TEXTS, inner, max_size=5),
    max_leaves=20,
)


@given(_VALUES, st.booleans())
def test_valid_json_is_read_as_the_standard_library_reads_it(value: Any, ascii_only: bool) -> None:
    data = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert strict_json.parse(data) == json.loads(data)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_a_json_error(data: bytes) -> None:
    with suppress(JsonError):
        strict_json.parse(data)


@given(st.text(alphabet='{}[]":,\\ud8cdeDF0123456789.eE+-tNaIfinyrusl \n', max_size=60))
def test_no_text_that_nearly_is_json_raises_anything_but_a_json_error(text: str) -> None:
    try:
        value = strict_json.parse(text.encode())
    except JsonError:
        return
    assert json.dumps(value, ensure_ascii=False).encode()  # neither NaN nor a lone surrogate got in
    assert json.dumps(value, allow_nan=False)


@pytest.mark.parametrize("brackets", ["[]", '{"a":}'])
def test_nesting_is_accepted_to_its_bound_and_no_further(brackets: str) -> None:
    opening, closing = brackets[:-1], brackets[-1]
    assert strict_json.parse(_nested(opening, closing, DEPTH_MAX - 1))
    for depth in (DEPTH_MAX + 1, 500, 100_000):
        with pytest.raises(JsonError, match="deeply"):
            strict_json.parse(_nested(opening, closing, depth))


def _nested(opening: str, closing: str, depth: int) -> bytes:
    return (opening * depth + "1" + closing * depth).encode()


def test_many_brackets_side_by_side_are_not_depth() -> None:
    assert strict_json.parse(b"[" + b",".join([b"[]"] * 1000) + b"]") == [[]] * 1000


def test_brackets_within_a_text_are_not_depth() -> None:
    assert strict_json.parse(b'"' + b"[" * 1000 + b'"') == "[" * 1000


@pytest.mark.parametrize("digits", [DIGITS_MAX + 1, 5_000, 1_000_000])
@pytest.mark.parametrize("form", ["{}", "-{}", "{}.5", "0.{}", "{}e1"])
def test_a_number_of_too_many_digits_is_refused(digits: int, form: str) -> None:
    with pytest.raises(JsonError, match="number too long"):
        strict_json.parse(form.format("1" * digits).encode())


def test_a_number_of_as_many_digits_as_allowed_is_kept_exactly() -> None:
    assert strict_json.parse(b"9" * DIGITS_MAX) == 10**DIGITS_MAX - 1


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400"])
def test_what_is_no_finite_number_is_refused_at_any_place(number: str) -> None:
    for form in ("{}", "[{}]", '{{"a":{{"b":{}}}}}'):
        with pytest.raises(JsonError):
            strict_json.parse(form.format(number).encode())


@given(_TEXTS, _VALUES, _VALUES)
def test_a_key_given_twice_is_refused_even_with_the_same_value(key: str, one: Any, two: Any) -> None:
    name = json.dumps(key)
    inner = f"{{{name}:{json.dumps(one)},{name}:{json.dumps(two)}}}"
    for form in (inner, f"[{inner}]", f'{{"outer":{inner}}}'):
        with pytest.raises(JsonError, match="duplicate key"):
            strict_json.parse(form.encode())


def test_a_key_given_twice_in_different_spelling_is_the_same_key() -> None:
    with pytest.raises(JsonError, match="duplicate key"):
        strict_json.parse(rb'{"a":1,"\u0061":2}')


@pytest.mark.parametrize(
    "text",
    [
        rb'"\ud800"', rb'"\uDFFF"', rb'"\ude00\ud83d"', rb'"\ud83dx\ude00"', rb'{"\ud800":1}',
        rb'[{"a":["\udc00"]}]',
    ],
)  # fmt: skip
def test_a_lone_surrogate_is_refused_in_texts_and_keys(text: bytes) -> None:
    with pytest.raises(JsonError, match="surrogate"):
        strict_json.parse(text)


def test_a_pair_of_surrogates_is_one_character_and_an_escaped_backslash_is_none() -> None:
    assert strict_json.parse(rb'"\ud83d\ude00"') == "😀"
    assert strict_json.parse(rb'"\\ud800"') == r"\ud800"


@pytest.mark.parametrize(
    "data", [b'"\xff"', b'"\xed\xa0\x80"', b'"\xc0\x80"', b"\xef\xbb\xbf{}", '{"a":1}'.encode("utf-16")]
)
def test_what_is_not_plain_utf_8_is_refused(data: bytes) -> None:
    with pytest.raises(JsonError):
        strict_json.parse(data)


@pytest.mark.parametrize(
    "data", [b"", b" ", b"{", b'{"a"', b"[1,]", b"{}{}", b"'a'", b"01", b"\x00", b'"\n"']
)
def test_what_is_not_json_is_refused(data: bytes) -> None:
    with pytest.raises(JsonError):
        strict_json.parse(data)


@given(_SCALARS | st.lists(_SCALARS, max_size=3))
def test_only_an_object_is_accepted_where_an_object_is_wanted(value: Any) -> None:
    with pytest.raises(JsonError, match="not an object"):
        strict_json.parse_object(json.dumps(value).encode())


@pytest.mark.parametrize(
    "data",
    [b'{"canary":1,"canary":2}', b'{"canary":NaN}', b'"canary\\ud800"', b'{"canary"', b'"canary\xff"',
     b'"canary"', b'{"canary":' + b"7" * 40 + b"}"],
)  # fmt: skip
def test_the_message_repeats_nothing_of_what_was_read(data: bytes) -> None:
    with pytest.raises(JsonError) as refused:
        strict_json.parse_object(data)
    assert "canary" not in str(refused.value)
    assert "777" not in str(refused.value)


def test_a_tiny_number_becomes_zero_as_everywhere() -> None:
    assert math.isclose(strict_json.parse(b"1e-400"), 0.0)
