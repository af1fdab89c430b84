"""A place to run processes of the tiny service in, and what they say."""

import asyncio
import contextlib
import itertools
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import asyncpg
import pytest_asyncio
from aiokafka import AIOKafkaProducer

from deploy.local.stack import Stack
from tests.conftest import ROOT, Topics

EVENTUALLY_SECONDS = 60
_databases = itertools.count(1)


@dataclass
class Tiny:
    """A process of the tiny service, and what it said on standard error."""

    process: Process
    lines: list[dict[str, Any]] = field(default_factory=list)
    text: str = ""

    async def listen(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.text += line.decode()
            with contextlib.suppress(ValueError):
                self.lines.append(json.loads(line))

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(EVENTUALLY_SECONDS):
            while not condition():
                assert self.process.returncode is None, self.text
                await asyncio.sleep(0.05)

    def said(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line.get("event") == event]

    async def get(self, path: str) -> tuple[int, str]:
        """Status and body of a route, once the process serves."""
        await self.until(lambda: bool(self.said("serving")))
        return await asyncio.to_thread(self._get, f"http://127.0.0.1:{self.said('serving')[0]['port']}{path}")

    def _get(self, url: str) -> tuple[int, str]:
        try:
            with urlopen(url, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    async def until_status(self, path: str, status: int) -> None:
        async with asyncio.timeout(EVENTUALLY_SECONDS):
            while (await self.get(path))[0] != status:
                await asyncio.sleep(0.1)


@dataclass
class Place:
    """A database, topics, and the environment that names them."""

    stack: Stack
    environ: dict[str, str]

    async def execute(self, query: str) -> Any:
        connection = await asyncpg.connect(self.environ["DATABASE_URL"])
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    async def run(self, command: str, **changes: str | None) -> tuple[int, str]:
        """Exit code and standard error of a process that ends by itself."""
        async with self.start(command, **changes) as tiny, asyncio.timeout(EVENTUALLY_SECONDS):
            code = await tiny.process.wait()
            await asyncio.sleep(0.1)
        return code, tiny.text

    @contextlib.asynccontextmanager
    async def start(self, command: str, **changes: str | None) -> AsyncIterator[Tiny]:
        environ = {**os.environ, **self.environ, **changes}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.integration.tiny_service", command, cwd=ROOT, stderr=PIPE,
            env={name: value for name, value in environ.items() if value is not None},
        )  # fmt: skip
        tiny = Tiny(process)
        listening = asyncio.create_task(tiny.listen())
        try:
            yield tiny
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            await listening

    async def send(self, first: int, count: int) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.stack.bootstrap_servers, linger_ms=5)
        await producer.start()
        for n in range(first, first + count):
            await producer.send(self.environ["TOPIC_IN"], b'{"n": %d}' % n, key=b"k", partition=n % 2)
        await producer.stop()

    async def until_counted(self, count: int, seconds: float = EVENTUALLY_SECONDS) -> None:
        async with asyncio.timeout(seconds):
            while await self.execute("SELECT count(*) FROM tally") < count:
                await asyncio.sleep(0.1)

    async def assert_consistent(self) -> None:
        """What is stored, the outcomes and the positions say the same."""
        stored = await self.execute("SELECT count(*) FROM tally")
        assert stored == await self.execute("SELECT coalesce(sum(next_offset), 0) FROM consumer_position")
        assert stored == await self.execute("SELECT coalesce(sum(next_offset - first_offset), 0) FROM batch")


@pytest_asyncio.fixture
async def place(stack: Stack, topic: Topics) -> AsyncIterator[Place]:
    name = f"tiny_{os.getpid()}_{next(_databases)}"
    await stack.create_database(name)
    yield Place(
        stack,
        {
            "KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap_servers,
            "DATABASE_URL": stack.database_url(name),
            "TOPIC_IN": await topic("in", partitions=2),
            "TOPIC_OUT": await topic("out", partitions=1),
            "TOPIC_DLQ": await topic("dlq", partitions=1),
            "GROUP_INSTANCE_ID": "tiny-0",
        },
    )
    admin = await asyncpg.connect(stack.database_url("postgres"))
    await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await admin.close()
