"""A bad record in every place of one batch, and nothing but bad ones, at ledger and notifier.

End to end the consumers batch as they like; here the batch is ours.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from aiokafka import ConsumerRecord, TopicPartition

from schemas.registry import BY_NAME
from services.kit import outbox, positions
from services.kit.batch import Handler, Item, Outgoing
from services.kit.sql import Pool
from services.kit.writer import Writer
from services.ledger.handlers import LedgerHandler
from services.notifier.handlers import NotifierHandler
from tests.conftest import Database
from tests.e2e.bad_records import ENTRY, PLACES, Raw, bad_records, good

TOPIC = BY_NAME["deed"].topic
LOG = TopicPartition(TOPIC, 0)
HANDLERS: dict[str, Callable[[], Handler[Any]]] = {
    "ledger": lambda: LedgerHandler(b"key"),
    "notifier": lambda: NotifierHandler(b"key"),
}
# The ledger keeps deeds, the notifier tells nobody of them.
KEPT_AS = {"ledger": "applied", "notifier": "ignored"}
OFFSETS_MAX = 1_000
BAD = bad_records("deed", ENTRY)


@pytest_asyncio.fixture(params=HANDLERS)
async def service(request: pytest.FixtureRequest, database: Database) -> AsyncIterator[tuple[str, Pool]]:
    """The name of a service and connections to its empty database."""
    name = str(request.param)
    async with asyncpg.create_pool(await database(name), min_size=1, max_size=2) as pool:
        yield name, pool


def record_of(raw: Raw, offset: int) -> ConsumerRecord:
    """As Kafka would hand it over."""
    size = len(raw.value or b"")
    return ConsumerRecord(TOPIC, 0, offset, 0, 0, raw.key, raw.value, None, 5, size, tuple(raw.headers))


async def store(pool: Pool, handler: Handler[Any], batch: Sequence[Raw]) -> list[str]:
    """Store one batch, going on where the partition stands; return each record's outcome or refusal's code."""
    async with pool.acquire() as connection:
        [position] = await positions.claim(
            connection, [LOG], cluster_id="test", beginnings={LOG: 0}, ends={LOG: OFFSETS_MAX}
        )
    now = datetime.now(UTC)
    first = position.next_offset
    records = [record_of(raw, first + place) for place, raw in enumerate(batch)]
    items = [Item(position, record, handler.decode(record, now)) for record in records]
    await Writer(pool, handler, group="test", digest_key=b"key").store(items)
    return [item.refusal.code if item.refusal else item.outcome for item in items]


async def letters(pool: Pool) -> list[Outgoing]:
    """What the outbox holds for the dead-letter topic."""
    rows = await pool.fetch("SELECT records FROM outbox ORDER BY id")
    outgoing: list[Outgoing] = [one for row in rows for one in outbox.unpack(row["records"])]
    return [one for one in outgoing if one.topic.startswith("recognition.dlq.")]


@pytest.mark.parametrize("place", PLACES)
async def test_each_bad_record_is_refused_wherever_it_stands_and_the_others_are_kept(
    service: tuple[str, Pool], place: str
) -> None:
    name, pool = service
    if place == "all":
        batches = [[(raw, code) for code, raw in BAD.values()]]
    else:
        batches = [
            [(good("deed", ENTRY), KEPT_AS[name]) if is_good else (raw, code) for is_good in PLACES[place]]
            for code, raw in BAD.values()
        ]
    for batch in batches:
        raws, wanted = zip(*batch, strict=True)
        assert await store(pool, HANDLERS[name](), raws) == list(wanted)
    assert len(await letters(pool)) == len(BAD)
    # The next good record is stored as if nothing had been.
    assert await store(pool, HANDLERS[name](), [good("deed", ENTRY)]) == [KEPT_AS[name]]
