"""A server process under guard: the parent's side of `guard.py`."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from deploy.local.errors import StackError, last_lines

GUARD = Path(__file__).with_name("guard.py")
SignalName = Literal["TERM", "INT", "QUIT", "KILL"]
LOOK_EVERY_S = 0.03


class GuardedProcess:
    """One running server; it ends with this process, whatever ends this process."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        farewell: SignalName,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        keep_open: Sequence[int] = (),
    ) -> None:
        """Start `command`, its output appended to `log`.

        `farewell` is the signal the guard sends when this process has gone; `keep_open` are file descriptors
        the guard inherits (a lock that must be held until the server has ended).
        """
        self.name = name
        self.log = log
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", str(GUARD), str(os.getpid()), farewell, str(log), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,  # a byte that could not be sent must not be tried again at close
            env=env,
            cwd=cwd,
            pass_fds=keep_open,
            start_new_session=True,  # Ctrl-C at the terminal is for the parent, which then stops the server
        )
        assert self._guard.stdout is not None
        self.pid = int(self._guard.stdout.readline() or -1)
        self._guard.stdout.close()

    @property
    def running(self) -> bool:
        """Whether the server has not ended yet."""
        return self._guard.poll() is None

    @property
    def pids(self) -> tuple[int, int]:
        """The process ids of the guard and of the server."""
        return self._guard.pid, self.pid

    def send(self, signal_name: SignalName) -> None:
        """Send one signal to the server; nothing happens if it has ended."""
        assert self._guard.stdin is not None
        try:
            self._guard.stdin.write(signal_name[0].encode())
        except (BrokenPipeError, ValueError):
            return

    async def wait(self, timeout_s: float) -> bool:
        """Wait until the server has ended; tell whether it did within `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        while self.running:
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(LOOK_EVERY_S)
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        return True

    @property
    def status(self) -> int | None:
        """Exit status of the ended process, 128 + n after signal n; None while it runs."""
        return self._guard.poll()

    async def stop(self, signal_name: SignalName, timeout_s: float) -> None:
        """Send a signal, wait, and after `timeout_s` send SIGKILL. On return the server has ended."""
        self.send(signal_name)
        if await self.wait(timeout_s):
            return
        self.send("KILL")
        if not await self.wait(timeout_s):
            raise StackError("STOP_FAILED", f"{self.name} (process {self.pid}) does not end; see {self.log}.")

    async def finish(self, timeout_s: float) -> bool:
        """Wait for a program that ends by itself, SIGKILL after `timeout_s`; tell whether it succeeded."""
        try:
            await self.wait(timeout_s)
        finally:
            await self.stop("KILL", timeout_s)
        return self.status == 0

    def failure(self) -> StackError:
        """Return the error that tells why the server ended, with the last lines of its log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return StackError("START_FAILED", f"{self.name} ended: {last_lines(text)} (all of it: {self.log}).")
