"""The demo as a user starts it: real Kafka, Postgres, services and mailbox, in processes of their own."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Any

import psutil
import pytest

from deploy.local.databases import SERVICES
from deploy.local.stack import Stack
from services.cli.demo.emptiness import expect_empty
from services.cli.errors import CliError
from services.cli.producer import connected

ROOT = Path(__file__).parents[2]
ENDS_WITHIN_S = 240
STOPS_WITHIN_S = 120  # a bound, not a promise: the machine may be busy
PLANTED = {"night-shift-unthanked", "results-only-lead", "newcomer-forgotten", "team-outside-network"}

pytestmark = pytest.mark.timeout(ENDS_WITHIN_S + 60)


async def start(*arguments: str) -> Process:
    """`waystone demo …`, with nothing in its environment that would redirect it."""
    env = {
        key: value
        for key, value in os.environ.items()
        if key not in ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL")
    }
    command = ["-m", "services.cli", "demo", *arguments]
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        cwd=ROOT,
        env=env,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
    )


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_the_demo_finds_its_planted_gaps_and_all_its_figures_agree() -> None:
    demo = await start("--once", "--json")
    try:
        out, told = await asyncio.wait_for(demo.communicate(), ENDS_WITHIN_S)
    finally:
        if demo.returncode is None:
            demo.terminate()
    assert demo.returncode == 0, told.decode()
    result: dict[str, Any] = json.loads(out)
    checks = {check["name"]: check for check in result["checks"]}
    assert [name for name, check in checks.items() if not check["passed"]] == []
    assert {"waystone verify", "planted gaps found", "addresses open"} <= checks.keys()
    assert {gap["planted"] for gap in result["gaps"] if gap["planted"]} == PLANTED
    # The figures are those of a whole company: thousands sent, each with its outcome, and a week of them told.
    sent = sum(result["sent"].values())
    assert sent > 5_000
    assert checks["recognition: records = outcomes"]["says"].startswith(f"{sent:,} = {sent:,} (")
    intents, _, rest = checks["intents = mails + chats + suppressed"]["says"].partition(" = ")
    assert int(intents.replace(",", "")) > 1_000
    assert not rest.startswith("0 + 0 +")


async def test_the_demo_stays_up_until_ctrl_c_and_leaves_nothing_behind() -> None:
    demo = await start()
    assert demo.stdout is not None
    assert demo.stderr is not None
    folder, seen = "", []
    try:
        async with asyncio.timeout(ENDS_WITHIN_S):
            while line := (await demo.stdout.readline()).decode():
                seen.append(line)
                if "data in " in line:
                    folder = line.split("data in ")[1].strip()
                if line.startswith("live: "):
                    break
        assert "".join(seen[-1:]).startswith("live: "), "".join(seen) + (await demo.stderr.read()).decode()
        started = psutil.Process(demo.pid).children(recursive=True)
        words = "\n".join(" ".join(process.cmdline()) for process in started)
        for name in ("kafka.Kafka", "postgres", "deploy.local.mailbox", *(f"services.{s}" for s in SERVICES)):
            assert name in words, words
        demo.send_signal(signal.SIGINT)
        await asyncio.wait_for(demo.communicate(), STOPS_WITHIN_S)
    finally:
        if demo.returncode is None:
            demo.kill()
    assert demo.returncode == 0
    async with asyncio.timeout(STOPS_WITHIN_S):
        while any(is_alive(process) for process in started):
            await asyncio.sleep(0.1)
    assert not (ROOT / folder).exists()


async def test_told_to_stop_while_it_starts_the_demo_ends_with_a_sentence() -> None:
    demo = await start()
    assert demo.stdout is not None
    while b"Starting Kafka" not in (line := await demo.stdout.readline()):
        assert line, "the demo ended"
    demo.terminate()
    _, told = await asyncio.wait_for(demo.communicate(), STOPS_WITHIN_S)
    assert told.decode() == "waystone: INTERRUPTED: stopped before the end\n"
    assert demo.returncode == 130


async def test_the_demo_does_not_go_among_records_that_are_there(stack: Stack) -> None:
    environ = {"KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap_servers}
    async with connected(environ) as producer:
        await producer.send_and_wait("recognition.goals.v1", b"{}", key=b"e-1")
    with pytest.raises(CliError, match="NOT_EMPTY: recognition"):
        await expect_empty(stack.bootstrap_servers)
