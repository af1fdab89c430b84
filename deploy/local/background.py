"""The process behind `waystone local up`: holds the persistent stack and its mailbox until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deploy.local import checkpoint_key
from deploy.local.databases import LOGINS, SERVICES
from deploy.local.errors import StackError
from deploy.local.folder import LOCAL_ROOT
from deploy.local.kafka import KafkaCluster
from deploy.local.mailbox.process import MailboxProcess
from deploy.local.postgres import PostgresServer
from deploy.local.stack import Stack

STATE = "state.json"
FAILURE = "failure.json"


async def serve(name: str, announce: Callable[[str], None] = print) -> None:
    """Start everything, write STATE, wait for SIGTERM or SIGINT, stop everything. Raises StackError.

    A signal while it starts ends that, too; further ones do not disturb the stopping.
    """
    serving = asyncio.create_task(_hold(name, announce))

    def stop() -> None:
        if not serving.cancelling():
            serving.cancel()

    for wanted in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(wanted, stop)
    with contextlib.suppress(asyncio.CancelledError):
        await serving


async def _hold(name: str, announce: Callable[[str], None]) -> None:
    state = LOCAL_ROOT / name / STATE
    async with (
        Stack(name, persistent=True, announce=announce) as stack,
        MailboxProcess(stack.folder) as mailbox,
    ):
        created = await stack.create_topics()
        announce(f"Topics: {len(created)} created")
        announce(f"Mailbox: {mailbox.http_url}")
        write_private(state, describe(stack, mailbox))
        try:
            await asyncio.Event().wait()
        finally:
            state.unlink(missing_ok=True)


def describe(stack: Stack, mailbox: MailboxProcess) -> dict[str, Any]:
    """Return what a person or a program needs to use the running stack; it holds passwords."""
    pids = {"stack": os.getpid(), "mailbox": mailbox.pid}
    if isinstance(stack.kafka, KafkaCluster):
        pids |= {f"kafka-{broker}": pid for broker, pid in stack.kafka.pids.items()}
    if isinstance(stack.postgres, PostgresServer):
        pids["postgres"] = stack.postgres.pid
    return {
        "bootstrap_servers": stack.bootstrap_servers,
        "database_urls": {service: stack.database_url(service) for service in SERVICES},
        "checkpoint_signing_key_file": str(checkpoint_key.private_file(stack.folder)),
        "checkpoint_public_key_file": str(checkpoint_key.public_file(stack.folder)),
        "login_urls": {
            service: {role: stack.login_url(service, role) for role in logins}
            for service, logins in LOGINS.items()
        },
        "mailbox": {"smtp_url": mailbox.smtp_url, "http_url": mailbox.http_url},
        "pids": pids,
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def write_private(path: Path, content: dict[str, Any]) -> None:
    """Write JSON that only this user may read; a reader sees all of it or nothing."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.touch(0o600)
    unfinished.write_text(json.dumps(content, indent=2))
    unfinished.rename(path)


def main() -> int:
    """Serve the stack the command line names; a failure is left in FAILURE for the command that started this."""
    name = sys.argv[1]
    try:
        asyncio.run(serve(name))
    except StackError as reason:
        write_private(LOCAL_ROOT / name / FAILURE, {"code": reason.code, "message": reason.message})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
