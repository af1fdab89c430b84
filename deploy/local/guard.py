"""Runs one server and makes sure that it never outlives the process that asked for it.

The parent holds the other end of this program's standard input. One byte there is a signal to pass on; the
end of the input means that the parent is gone, however it went, and the server is ended. The parent's id is
watched as well, for the case that a forked copy of the parent still holds the pipe. Only the standard library
is used and nothing of this project is imported: it starts in a few milliseconds and has nothing to fail on.

    guard.py PARENT_PID FAREWELL_SIGNAL LOG_FILE COMMAND [ARGUMENT …]
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

SIGNALS = {b"T": signal.SIGTERM, b"I": signal.SIGINT, b"Q": signal.SIGQUIT, b"K": signal.SIGKILL}
LOOK_EVERY_S = 0.1
FAREWELL_S = 5.0
PR_SET_PDEATHSIG = 1


def die_with_guard(farewell: signal.Signals) -> Callable[[], None]:
    """Return what the server does before exec on Linux: ask the kernel to signal it should the guard die.

    The kernel ties this to the thread that forked; the guard has only one, so here that is the process.
    """
    guard_pid = os.getpid()

    def prepare() -> None:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(farewell))
            if os.getppid() != guard_pid:
                os._exit(1)

    return prepare


def watch(server: subprocess.Popen[bytes], parent_pid: int) -> bool:
    """Pass signals on until the server ends (False) or the parent has gone (True)."""
    while server.poll() is None:
        readable, _, _ = select.select([0], [], [], LOOK_EVERY_S)
        if readable:
            command = os.read(0, 1)
            if not command:
                return True
            server.send_signal(SIGNALS[command])
        if os.getppid() != parent_pid:
            return True
    return False


def end(server: subprocess.Popen[bytes], farewell: signal.Signals) -> None:
    """End the server: its farewell signal, FAREWELL_S of patience, then SIGKILL."""
    server.send_signal(farewell)
    try:
        server.wait(FAREWELL_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def main() -> int:
    """Run the command of the command line; return its exit status (128 + n after signal n)."""
    parent_pid, farewell = int(sys.argv[1]), signal.Signals[f"SIG{sys.argv[2]}"]

    def leave(*_: object) -> None:
        raise SystemExit

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with Path(sys.argv[3]).open("ab") as log:
        server = subprocess.Popen(
            sys.argv[4:],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_guard(farewell),  # noqa: PLW1509 - one thread only, nothing can deadlock
        )
    try:
        os.write(1, f"{server.pid}\n".encode())
        watch(server, parent_pid)
    finally:
        if server.poll() is None:
            end(server, farewell)
    return server.returncode if server.returncode >= 0 else 128 - server.returncode


if __name__ == "__main__":
    sys.exit(main())
