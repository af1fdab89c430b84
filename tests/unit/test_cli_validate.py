"""`waystone validate`: events in every form a file may have them."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.cli.__main__ import run
from services.cli.intake import LINE_BYTES_MAX


def achievement(**changes: Any) -> dict[str, Any]:
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": "a-1",
        "source": "urn:test:work",
        "type": "dev.waystone.achievement.v1",
        "time": "2026-03-02T08:00:00Z",
        "data": {"employee": "e-1", "title": "Repaired the gate", "basis": "effort", "size": "small"},
    }
    return {**event, **changes}


BAD = achievement(id="a-2", data={"employee": "e-1", "title": "  ", "basis": "effort", "size": "small"})


class Validate:
    """`validate(text)` → exit code and the lines printed; `validate(text, "--json")` likewise, parsed."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._file = folder / "events"
        self._capsys = capsys

    def __call__(self, content: str | bytes) -> tuple[int, list[str]]:
        self._file.write_bytes(content if isinstance(content, bytes) else content.encode())
        code = run(["validate", str(self._file)])
        return code, self._capsys.readouterr().out.splitlines()

    def as_json(self, content: str) -> tuple[int, list[dict[str, Any]]]:
        self._file.write_text(content)
        code = run(["validate", str(self._file), "--json"])
        return code, [json.loads(line) for line in self._capsys.readouterr().out.splitlines()]


@pytest.fixture
def validate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Validate:
    return Validate(tmp_path, capsys)


def test_a_good_event_is_ok_and_the_exit_code_0(validate: Validate) -> None:
    assert validate(json.dumps(achievement())) == (0, ["line 1: ok achievement.v1 a-1"])


def test_an_event_over_several_lines_is_one_event(validate: Validate) -> None:
    assert validate("\n" + json.dumps(achievement(), indent=2)) == (0, ["line 2: ok achievement.v1 a-1"])


def test_json_lines_are_judged_each_by_its_number(validate: Validate) -> None:
    content = "\n".join([json.dumps(achievement()), "", "{broken}", json.dumps(BAD)])
    code, lines = validate(content)
    assert code == 1
    assert lines[0] == "line 1: ok achievement.v1 a-1"
    assert lines[1] == "line 3: DECODE_BAD (decode) not valid JSON"
    assert lines[2].startswith("line 4: SCHEMA_BAD (validate) title: ")


def test_a_broken_first_line_does_not_hide_the_others(validate: Validate) -> None:
    code, lines = validate("{broken}\n" + json.dumps(achievement()))
    assert code == 1
    assert lines[1] == "line 2: ok achievement.v1 a-1"


def test_a_list_is_judged_item_by_item(validate: Validate) -> None:
    code, lines = validate(json.dumps([achievement(), BAD], indent=1))
    assert code == 1
    assert [line.split(" (")[0] for line in lines] == ["item 1: ok achievement.v1 a-1", "item 2: SCHEMA_BAD"]


def test_json_output_says_where_and_why(validate: Validate) -> None:
    code, [good, bad] = validate.as_json(json.dumps([achievement(), BAD]))
    assert code == 1
    assert good == {
        "where": "item 1",
        "ok": True,
        "type": "dev.waystone.achievement.v1",
        "id": "a-1",
        "source": "urn:test:work",
    }
    assert bad["code"] == "SCHEMA_BAD"
    assert bad["stage"] == "validate"
    assert bad["detail"].startswith("title: ")


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (achievement(type="dev.waystone.achievement.v9"), "SCHEMA_BAD"),
        (achievement(time="1999-12-31T23:59:59Z"), "SCHEMA_BAD"),
        (achievement(time="2999-01-01T00:00:00Z"), "SCHEMA_BAD"),
        (achievement(data={**achievement()["data"], "grade": 5}), "SCHEMA_BAD"),
        (achievement(data=[1]), "SCHEMA_BAD"),
        (achievement(id=""), "SCHEMA_BAD"),
        (achievement(datacontenttype="text/xml"), "DECODE_BAD"),
    ],
)
def test_each_fault_has_its_code(validate: Validate, event: dict[str, Any], code: str) -> None:
    assert validate.as_json(json.dumps(event))[1][0]["code"] == code


@pytest.mark.parametrize(
    "content",
    [b'{"a": 1, "a": 2}', b'{"a": NaN}', b"\xff\xfe", b"[" * 100_000, b'{"a": "\\ud800"}', b"[1, 2"],
)
def test_hostile_bytes_are_refused_without_a_traceback(validate: Validate, content: bytes) -> None:
    code, lines = validate(content)
    assert code == 1
    assert "DECODE_BAD" in lines[0]


def test_an_endless_line_is_refused_and_the_next_one_still_judged(validate: Validate) -> None:
    endless = b'{"x": "' + b"x" * (2 * LINE_BYTES_MAX) + b'"}\n'
    code, lines = validate(endless + json.dumps(achievement()).encode())
    assert code == 1
    assert lines == ["line 1: RECORD_BAD (decode) over 1 MiB", "line 2: ok achievement.v1 a-1"]


def test_nothing_to_check_is_a_fault(validate: Validate) -> None:
    assert validate("\n\n") == (1, [])


def test_a_refusal_repeats_no_word_of_the_event(validate: Validate) -> None:
    _, lines = validate(json.dumps(achievement(data={**achievement()["data"], "basis": "a secret word"})))
    assert "secret" not in lines[0]


def test_an_array_on_one_line_may_be_longer_than_an_event(validate: Validate) -> None:
    count = LINE_BYTES_MAX // len(json.dumps(achievement())) + 10
    text = json.dumps([achievement(id=f"a-{number}") for number in range(count)])
    assert len(text) > LINE_BYTES_MAX
    code, lines = validate(text)
    assert (code, len(lines)) == (0, count)


def test_after_a_first_line_that_is_too_long_the_next_one_is_read(validate: Validate) -> None:
    long = json.dumps(achievement(padding="," * LINE_BYTES_MAX))
    code, told = validate.as_json(f"{long}\n{json.dumps(achievement())}\n")
    assert code == 1
    assert [one["where"] for one in told] == ["line 1", "line 2"]
    assert told[0]["code"] == "RECORD_BAD"
