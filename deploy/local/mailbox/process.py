"""The mailbox as a guarded process of a run: for the demo, tests and `waystone local`."""

from __future__ import annotations

import asyncio
import sys
import time
from types import TracebackType
from typing import Self

from deploy.local.errors import StackError
from deploy.local.folder import PROJECT_ROOT, RunFolder
from deploy.local.guarded import GuardedProcess

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
LOOK_EVERY_S = 0.05


class MailboxProcess:
    """One mailbox in a run folder; ends with this process. An async context manager."""

    def __init__(self, folder: RunFolder) -> None:
        """Prepare a mailbox on this run's ports; nothing runs until `start`."""
        self._folder = folder
        self.smtp_port = folder.port("mailbox-smtp")
        self.http_port = folder.port("mailbox-http")
        self._process: GuardedProcess | None = None

    @property
    def smtp_url(self) -> str:
        """Where mail goes, as `smtp://host:port`."""
        return f"smtp://127.0.0.1:{self.smtp_port}"

    @property
    def http_url(self) -> str:
        """Where the pages are; chat webhooks go to `<http_url>/hooks/<channel>`."""
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def pid(self) -> int | None:
        """Process id of the running mailbox."""
        return self._process.pid if self._process is not None and self._process.running else None

    async def start(self) -> None:
        """Start and wait until both ports are open. Raises StackError START_FAILED."""
        announced = self._folder.path / "mailbox.json"
        announced.unlink(missing_ok=True)
        command = [sys.executable, "-m", "deploy.local.mailbox", "--announce", str(announced)]
        command += ["--smtp-port", str(self.smtp_port), "--http-port", str(self.http_port)]
        self._process = GuardedProcess(
            "the mailbox",
            command,
            log=self._folder.path / "mailbox.log",
            farewell="TERM",
            cwd=PROJECT_ROOT,
            keep_open=[self._folder.lock_fd],
        )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not announced.exists():
            if not self._process.running:
                raise self._process.failure()
            if time.monotonic() > deadline:
                await self.stop()
                raise StackError(
                    "START_FAILED", f"the mailbox did not open its ports in {START_TIMEOUT_S:.0f} s."
                )
            await asyncio.sleep(LOOK_EVERY_S)

    async def stop(self) -> None:
        """Stop it; the mails it kept are gone."""
        if self._process is not None:
            await self._process.stop("TERM", STOP_TIMEOUT_S)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
