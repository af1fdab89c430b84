"""Bad records first, in the middle, last and alone in a batch of the notifier: each gets its code, others are kept."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from schemas.registry import BY_TYPE
from services.kit import cloudevents
from services.kit.cloudevents import Event
from tests.integration.bad_input import FAULTS, NO_KEY_TO_TAKE_AWAY, NO_VALUE, PLACES, Parts, batches
from tests.integration.notifier_rig import (
    Notifier,
    delivery,
    erasure,
    event,
    person,
    record_with,
    thanks,
    wishes,
    withdrawal,
)

AT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
_numbers = itertools.count(1)


@pytest.fixture
async def notifier(database: Callable[[str], Awaitable[str]]) -> AsyncIterator[Notifier]:
    pool = await asyncpg.create_pool(await database("notifier"), min_size=0, max_size=2)
    yield Notifier(pool, {})
    pool.terminate()


def note(n: int) -> Event:
    return thanks("e-1", f"note-{n}", time=AT)


@pytest.mark.parametrize(
    ("make", "faults", "table"),
    [
        (note, FAULTS | NO_VALUE, "intent"),
        (lambda n: withdrawal(note(n), "e-1"), FAULTS | NO_VALUE, "withdrawn"),
        (lambda n: person(f"e-{n}", "Ada"), FAULTS | NO_KEY_TO_TAKE_AWAY, "person"),
        (lambda n: wishes(f"e-{n}"), FAULTS | NO_KEY_TO_TAKE_AWAY, "preference"),
        (lambda n: erasure(f"e-{n}"), FAULTS | NO_VALUE, "person"),
        (lambda n: delivery(note(n), "e-1"), FAULTS | NO_VALUE, "told"),
    ],
    ids=["recognitions", "withdrawals", "people", "preferences", "erasures", "deliveries"],
)
async def test_a_bad_record_is_refused_wherever_it_stands_and_the_others_are_kept(
    notifier: Notifier, make: Callable[[int], Event], faults: Any, table: str
) -> None:
    topic, kept = BY_TYPE[make(0).type].topic, 0

    def good() -> Parts:
        key, value, headers = cloudevents.encode(make(next(_numbers)))
        return Parts(key, value, tuple(headers))

    for what, records, wanted in batches(faults, good):
        batch = [record_with(topic, *parts) for parts in records]
        assert (what, await notifier.receive(*batch)) == (what, wanted)
        kept += wanted.count("applied")
    assert await notifier.pool.fetchval(f"SELECT count(*) FROM {table}") == kept


ADA = person("e-ada", "Ada", time=AT)
_KNOWN: dict[str, tuple[str, Callable[[int], Event]]] = {
    "another body under a known id, recognition": (
        "ID_CONFLICT", lambda _: thanks("e-1", "known", time=AT, words="Other words."),
    ),
    "another body under a known id, person": (
        "ID_CONFLICT", lambda _: person("e-ada", "Eve", time=AT),
    ),
    "a person who is erased": ("ignored", lambda n: person("gone", f"Eve {n}")),
    "a recognition that is there": ("duplicate", lambda _: thanks("e-1", "known", time=AT)),
    "a person's record that is there": ("duplicate", lambda _: ADA),
    "an erasure that is there": ("duplicate", lambda _: erasure("gone")),
    "a deed": ("ignored", lambda n: event("deed", {
        "employee": "e-1", "cause": {"source": "urn:git", "id": "m"}, "title": "Merged", "basis": "both",
        "size": "small",
    }, id_=f"00000000-0000-8000-8000-00000000000{n}")),
}  # fmt: skip


@pytest.mark.parametrize("what", _KNOWN)
async def test_what_is_not_taken_changes_nothing_wherever_it_stands(notifier: Notifier, what: str) -> None:
    outcome, make = _KNOWN[what]
    first = [thanks("e-1", "known", time=AT), ADA, erasure("gone")]
    assert await notifier.receive(*first) == ["applied"] * 3
    notes = 0
    for place, is_good in PLACES.items():
        batch = [note(next(_numbers)) if fine else make(n) for n, fine in enumerate(is_good)]
        wanted = ["applied" if fine else outcome for fine in is_good]
        assert (place, await notifier.receive(*batch)) == (place, wanted)
        notes += sum(is_good)
    assert await notifier.pool.fetchval("SELECT count(*) FROM intent") == 1 + notes
    assert (
        await notifier.pool.fetchval("SELECT count(*) FROM intent WHERE position('Other' IN body) > 0") == 0
    )
    assert await notifier.pool.fetchval("SELECT count(*) FROM person WHERE body IS NOT NULL") == 1
    assert "Ada" in await notifier.pool.fetchval("SELECT body FROM person WHERE employee = 'e-ada'")
