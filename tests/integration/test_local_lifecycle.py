"""The stack that stays: up, status, down, as `waystone local` uses them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator

import httpx
import psutil
import pytest

from deploy.local import lifecycle
from deploy.local.errors import StackError
from deploy.local.folder import LOCAL_ROOT, PROJECT_ROOT

KEPT = ("bootstrap_servers", "database_urls", "mailbox")


@pytest.fixture
def name(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a stack of this test's own, removed at the end."""
    for chosen in ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL", "WAYSTONE_STACK"):
        monkeypatch.delenv(chosen, raising=False)
    name = f"lifecycle-test-{os.getpid()}"
    yield name
    lifecycle.down(name)
    shutil.rmtree(LOCAL_ROOT / name)


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_up_stays_until_down_and_keeps_its_data_and_urls(name: str) -> None:
    state = lifecycle.up(name=name)
    assert state["running"]
    assert sorted(state["alive"]) == ["kafka-1", "mailbox", "postgres", "stack"]
    assert all(state["alive"].values())
    assert lifecycle.up(name=name) == lifecycle.status(name)
    assert httpx.get(state["mailbox"]["http_url"]).status_code == 200
    processes = [psutil.Process(pid) for pid in state["pids"].values()]
    assert lifecycle.down(name)
    assert not any(alive(process) for process in processes)
    assert lifecycle.status(name) == {"running": False}
    assert not lifecycle.down(name)
    again = lifecycle.up(name=name)
    assert {part: again[part] for part in KEPT} == {part: state[part] for part in KEPT}
    assert "Topics: 0 created" in (LOCAL_ROOT / name / "up.log").read_text()


def test_ctrl_c_while_it_starts_leaves_nothing_behind(name: str) -> None:
    command = [sys.executable, "-c", f"from deploy.local import lifecycle; lifecycle.up(name={name!r})"]
    with subprocess.Popen(
        command, cwd=PROJECT_ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as starting:
        assert starting.stdout is not None
        assert starting.stdout.readline().startswith("Kafka: ")
        descendants = psutil.Process(starting.pid).children(recursive=True)
        assert descendants, "the stack is being started"
        starting.send_signal(signal.SIGINT)
        starting.wait(90)
    assert not lifecycle.is_up(name)
    assert not any(alive(process) for process in descendants)
    assert lifecycle.status(name) == {"running": False}


def test_the_state_with_its_passwords_is_for_this_user_only(name: str) -> None:
    lifecycle.up(name=name)
    assert (LOCAL_ROOT / name / "state.json").stat().st_mode & 0o077 == 0


def test_what_keeps_it_from_starting_is_told_by_up(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(StackError) as caught:
        lifecycle.up(name=name)
    assert caught.value.code in ("JAVA_MISSING", "POSTGRES_ROOT")
    assert lifecycle.status(name) == {"running": False}
