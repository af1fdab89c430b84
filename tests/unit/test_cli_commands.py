"""How the command behaves whatever the group: exit codes, one line for a failure, JSON for programs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local import lifecycle
from deploy.local.errors import StackError
from schemas.registry import EVENT_TYPES
from services.cli.__main__ import run


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["validate"],
        ["emit", "git", ".", "--to", "nowhere"],
        ["emit", "git", ".", "--limit", "0"],
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("waystone: USAGE: ")


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(command in text for command in ("emit", "validate", "topics", "local"))


def test_a_file_that_is_not_there_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(tmp_path / "missing")
    for arguments in (["validate", missing], ["emit", "jsonl", missing, "--to", "stdout"]):
        assert run(arguments) == 2
        assert capsys.readouterr().err.startswith("waystone: FILE_UNREADABLE: ")


def test_topics_lists_every_type_under_its_topic(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["topics", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    by_type = {type_: topic["topic"] for topic in listed for type_ in topic["types"]}
    assert by_type == {event.type: event.topic for event in EVENT_TYPES}


def test_topics_are_printed_one_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["topics"]) == 0
    lines = capsys.readouterr().out.splitlines()
    [line] = [line for line in lines if line.startswith("recognition.milestones.v1")]
    assert line.split()[1:5] == ["employee", "8", "30", "days"]
    assert line.endswith("training.v1") or "milestone.v1, training.v1" in line


def test_the_module_runs_as_a_program_and_a_closed_pipe_is_no_error() -> None:
    command = [sys.executable, "-m", "services.cli", "topics", "--json"]
    reader = subprocess.run(
        ["bash", "-c", '"$@" | true; echo "${PIPESTATUS[0]}"', "bash", *command],
        capture_output=True,
        text=True,
        check=True,
    )
    assert reader.stdout.strip() == "0"
    assert reader.stderr == ""


def test_ctrl_c_is_one_line_and_exit_code_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(lifecycle, "status", interrupted)
    assert run(["local", "status"]) == 130
    assert capsys.readouterr().err == "waystone: INTERRUPTED: stopped before the end\n"


def test_local_status_tells_that_nothing_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lifecycle, "status", lambda: {"running": False})
    assert run(["local", "status"]) == 1
    assert capsys.readouterr().out == "not running\n"


def test_local_passes_on_what_keeps_the_stack_from_starting(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def up(**_: object) -> None:
        raise StackError("JAVA_MISSING", "install a JDK.")

    monkeypatch.setattr(lifecycle, "up", up)
    assert run(["local", "up"]) == 3
    assert capsys.readouterr().err == "waystone: JAVA_MISSING: install a JDK.\n"


def test_local_without_its_extra_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "deploy.local.lifecycle")
    monkeypatch.delattr("deploy.local.lifecycle")
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert run(["local", "up"]) == 2
    assert "psutil" in capsys.readouterr().err
