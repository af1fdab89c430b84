"""A stack that stays: up, down and status, as `waystone local` offers them."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from deploy.local import background
from deploy.local.background import FAILURE, STATE
from deploy.local.errors import StackError, last_lines
from deploy.local.folder import LOCAL_ROOT, PROJECT_ROOT

NAME = "stack"  # the folder below `.local`
UP_TIMEOUT_S = 900.0  # the first start downloads Kafka
DOWN_TIMEOUT_S = 60.0
LOOK_EVERY_S = 0.1


def up(detach: bool = True, announce: Callable[[str], None] = print, name: str = NAME) -> dict[str, Any]:
    """Start the persistent stack with its mailbox, databases and topics; return its state (see `status`).

    With `detach` it stays in the background and this returns once everything answers, at once if it runs
    already; without, this returns after Ctrl-C or SIGTERM, with the stack stopped. `announce` takes one line
    per step. Raises StackError.
    """
    folder = LOCAL_ROOT / name
    if is_up(name):
        if not (folder / STATE).exists():
            raise _busy()
        return status(name)
    folder.mkdir(parents=True, exist_ok=True)
    for stale in (STATE, FAILURE):
        (folder / stale).unlink(missing_ok=True)
    if detach:
        _start_in_background(name, announce)
    else:
        asyncio.run(background.serve(name, announce))
    return status(name)


def down(name: str = NAME) -> bool:
    """Stop the persistent stack, its data kept; return whether it was running. Raises StackError STOP_FAILED."""
    state = LOCAL_ROOT / name / STATE
    if not is_up(name):
        state.unlink(missing_ok=True)
        return False
    if not state.exists():
        raise _busy()
    with contextlib.suppress(psutil.NoSuchProcess):
        holder = psutil.Process(json.loads(state.read_text())["pids"]["stack"])
        holder.terminate()
        try:
            holder.wait(DOWN_TIMEOUT_S)
        except psutil.TimeoutExpired:
            holder.kill()  # the guards then end the servers
    deadline = time.monotonic() + DOWN_TIMEOUT_S
    while is_up(name):
        if time.monotonic() > deadline:
            raise StackError("STOP_FAILED", f"the stack does not stop; its logs are in {state.parent}.")
        time.sleep(LOOK_EVERY_S)
    state.unlink(missing_ok=True)
    return True


def status(name: str = NAME) -> dict[str, Any]:
    """Tell what runs: `{"running": false}`, or the state with `running` and `alive` (process name → bool).

    The state holds `bootstrap_servers`, `database_urls` (the owners') and `login_urls` by service, `mailbox`
    (`smtp_url`, `http_url`), `pids` and `started_at`.
    """
    path = LOCAL_ROOT / name / STATE
    if not is_up(name) or not path.exists():
        return {"running": False}
    state: dict[str, Any] = json.loads(path.read_text())
    alive = {process: psutil.pid_exists(pid) for process, pid in state["pids"].items()}
    return {"running": True, **state, "alive": alive}


def is_up(name: str = NAME) -> bool:
    """Tell whether any process holds the stack's lock: pids can be reused, a lock cannot be left behind."""
    try:
        lock_fd = os.open(LOCAL_ROOT / name / "lock", os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock_fd)
    return False


def _busy() -> StackError:
    """Return the error for a stack that holds its lock but has no state to show."""
    return StackError("ALREADY_RUNNING", "the stack is just starting or stopping: try again in a moment.")


def _start_in_background(name: str, announce: Callable[[str], None]) -> None:
    folder = LOCAL_ROOT / name
    log = folder / "up.log"
    with log.open("wb") as output:
        holder = subprocess.Popen(
            [sys.executable, "-u", "-m", "deploy.local.background", name],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=PROJECT_ROOT,
            start_new_session=True,
        )
    try:
        _wait_until_up(folder, holder, log, announce)
    except BaseException:  # Ctrl-C among them: what has not come up does not stay
        _end(holder)
        raise


def _wait_until_up(
    folder: Path, holder: subprocess.Popen[bytes], log: Path, announce: Callable[[str], None]
) -> None:
    told = 0
    deadline = time.monotonic() + UP_TIMEOUT_S
    while True:
        ended, ready = holder.poll() is not None, (folder / STATE).exists()
        complete = log.read_text(errors="replace").rpartition("\n")[0].splitlines()
        for line in complete[told:]:
            announce(line)
        told = len(complete)
        if ready and not ended:
            return
        if ended and (folder / FAILURE).exists():
            failure = json.loads((folder / FAILURE).read_text())
            raise StackError(failure["code"], failure["message"])
        if ended:
            raise StackError(
                "START_FAILED", f"the stack ended: {last_lines(log.read_text(errors='replace'))}."
            )
        if time.monotonic() > deadline:
            raise StackError("START_FAILED", f"the stack did not start in {UP_TIMEOUT_S:.0f} s; see {log}.")
        time.sleep(LOOK_EVERY_S)


def _end(holder: subprocess.Popen[bytes]) -> None:
    """Tell the holder to stop what it has started, and wait for it; its guards end the servers if it must be killed."""
    holder.terminate()
    try:
        holder.wait(DOWN_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        holder.kill()
