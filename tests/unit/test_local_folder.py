"""Run folders, their locks and their ports."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from deploy.local import folder
from deploy.local.errors import StackError
from deploy.local.folder import RunFolder
from deploy.local.ports import LOOPBACK, free_port, is_free


@pytest.fixture(autouse=True)
def local_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(folder, "LOCAL_ROOT", tmp_path)
    return tmp_path


def test_a_folder_in_use_is_refused_to_a_second_stack() -> None:
    first = RunFolder.open_persistent("stack")
    with pytest.raises(StackError, match="waystone local down") as caught:
        RunFolder.open_persistent("stack")
    assert caught.value.code == "ALREADY_RUNNING"
    first.close()
    RunFolder.open_persistent("stack").close()


def test_a_persistent_folder_keeps_its_ports_for_the_next_run() -> None:
    first = RunFolder.open_persistent("stack")
    ports = [first.port("kafka-1"), first.port("postgres")]
    first.close()
    second = RunFolder.open_persistent("stack")
    assert [second.port("kafka-1"), second.port("postgres")] == ports
    assert len(set(ports)) == 2
    second.close()


def test_a_port_somebody_took_meanwhile_is_named() -> None:
    run = RunFolder.open_persistent("stack")
    with (
        socket.create_server((LOOPBACK, run.port("kafka-1"))),
        pytest.raises(StackError, match=r"port \d+ \(kafka-1\) is in use"),
    ):
        run.port("kafka-1")
    run.close()


def test_an_ephemeral_folder_is_removed_at_its_end() -> None:
    run = RunFolder.create_ephemeral("test")
    assert run.path.is_dir()
    run.close()
    assert not run.path.exists()


def test_what_a_crashed_run_left_is_removed_by_the_next_and_a_living_one_is_left_alone(
    local_root: Path,
) -> None:
    living = RunFolder.create_ephemeral("test")
    crashed = local_root / "run-test-00000000"
    crashed.mkdir()
    (crashed / "lock").touch()
    RunFolder.create_ephemeral("test").close()
    assert living.path.is_dir()
    assert not crashed.exists()
    living.close()


def test_a_free_port_is_free_and_below_those_drawn_for_outgoing_connections() -> None:
    port = free_port()
    assert port < 32_768
    assert is_free(port)
    with socket.create_server((LOOPBACK, port)):
        assert not is_free(port)


def test_logs_of_a_run_that_failed_outlive_its_folder_and_the_error_says_where(local_root: Path) -> None:
    run = RunFolder.create_ephemeral("demo")
    for place in ("ledger.log", "kafka/broker-1/output.log", "kafka/broker-1/data/topic-0/00000.log"):
        (run.path / place).parent.mkdir(parents=True, exist_ok=True)
        (run.path / place).write_text(f"words of {place}")
    error = run.with_kept_logs(StackError("START_FAILED", f"Kafka ended; see {run.path / 'kafka'}."))
    run.close()
    kept = local_root / "logs" / "demo"
    assert error.message == f"Kafka ended; see {kept / 'kafka'}."
    assert sorted(str(log.relative_to(kept)) for log in kept.rglob("*.log")) == [
        "kafka/broker-1/output.log",
        "ledger.log",
    ]


def test_only_the_logs_of_the_last_failure_are_kept(local_root: Path) -> None:
    for name in ("first.log", "second.log"):
        run = RunFolder.create_ephemeral("demo")
        (run.path / name).write_text("")
        assert run.keep_logs() == local_root / "logs" / "demo"
        run.close()
    assert [log.name for log in (local_root / "logs").rglob("*.log")] == ["second.log"]


def test_a_folder_that_stays_keeps_its_logs_where_they_are() -> None:
    stack = RunFolder.open_persistent("stack")
    assert stack.keep_logs() == stack.path
    stack.close()
