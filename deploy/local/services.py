"""The three services as guarded processes on a stack: for the demo, and for tests that kill them."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from deploy.local import checkpoint_key
from deploy.local.databases import LOGINS, SERVICES, login_url
from deploy.local.errors import StackError
from deploy.local.folder import PROJECT_ROOT
from deploy.local.guarded import GuardedProcess
from deploy.local.mailbox.process import MailboxProcess
from deploy.local.stack import Stack

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
LOOK_EVERY_S = 0.05
HTTP_TIMEOUT_S = 5.0
_DIRECTLY = build_opener(ProxyHandler({}))  # a proxy of the environment does not lead to this machine
# Settings of ours that the surrounding environment must not decide: where mail goes, above all.
_OWN = (
    "SMTP_",
    "MAIL_",
    "CHAT_",
    "KAFKA_",
    "DATABASE_",
    "READER_",
    "HTTP_",
    "JWT_",
    "PAGE_",
    "GROUP_",
    "PUBLIC_",
    "CHECKPOINT_",
    "RECORD_",
)


class ServiceProcess:
    """One service: `python -m services.<name>`, migrated and served; ends with this process."""

    def __init__(self, name: str, stack: Stack, env: Mapping[str, str]) -> None:
        """Prepare; nothing runs until `start`. `env`: settings beside those of the stack."""
        self.name = name
        self._folder = stack.folder
        self.http_port = self._folder.port(f"{name}-http")
        self._env = {
            **{key: value for key, value in os.environ.items() if not key.startswith(_OWN)},
            "KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap_servers,
            "DATABASE_URL": stack.database_url(name),
            "HTTP_PORT": str(self.http_port),
            "GROUP_INSTANCE_ID": f"{name}-1",
            **env,
        }
        # Who migrates owns the tables; who serves has the rights of its logins, where the service has them.
        owner_url = self._env["DATABASE_URL"]
        self._logins = {role: login_url(owner_url, name, role) for role in LOGINS.get(name, ())}
        self._process: GuardedProcess | None = None

    @property
    def http_url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process is not None and self._process.running else None

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self._folder.path / f"{self.name}.log"

    async def migrate(self) -> None:
        """Bring the database to this code's schema. Raises StackError START_FAILED."""
        process = self._run("migrate")
        if not await process.finish(START_TIMEOUT_S):
            raise process.failure()

    async def start(self) -> None:
        """Serve, and return when it consumes: partitions assigned and claimed. Raises StackError START_FAILED."""
        self._process = self._run("serve")
        deadline = time.monotonic() + START_TIMEOUT_S
        while not await self.answers("/readyz/consumer"):
            if not self._process.running:
                raise self._process.failure()
            if time.monotonic() > deadline:
                raise StackError("START_FAILED", f"{self.name} does not consume; see {self._process.log}.")
            await asyncio.sleep(LOOK_EVERY_S)

    async def answers(self, path: str) -> bool:
        """Tell whether a GET of `path` answers 200."""
        return await asyncio.to_thread(_answers, self.http_url + path)

    async def kill(self) -> None:
        """SIGKILL, and return when it has ended."""
        if self._process is not None:
            await self._process.stop("KILL", STOP_TIMEOUT_S)

    async def stop(self) -> int | None:
        """SIGTERM, and return its exit status when it has drained; SIGKILL after 20 s."""
        if self._process is None:
            return None
        await self._process.stop("TERM", STOP_TIMEOUT_S)
        return self._process.status

    def _run(self, command: str) -> GuardedProcess:
        env = dict(self._env)
        if command == "serve" and self._logins:
            env["DATABASE_URL"] = self._logins["writer"]
            env["READER_DATABASE_URL"] = self._logins["reader"]
        return GuardedProcess(
            f"service {self.name}",
            [sys.executable, "-m", f"services.{self.name}", command],
            log=self.log,
            farewell="TERM",
            env=env,
            cwd=PROJECT_ROOT,
            keep_open=[self._folder.lock_fd],
        )


class House:
    """All three services and a mailbox on a stack that is up and has its topics. An async context manager."""

    def __init__(self, stack: Stack, env: Mapping[str, Mapping[str, str]] | None = None) -> None:
        """`env`: further settings by service. Mail and chat always go to the mailbox, whatever they say."""
        self.mailbox = MailboxProcess(stack.folder)
        further = dict(env or {})
        defaults = {"ledger": {"CHECKPOINT_SIGNING_KEY_FILE": str(checkpoint_key.private_file(stack.folder))}}
        own = {
            "notifier": {
                "SMTP_HOST": "127.0.0.1",
                "SMTP_PORT": str(self.mailbox.smtp_port),
                "SMTP_TLS": "none",
                "MAIL_FROM": "waystone@example.invalid",
                "CHAT_WEBHOOK_URL": f"{self.mailbox.http_url}/hooks/waystone",
            }
        }
        self.services = {
            name: ServiceProcess(
                name, stack, {**defaults.get(name, {}), **further.get(name, {}), **own.get(name, {})}
            )
            for name in SERVICES
        }

    def __getitem__(self, name: str) -> ServiceProcess:
        """One service by name."""
        return self.services[name]

    async def start(self) -> None:
        """Start the mailbox, migrate and start the services side by side; nothing is left running on failure."""
        try:
            await self.mailbox.start()
            await asyncio.gather(*(service.migrate() for service in self.services.values()))
            await asyncio.gather(*(service.start() for service in self.services.values()))
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Drain and stop everything."""
        await asyncio.gather(*(service.stop() for service in self.services.values()))
        await self.mailbox.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


def _answers(url: str) -> bool:
    try:
        with _DIRECTLY.open(url, timeout=HTTP_TIMEOUT_S) as response:
            return bool(response.status == 200)
    except (URLError, OSError):
        return False
