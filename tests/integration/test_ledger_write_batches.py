"""Bad records first, in the middle, last and alone in a batch of the ledger: each gets its code, others are kept."""

import itertools
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from aiokafka import ConsumerRecord

from services.kit.sql import Connection
from tests.conftest import Database
from tests.integration.bad_input import FAULTS, NO_KEY_TO_TAKE_AWAY, NO_VALUE, PLACES, Parts, batches
from tests.integration.ledger_write_rig import apply, at, entry, other, thanks
from tests.unit.ledger_records import raw_record

_numbers = itertools.count(1)


@pytest_asyncio.fixture
async def connection(database: Database) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(await database("ledger"))
    yield connection
    await connection.close()


def deed(n: int) -> ConsumerRecord:
    return entry("deed", at(3), f"d-{n}", employee="e-1", title="A deed", basis="effort", size="small")


def person(n: int, **changed: Any) -> ConsumerRecord:
    body = {"employee": f"e-{n}", "name": "Ada", "teams": [{"since": "2024-01-01", "team": "north"}],
            "statuses": [{"since": "2024-01-01", "status": "active"}]}  # fmt: skip
    return other("person", at(3), f"p-{n}", **(body | changed))


def wish(n: int, **changed: Any) -> ConsumerRecord:
    return other("preferences", at(3), f"w-{n}", **({"employee": f"e-{n}", "celebrate": "private"} | changed))


def erasure(n: int) -> ConsumerRecord:
    return other("erasure", at(3), f"x-{n}", employee=f"e-{n}", scope="given")


@pytest.mark.parametrize(
    ("make", "faults", "table"),
    [
        (deed, FAULTS | NO_VALUE, "entry"),
        (person, FAULTS | NO_KEY_TO_TAKE_AWAY, "person"),
        (wish, FAULTS | NO_KEY_TO_TAKE_AWAY, "preference"),
        (erasure, FAULTS | NO_VALUE, "erasure"),
    ],
    ids=["entries", "people", "preferences", "erasures"],
)
async def test_a_bad_record_is_refused_wherever_it_stands_and_the_others_are_kept(
    connection: Connection, make: Callable[[int], ConsumerRecord], faults: Any, table: str
) -> None:
    topic, kept = make(0).topic, 0

    def good() -> Parts:
        record = make(next(_numbers))
        return Parts(record.key, record.value, tuple(record.headers))

    for what, records, wanted in batches(faults, good):
        offsets = iter(range(10))
        batch = [raw_record(topic, *parts, offset=next(offsets)) for parts in records]
        assert (what, await apply(connection, batch)) == (what, wanted)
        kept += wanted.count("applied")
    assert await connection.fetchval(f"SELECT count(*) FROM {table}") == kept


_KNOWN: dict[str, tuple[str, Callable[[int], ConsumerRecord]]] = {
    "another body under a known id, entry": (
        "ID_CONFLICT", lambda _: thanks("e-1", at(2), "known", "e-9", words="Other words."),
    ),
    "another body under a known id, person": ("ID_CONFLICT", lambda _: person(-1, name="Eve")),
    "a person who is erased": ("ignored", lambda n: other(
        "person", at(4), f"gone-{n}", employee="gone", name="Ada",
        teams=[{"since": "2024-01-01", "team": "north"}], statuses=[{"since": "2024-01-01", "status": "active"}],
    )),
    "wishes of a person who is erased": ("ignored", lambda n: wish(n, employee="gone")),
    "an entry that is there": ("duplicate", lambda _: thanks("e-1", at(2), "known", "e-9")),
    "a person's record that is there": ("duplicate", lambda _: person(-1)),
    "an erasure that is there": ("duplicate", lambda _: other(
        "erasure", at(3), "x-gone", employee="gone", scope="given")),
}  # fmt: skip


@pytest.mark.parametrize("what", _KNOWN)
async def test_what_history_does_not_take_changes_nothing_wherever_it_stands(
    connection: Connection, what: str
) -> None:
    outcome, make = _KNOWN[what]
    first = [thanks("e-1", at(2), "known", "e-9"), person(-1), other(
        "erasure", at(3), "x-gone", employee="gone", scope="given")]  # fmt: skip
    assert await apply(connection, first) == ["applied"] * 3
    deeds = 0
    for place, is_good in PLACES.items():
        batch = [deed(next(_numbers)) if fine else make(n) for n, fine in enumerate(is_good)]
        wanted = ["applied" if fine else outcome for fine in is_good]
        assert (place, await apply(connection, batch)) == (place, wanted)
        deeds += sum(is_good)
    assert await connection.fetchval("SELECT count(*) FROM entry") == 1 + deeds
    assert await connection.fetchval("SELECT array_agg(name) FROM person") == ["Ada"]
    assert await connection.fetchval("SELECT count(*) FROM preference") == 0
    assert await connection.fetchval("SELECT words FROM words WHERE title = 'Thanks'") is None


HOSTILE = [
    "<script>alert(1)</script>", "javascript:alert(1)", "<!channel> @everyone", "<http://evil|bank>",
    "a\r\nBcc: x@evil.example", "=?utf-8?q?=0ABcc:x?=", "{{7*7}}", "a\nERROR forged \x1b[31m",
    "'; DROP TABLE entry; --",
]  # fmt: skip


async def test_hostile_text_is_kept_as_it_is(connection: Connection) -> None:
    batch = [thanks("e-1", at(2), f"h-{n}", "e-9", words=text) for n, text in enumerate(HOSTILE)]
    assert await apply(connection, batch) == ["applied"] * len(HOSTILE)
    rows = await connection.fetch("SELECT words FROM words")
    assert sorted(row["words"] for row in rows) == sorted(HOSTILE)
