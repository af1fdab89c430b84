"""The one folder a run keeps everything in: data, logs, ports, and the lock that says it is in use."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from pathlib import Path
from typing import Self

from deploy.local.errors import StackError
from deploy.local.ports import free_port, is_free

PROJECT_ROOT = Path(__file__).resolve().parents[2]
LOCAL_ROOT = PROJECT_ROOT / ".local"
EPHEMERAL_PREFIX = "run-"
KEPT_LOGS = "logs"


class RunFolder:
    """`.local/<name>`, locked for as long as this process or one of its guarded servers lives."""

    def __init__(self, path: Path, *, persistent: bool) -> None:
        self.path = path
        self.persistent = persistent
        self._ports_file = path / "ports.json"
        path.mkdir(parents=True, exist_ok=True)
        self.lock_fd = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self.lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self.lock_fd)
            raise StackError(
                "ALREADY_RUNNING", f"another stack uses {path}: stop it first, with `waystone local down`."
            ) from None

    @classmethod
    def open_persistent(cls, name: str) -> Self:
        """Open `.local/<name>`, which outlives the run. Raises StackError ALREADY_RUNNING."""
        return cls(LOCAL_ROOT / name, persistent=True)

    @classmethod
    def create_ephemeral(cls, name: str) -> Self:
        """Create a fresh folder, removed by `close`; what crashed runs left behind is removed first."""
        LOCAL_ROOT.mkdir(exist_ok=True)
        with (LOCAL_ROOT / "runs.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # no one may remove a folder between its creation and its lock
            remove_abandoned_runs()
            return cls(LOCAL_ROOT / f"{EPHEMERAL_PREFIX}{name}-{secrets.token_hex(4)}", persistent=False)

    def port(self, purpose: str) -> int:
        """Return this run's port for one purpose: the same at every start, so that URLs stay valid.

        Raises StackError PORT_TAKEN when another program listens there meanwhile.
        """
        known: dict[str, int] = json.loads(self._ports_file.read_text()) if self._ports_file.exists() else {}
        if purpose not in known:
            known[purpose] = free_port(taken=known.values())
            self._ports_file.write_text(json.dumps(known))
        elif not is_free(known[purpose]):
            raise StackError(
                "PORT_TAKEN",
                f"port {known[purpose]} ({purpose}) is in use: stop that program, or remove {self._ports_file}.",
            )
        return known[purpose]

    def keep_logs(self) -> Path:
        """Copy the logs out of an ephemeral folder, in place of those kept last; return where they are to stay."""
        if self.persistent:
            return self.path
        kept = LOCAL_ROOT / KEPT_LOGS / self.path.name.removeprefix(EPHEMERAL_PREFIX).rpartition("-")[0]
        shutil.rmtree(kept, ignore_errors=True)
        for log in self.path.rglob("*.log"):
            place = log.relative_to(self.path)
            if "data" not in place.parts:  # Kafka calls its segments so, too
                (kept / place).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(log, kept / place)
        return kept

    def with_kept_logs(self, error: StackError) -> StackError:
        """Keep the logs; return the error with what it says of this folder said of where they are now."""
        return StackError(error.code, error.message.replace(str(self.path), str(self.keep_logs())))

    def close(self) -> None:
        """Release the lock; an ephemeral folder is removed. Call after every server has ended."""
        if not self.persistent:
            shutil.rmtree(self.path, ignore_errors=True)
        os.close(self.lock_fd)


def remove_abandoned_runs() -> None:
    """Remove ephemeral folders that no living process holds the lock of."""
    for path in LOCAL_ROOT.glob(f"{EPHEMERAL_PREFIX}*"):
        try:
            lock_fd = os.open(path / "lock", os.O_RDWR)
        except FileNotFoundError:
            continue  # its own process is removing it
        try:
            fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)
        except BlockingIOError:
            continue
        finally:
            os.close(lock_fd)
