"""Standing, days and deeds equal the fold of the entries, however these come."""

import itertools
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest_asyncio
from aiokafka import ConsumerRecord
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.kit.sql import Connection
from services.ledger.domain import fold
from services.ledger.handlers import LedgerHandler
from tests.conftest import Database
from tests.integration.ledger_write_rig import (
    APPLIED,
    DUPLICATE,
    apply,
    at,
    entry,
    entry_of,
    saying_something,
    stored,
    thanks,
    withdrawal,
)

_companies = itertools.count()
PEOPLE = ("a", "b", "c")
histories = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest_asyncio.fixture
async def connection(database: Database) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(await database("ledger"))
    yield connection
    await connection.close()


@st.composite
def a_history(draw: st.DrawFn) -> tuple[str, list[ConsumerRecord]]:
    """Up to a dozen entries of three people over two months, and withdrawals of some; the prefix of their ids."""
    prefix = f"p{next(_companies)}-"
    people, days = st.sampled_from(PEOPLE).map(prefix.__add__), st.integers(1, 60)
    causes = st.sampled_from(("one", "two"))
    records: list[ConsumerRecord] = []
    for number in range(draw(st.integers(1, 12))):
        who, when, label = draw(people), at(draw(days)), f"n{number}"
        goal: dict[str, Any] = draw(st.sampled_from(({}, {"goal": "clear-water"})))
        match draw(st.sampled_from(("deed", "thanks", "thanks", "rule", "growth", "assignment"))):
            case "deed":
                accepted = draw(st.sampled_from(({}, *({"accepted_by": prefix + p} for p in PEOPLE))))
                cause = {"source": "urn:tracker", "id": draw(causes)}
                record = entry("deed", when, label, employee=who, cause=cause, title="Did it",
                               basis="effort", size="small", **accepted)  # fmt: skip
            case "thanks":
                about = {"source": "urn:tracker", "id": draw(causes)}
                answers = draw(st.sampled_from(({}, {"answers": about})))
                basis = draw(st.sampled_from(("effort", "result", "both")))
                record = thanks(who, when, label, draw(people), giver_is_manager=draw(st.booleans()),
                                basis=basis, **answers, **goal)  # fmt: skip
            case "rule":
                record = entry("recognition", when, label, employee=who, by="rule", kind="award", title="Award",
                               answers={"source": "urn:tracker", "id": draw(causes)}, **goal)  # fmt: skip
            case "growth":
                kind = draw(st.sampled_from(("training", "first-skill", "reflection", "goal")))
                record = entry("growth", when, label, employee=who, kind=kind, title="Grew")
            case _:
                status = draw(st.sampled_from(("assigned", "completed", "dropped")))
                record = entry("assignment-noted", when, label, employee=who, title="Lead", status=status,
                               lead=draw(st.booleans()), stretch=draw(st.booleans()))  # fmt: skip
        records.append(record)
    for number in draw(st.sets(st.integers(0, len(records) - 1), max_size=4)):
        records.append(withdrawal(records[number], at(draw(days)), f"w{number}"))
    return prefix, records


@st.composite
def arriving(draw: st.DrawFn) -> tuple[str, list[ConsumerRecord], list[list[ConsumerRecord]]]:
    """A history, and the batches it comes in: in any order, some entries more than once."""
    prefix, records = draw(a_history())
    again = draw(st.lists(st.sampled_from(records), max_size=4))
    order = draw(st.permutations(records + again))
    cuts = sorted(draw(st.sets(st.integers(1, len(order)), max_size=4)) | {0, len(order)})
    return prefix, records, [order[start:end] for start, end in itertools.pairwise(cuts)]


@histories
@given(arriving())
async def test_any_order_and_splitting_of_a_history_gives_the_same_projections(
    connection: Connection, history: tuple[str, list[ConsumerRecord], list[list[ConsumerRecord]]]
) -> None:
    prefix, records, batches = history
    handler = LedgerHandler(b"key")
    outcomes = [outcome for batch in batches for outcome in await apply(connection, batch, handler)]
    assert outcomes.count(APPLIED) == len(records)
    assert outcomes.count(DUPLICATE) == len(outcomes) - len(records)
    expected = saying_something(fold(entry_of(record) for record in records))
    assert saying_something(await stored(connection, prefix)) == expected
    assert saying_something(await stored(connection, prefix, folds=True)) == expected


@histories
@given(a_history())
async def test_a_replay_is_all_duplicates_and_changes_nothing(
    connection: Connection, history: tuple[str, list[ConsumerRecord]]
) -> None:
    prefix, records = history
    await apply(connection, records)
    before = await stored(connection, prefix)
    assert set(await apply(connection, records)) == {DUPLICATE}
    assert await stored(connection, prefix) == before


async def test_thanks_taken_back_count_for_neither_side(connection: Connection) -> None:
    kept, taken = thanks("e-1", at(3), "kept", "e-2"), thanks("e-1", at(9), "taken", "e-2")
    await apply(connection, [kept, taken])
    await apply(connection, [withdrawal(taken, at(10), "sorry")])
    company = await stored(connection, "e-")
    assert company.standing["e-1"].last_received_at == at(3)
    assert (company.standing["e-1"].received_count, company.standing["e-2"].given_count) == (1, 1)
    assert company.standing["e-2"].last_given_at == at(3)


async def test_an_answer_that_comes_before_its_deed_answers_it(connection: Connection) -> None:
    deed = entry("deed", at(3), "work", employee="e-1", title="Did it", basis="effort", size="small")
    answer = thanks("e-1", at(5), "note", "e-2", answers={"source": "urn:tracker", "id": "work"})
    await apply(connection, [answer])
    await apply(connection, [deed])
    found = (await stored(connection, "e-")).deeds["e-1", "urn:tracker", "work"]
    assert (found.deed_id, found.occurred_at, found.answered_at) == (entry_of(deed).id, at(3), at(5))


async def test_a_rule_answers_no_deed_but_anothers_acceptance_does(connection: Connection) -> None:
    about = {"source": "urn:tracker", "id": "work"}
    deed = {"employee": "e-1", "title": "Did it", "basis": "effort", "size": "major"}
    by_rule = entry("recognition", at(4), "award", employee="e-1", by="rule", kind="achievement", title="Did it",
                    answers=about)  # fmt: skip
    await apply(connection, [entry("deed", at(3), "work", **deed), by_rule])
    assert (await stored(connection, "e-")).deeds["e-1", "urn:tracker", "work"].answered_at is None
    await apply(connection, [entry("deed", at(6), "accepted", **deed, accepted_by="e-2"),
                             entry("deed", at(7), "own", **deed, accepted_by="e-1")])  # fmt: skip
    deeds = (await stored(connection, "e-")).deeds
    assert deeds["e-1", "urn:tracker", "accepted"].answered_at == at(6)
    assert deeds["e-1", "urn:tracker", "own"].answered_at is None
