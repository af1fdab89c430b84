"""A guarded server never outlives who asked for it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from deploy.local.folder import PROJECT_ROOT
from deploy.local.guarded import GuardedProcess

STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(600)
"""
PARENT = """
import os, sys, time
from pathlib import Path
from deploy.local.guarded import GuardedProcess
server = GuardedProcess("sleep", ["/bin/sleep", "600"], log=Path(sys.argv[1]), farewell="TERM")
if sys.argv[2] == "forked" and os.fork() == 0:
    time.sleep(600)
print(*server.pids, flush=True)
time.sleep(600)
"""


async def until(true: Callable[[], bool]) -> None:
    """Wait until something holds; fail after 20 s."""
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def until_gone(*pids: int) -> None:
    """Wait until no process has one of these ids, or is only a zombie of it."""
    await until(lambda: not any(alive(pid) for pid in pids))


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def start_parent(log: Path, kind: str) -> tuple[subprocess.Popen[str], list[int]]:
    command = [sys.executable, "-c", PARENT, str(log), kind]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT_ROOT)
    assert parent.stdout is not None
    return parent, [int(pid) for pid in parent.stdout.readline().split()]


async def test_a_killed_parent_takes_guard_and_server_along(tmp_path: Path) -> None:
    parent, pids = start_parent(tmp_path / "log", "alone")
    with parent:
        parent.kill()
        await until_gone(*pids)


async def test_a_forked_copy_of_the_parent_does_not_keep_the_server_alive(tmp_path: Path) -> None:
    parent, pids = start_parent(tmp_path / "log", "forked")
    with parent:
        copies = [child.pid for child in psutil.Process(parent.pid).children() if child.pid not in pids]
        parent.kill()
        await until_gone(*pids)
        for copy in copies:
            assert alive(copy)
            os.kill(copy, signal.SIGKILL)


async def test_a_killed_guard_takes_the_server_along(tmp_path: Path) -> None:
    server = GuardedProcess("sleep", ["/bin/sleep", "600"], log=tmp_path / "log", farewell="TERM")
    guard_pid, server_pid = server.pids
    os.kill(guard_pid, signal.SIGKILL)
    await until_gone(server_pid)
    await server.stop("TERM", timeout_s=5)
    assert not server.running


async def test_a_server_that_ignores_signals_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    server = GuardedProcess("stubborn", [sys.executable, "-c", STUBBORN], log=log, farewell="TERM")
    await until(lambda: "ready" in log.read_text())
    await server.stop("TERM", timeout_s=0.3)
    assert not server.running
    assert server.status == 128 + signal.SIGKILL
    assert not alive(server.pid)


async def test_the_failure_of_a_server_that_ended_tells_its_last_words(tmp_path: Path) -> None:
    command = ["/bin/sh", "-c", "echo the disk is full; exit 3"]
    server = GuardedProcess("the server", command, log=tmp_path / "log", farewell="TERM")
    assert not await server.finish(20)
    assert server.status == 3
    assert "the disk is full" in server.failure().message
    server.send("TERM")
