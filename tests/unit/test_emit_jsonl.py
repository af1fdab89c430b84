"""`waystone emit jsonl`: what is sent, what is refused, and what is said about it."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.cli.__main__ import run

GOOD: dict[str, Any] = {
    "specversion": "1.0",
    "id": "n-1",
    "source": "urn:test:thanks",
    "type": "dev.waystone.thank-you-note.v1",
    "time": "2026-03-02T08:00:00Z",
    "data": {"from": "e-1", "to": ["e-2", "e-3"], "deed": "You held the ladder. Thank you."},
}
INTERNAL = {**GOOD, "type": "dev.waystone.checkpoint.v1", "id": "c-1", "data": {
    "partition": 1, "tree_size": 1, "head": "0" * 64, "signed_at": "2026-03-02T08:00:00Z", "key_id": "k",
    "signature": "0" * 128,
}}  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    lines = [json.dumps(GOOD), "{}", json.dumps({**GOOD, "id": "n-2"})]
    path = tmp_path / "events.jsonl"
    path.write_text("\n".join(lines))
    return path


def test_good_events_are_printed_with_the_key_their_topic_wants(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "good.jsonl"
    path.write_text(json.dumps(GOOD))
    assert run(["emit", "jsonl", str(path), "--to", "stdout"]) == 0
    [line] = capsys.readouterr().out.splitlines()
    event = json.loads(line)
    assert event["partitionkey"] == "e-2"
    assert event["data"] == GOOD["data"]


def test_a_bad_line_ends_the_sending_and_is_named(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["emit", "jsonl", str(file), "--to", "stdout"]) == 1
    captured = capsys.readouterr()
    assert [json.loads(line)["id"] for line in captured.out.splitlines()] == ["n-1"]
    assert "line 2: SCHEMA_BAD" in captured.err


def test_bad_lines_can_be_skipped_and_still_are_faults(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["emit", "jsonl", str(file), "--to", "stdout", "--skip-bad", "--json"]) == 1
    captured = capsys.readouterr()
    assert [json.loads(line)["id"] for line in captured.out.splitlines()] == ["n-1", "n-2"]
    refused, summary = [json.loads(line) for line in captured.err.splitlines()]
    assert refused["where"] == "line 2"
    assert summary == {"sent": {"thank-you-note": 2}, "total": 2, "bad": 1}


def test_types_that_only_waystone_sends_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "internal.jsonl"
    path.write_text(json.dumps(INTERNAL))
    assert run(["emit", "jsonl", str(path), "--to", "stdout"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "line 1: TYPE_INTERNAL" in captured.err


def test_a_broker_out_of_reach_is_one_line_and_exit_code_3(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    assert run(["emit", "jsonl", str(file)]) == 3
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("waystone: KAFKA_UNREACHABLE: no broker answers at 127.0.0.1:1")


def test_without_brokers_in_the_environment_the_variable_is_named(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS_FILE", raising=False)
    assert run(["emit", "jsonl", str(file)]) == 2
    assert capsys.readouterr().err == "waystone: CONFIG_MISSING: set KAFKA_BOOTSTRAP_SERVERS\n"
