"""A log line is one JSON object of listed fields; what people wrote, and what libraries add, stays out of it."""

import asyncio
import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from services.kit import logs

CANARY = "canary"


@pytest.fixture
def stderr(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Standard error, with logging as a service has it; afterwards as pytest had it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    logs.configure("test", "DEBUG")
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger("aiokafka.conn").setLevel(logging.NOTSET)
    structlog.reset_defaults()


def _lines(stderr: io.StringIO) -> list[dict[str, Any]]:
    text = stderr.getvalue()
    assert CANARY not in text
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize(
    "name", ["employee", "email", "title", "note", "key", "value", "url", "query", "detail"]
)
def test_a_field_that_is_not_on_the_list_appears_nowhere(stderr: io.StringIO, name: str) -> None:
    logs.get("test").info("stored", count=3, **{name: CANARY})
    [line] = _lines(stderr)
    assert line["count"] == 3
    assert set(line) <= logs.FIELDS


@pytest.mark.parametrize(
    "value",
    [ValueError(CANARY), {"a": CANARY}, [CANARY], (CANARY,), CANARY.encode()],
    ids=lambda v: type(v).__name__,
)
def test_an_object_in_a_listed_field_shows_its_class_only(stderr: io.StringIO, value: object) -> None:
    logs.get("test").warning("failed", error=value)
    [line] = _lines(stderr)
    assert line["error"] == type(value).__name__


def test_a_newline_or_terminal_code_in_a_field_is_inert(stderr: io.StringIO) -> None:
    hostile = 'x\n{"event": "forged"}\r\x1b[31m\u2028\u202e'
    logs.get("test").info("looked", reason=hostile)
    text = stderr.getvalue()
    assert text.count("\n") == 1
    assert text.rstrip("\n").isascii()
    assert text.rstrip("\n").isprintable()
    assert json.loads(text)["reason"] == hostile


def test_a_long_value_is_cut(stderr: io.StringIO) -> None:
    logs.get("test").info("looked", reason="x" * 10_000)
    [line] = _lines(stderr)
    assert len(line["reason"]) == logs.VALUE_CHARS_MAX


def test_arguments_of_a_librarys_line_stay_out(stderr: io.StringIO) -> None:
    logging.getLogger("aiokafka.consumer").error("Failed for key %s: %s", CANARY, CANARY)
    [line] = _lines(stderr)
    assert line["event"] == "Failed for key %s: %s"
    assert line["component"] == "aiokafka.consumer"


def test_of_a_librarys_exception_only_the_class_is_shown(stderr: io.StringIO) -> None:
    try:
        raise ValueError(CANARY)
    except ValueError:
        logging.getLogger("faststream").exception("it failed")
    logging.getLogger("faststream").error(ValueError(CANARY))
    first, second = _lines(stderr)
    assert first["error"] == "ValueError"
    assert second["event"] == "ValueError"


async def test_the_exception_of_a_lost_task_does_not_show_its_message(
    stderr: io.StringIO,
) -> None:
    async def fail() -> None:
        raise ValueError(CANARY)

    task = asyncio.create_task(fail())
    await asyncio.wait([task])
    task.__del__()  # what the garbage collector does with a task nobody asked
    [line] = _lines(stderr)
    assert line["event"] == "Task exception was never retrieved"
    assert line["error"] == "ValueError"


def test_a_library_that_floods_is_held_to_a_few_lines_a_second(stderr: io.StringIO) -> None:
    for _ in range(10_000):
        logging.getLogger("aiokafka.conn").error("Unable to connect")
    assert (
        1 <= len(_lines(stderr)) <= 3 * logs.LIBRARY_LINES_PER_SECOND
    )  # the loop may see a second turn or two


def test_a_library_may_use_levels_of_its_own(stderr: io.StringIO) -> None:
    logging.getLogger("uvicorn").log(35, "between warning and error")
    logging.getLogger("uvicorn").log(99, "beyond critical")
    assert [line["level"] for line in _lines(stderr)] == ["warning", "critical"]


def test_a_librarys_chatter_is_not_logged(stderr: io.StringIO) -> None:
    logging.getLogger("aiokafka").info("joined")
    logging.getLogger("uvicorn.access").info("GET /people/%s", CANARY)
    assert _lines(stderr) == []


def test_an_error_is_named_by_class_and_sqlstate() -> None:
    error = ValueError(CANARY)
    assert logs.error_name(error) == "ValueError"
    error.sqlstate = "22003"  # type: ignore[attr-defined]
    assert logs.error_name(error) == "ValueError 22003"
