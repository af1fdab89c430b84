"""What is looked at every few seconds starts from the few people erased, not from everybody."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest

from services.notifier.queries import QUERIES

_EVERYBODY = """
INSERT INTO person (employee, happened_at, event_id, body)
SELECT 'e-' || n, now(), 'p', '{}' FROM generate_series(1, 20000) AS n;
INSERT INTO preference (employee, happened_at, event_id, privacy, body)
SELECT employee, now(), 'w', 0, '{}' FROM person;
INSERT INTO person (employee, erased) SELECT 'gone-' || n, 'given' FROM generate_series(1, 20) AS n;
INSERT INTO intent (recognition, employee, giver, occurred_at, correlation, body, digest, due_at, arrived_at)
SELECT gen_random_uuid(), 'e-' || n, 'e-' || n + 1, now(), 'c', '{}', '', now() + interval '1 day', now()
FROM generate_series(1, 5000) AS n;
ANALYZE person, preference, intent;
"""


@pytest.fixture
async def connection(
    database: Callable[[str], Awaitable[str]],
) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    made = await asyncpg.connect(await database("notifier"))
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("query", "arguments"),
    [("forget_preferences", ()), ("recall_messages", ("n",)), ("recall_intents", ("n",))],
)
async def test_upkeep_reads_neither_everybody_s_record_nor_everybody_s_wishes(
    connection: asyncpg.Connection[asyncpg.Record], query: str, arguments: tuple[str, ...]
) -> None:
    await connection.execute(_EVERYBODY)
    text = QUERIES[query].replace("$1", "now()") if arguments else QUERIES[query]
    plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {text}"))
    assert "Seq Scan on person" not in plan
    assert "Seq Scan on preference" not in plan


async def test_words_go_when_one_of_several_reasons_says_so(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    await connection.execute(_EVERYBODY)
    await connection.execute(
        "INSERT INTO withdrawn (recognition) SELECT recognition FROM intent WHERE employee IN ('e-1', 'e-2')"
    )
    await connection.execute(
        "UPDATE person SET erased = 'received', happened_at = NULL, event_id = NULL, body = NULL WHERE employee = 'e-1'"
    )
    rows = await connection.fetch("SELECT employee, words_go FROM called_off ORDER BY employee")
    assert [tuple(row) for row in rows] == [("e-1", True), ("e-2", False)]
