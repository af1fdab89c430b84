"""A company's history drawn from a seed, and writers that go on while something else is done to the tables."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg
from aiokafka import ConsumerRecord

from services.kit.errors import Retry
from services.kit.remedy import TROUBLE, remedy
from services.ledger.handlers import LedgerHandler
from tests.integration.ledger_write_rig import apply, entry, thanks, withdrawal

FIRST = datetime(2026, 9, 1, tzinfo=UTC)
_WAIT_SECONDS_MAX = 60
# So that history stays short enough to be folded again and again.
_PAUSE_SECONDS = 0.05


class History:
    """Deeds, thanks, growth and withdrawals of `people` colleagues over two months, one at a time, without end."""

    def __init__(self, seed: int, people: int = 30, *, first: datetime = FIRST, days: int = 60) -> None:
        self._draw = random.Random(seed)
        self._numbers = (f"{seed}-{number}" for number in itertools.count())
        self._people = [f"e-{number:03}" for number in range(people)]
        self._first, self._seconds = first, days * 86_400
        self._kept: list[ConsumerRecord] = []
        self._deeds: list[tuple[str, str]] = []

    def go_on_from(self, first: datetime, days: int) -> None:
        """From now on things happen in this window; they answer and take back what happened before, too."""
        self._first, self._seconds = first, days * 86_400

    def take(self, count: int) -> list[ConsumerRecord]:
        """The next `count` records."""
        return [self._next() for _ in range(count)]

    def _next(self) -> ConsumerRecord:
        draw, label = self._draw, next(self._numbers)
        who, giver = draw.sample(self._people, 2)
        at = self._first + timedelta(seconds=draw.randrange(self._seconds), milliseconds=draw.randrange(1000))
        kind = draw.choices(("deed", "thanks", "growth", "withdrawal"), (4, 5, 1, 1))[0]
        if kind == "withdrawal" and self._kept:
            return withdrawal(self._kept.pop(draw.randrange(len(self._kept))), at, label)
        if kind == "growth":
            return entry("growth", at, label, employee=who, kind="training", title="Grew")
        if kind == "thanks" and self._deeds:
            author, cause = draw.choice(self._deeds)
            said = {"answers": {"source": "urn:tracker", "id": cause}, "goal": draw.choice((None, "water"))}
            givers = [person for person in self._people if person != author]
            record = thanks(author, at, label, draw.choice(givers), basis="both",
                            **{key: value for key, value in said.items() if value})  # fmt: skip
        else:
            record = entry("deed", at, label, employee=who, title="Did it", basis="effort", size="small",
                           **draw.choice(({}, {"accepted_by": giver})))  # fmt: skip
            self._deeds.append((who, label))
        self._kept.append(record)
        return record


@dataclass(slots=True)
class Writing:
    """What the writers of `while_writing` have done so far."""

    batches: int = 0

    async def goes_on(self, more: int = 3) -> None:
        """Return once `more` further batches are stored; fails when they are not within a minute."""
        wanted = self.batches + more
        async with asyncio.timeout(_WAIT_SECONDS_MAX):
            while self.batches < wanted:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def while_writing(url: str, histories: Sequence[History], batch: int = 40) -> AsyncIterator[Writing]:
    """One writer for each history stores batch after batch until the block ends. Deadlocks are tried again."""
    writing, ending = Writing(), asyncio.Event()

    async def write(history: History) -> None:
        connection = await asyncpg.connect(url)
        handler = LedgerHandler(b"key")
        while not ending.is_set():
            records = history.take(batch)
            while True:
                try:
                    await apply(connection, records, handler)
                except (*TROUBLE, Retry) as error:
                    if not isinstance(error, Retry) and not isinstance(remedy(error), Retry):
                        raise
                else:
                    break
            writing.batches += 1
            await asyncio.sleep(_PAUSE_SECONDS)
        await connection.close()

    async with asyncio.TaskGroup() as writers:
        for history in histories:
            writers.create_task(write(history))
        try:
            yield writing
        finally:
            ending.set()
