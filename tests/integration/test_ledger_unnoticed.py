"""A deed nobody answers within seven days is told to the team's lead, once; its late answer takes that back."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from services.kit.sql import Pool
from services.ledger import unnoticed
from tests.integration.ledger_gap_rig import NOW, Told, company, pool, team, told
from tests.integration.ledger_read_company import Company

__all__ = ["company", "pool"]
WEEK = timedelta(days=7)
SOON_AFTER = timedelta(minutes=6)


async def deed(
    company: Company, employee: str, at: datetime, label: str = "one", visibility: str = "team"
) -> UUID:
    return await company.entry(
        "deed", employee, at, cause=("urn:tracker", label), title="Swept the floor", size="small",
        basis="effort", visibility=visibility,
    )  # fmt: skip


async def stored(pool: Pool, at: datetime) -> None:
    """All entries so far, and the next thousand, came in one batch at that time."""
    await pool.execute(
        """INSERT INTO batch (topic, partition, epoch, first_offset, next_offset, applied, duplicate, rejected, parked,
           ignored, control, committed_at)
           VALUES ('recognition.entries.v1', 0, 1, 0, 1000, '{[0,1000)}', '{}', '{}', '{}', '{}', '{}',
           $1)""",
        at,
    )


async def look(pool: Pool, now: datetime) -> list[Told]:
    await unnoticed.look(pool, now)
    return await told(pool)


async def test_an_unanswered_deed_is_told_to_the_lead_after_seven_days_once(
    company: Company, pool: Pool
) -> None:
    await team(company, "firmware", 6)
    done = NOW - timedelta(days=3)
    deed_id = await deed(company, "firmware-01", done)
    await stored(pool, done)
    await company.fold()
    assert await look(pool, NOW) == []
    assert await look(pool, done + WEEK - timedelta(minutes=1)) == []
    [event] = await look(pool, done + WEEK + SOON_AFTER)
    assert (event.name, event.key) == ("unnoticed-deed", "firmware")
    assert abs(event.at - (done + WEEK)) < timedelta(milliseconds=2)
    assert event.data["deed"] == str(deed_id)
    assert event.data["employee"] == "firmware-01"
    assert event.data["lead"] == "firmware-lead"
    assert event.data["title"] == "Swept the floor"
    assert event.data["size"] == "small"
    assert not event.data["answered"]
    for days in (8, 9, 30):
        assert await look(pool, done + timedelta(days=days)) == []


async def test_a_late_answer_takes_it_back_once(company: Company, pool: Pool) -> None:
    await team(company, "firmware", 6)
    done = NOW - timedelta(days=3)
    deed_id = await deed(company, "firmware-01", done)
    await stored(pool, done)
    await company.fold()
    [first] = await look(pool, done + timedelta(days=8))
    await company.thanks(
        "firmware-01", "firmware-lead", done + timedelta(days=9), answers=("urn:tracker", "one")
    )
    await company.fold()
    [back] = await look(pool, done + timedelta(days=9.5))
    assert (back.data["deed"], back.data["answered"]) == (str(deed_id), True)
    assert back.id != first.id
    assert await look(pool, done + timedelta(days=10)) == []


async def test_an_answer_within_seven_days_leaves_nothing_to_tell(company: Company, pool: Pool) -> None:
    await team(company, "firmware", 6)
    done = NOW - timedelta(days=3)
    await deed(company, "firmware-01", done)
    await company.thanks(
        "firmware-01", "firmware-02", done + timedelta(days=6), answers=("urn:tracker", "one")
    )
    await stored(pool, done)
    await company.fold()
    assert await look(pool, done + timedelta(days=8)) == []


async def test_a_deed_that_came_in_after_its_seventh_day_is_history(company: Company, pool: Pool) -> None:
    """A backfill, a replay, a database made anew: all of them bring deeds late."""
    await team(company, "firmware", 6)
    done = NOW - timedelta(days=7, minutes=1)
    await deed(company, "firmware-01", done)
    await stored(pool, NOW)
    await company.fold()
    assert await look(pool, NOW + timedelta(days=1)) == []


@pytest.mark.parametrize("case", ["private", "withdrawn", "left", "no lead", "erased"])
async def test_some_deeds_are_told_to_nobody(company: Company, pool: Pool, case: str) -> None:
    await team(company, "firmware", 6)
    done = NOW - timedelta(days=3)
    employee = "firmware-01"
    if case == "left":
        employee = "gone"
        await company.person(
            employee, team="firmware", manager="firmware-lead", status=[(NOW.date(), "left")]
        )
    elif case == "no lead":
        employee = "firmware-lead"
    deed_id = await deed(company, employee, done, visibility="private" if case == "private" else "team")
    if case == "withdrawn":
        await company.withdraw(employee, deed_id, NOW)
    await stored(pool, done)
    await company.fold()
    if case == "erased":
        await pool.execute("DELETE FROM words WHERE employee = $1", employee)
    assert await look(pool, done + timedelta(days=8)) == []


async def test_two_processes_tell_each_deed_once(company: Company, pool: Pool) -> None:
    members = await team(company, "firmware", 12)
    done = NOW - timedelta(days=3)
    for number, member in enumerate(members):
        for label in range(3):
            await deed(company, member, done + timedelta(hours=number), str(label))
    await stored(pool, done)
    await company.fold()
    looks = [unnoticed.look(pool, done + timedelta(days=8, minutes=n)) for n in range(4)]
    await asyncio.gather(*looks)
    events = await told(pool)
    assert len(events) == len({event.id for event in events}) == 33  # all but the lead's own


async def test_a_look_that_fails_tells_nothing_and_the_next_one_all(
    company: Company, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await team(company, "firmware", 6)
    done = NOW - timedelta(days=3)
    await deed(company, "firmware-01", done)
    await stored(pool, done)
    await company.fold()

    async def fail(*_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(unnoticed.outbox, "append", fail)
        with pytest.raises(ConnectionError):
            await unnoticed.look(pool, done + timedelta(days=8))
    assert len(await look(pool, done + timedelta(days=8))) == 1


async def test_a_first_look_does_not_dig_up_what_waited_long(company: Company, pool: Pool) -> None:
    await team(company, "firmware", 6)
    done = NOW - timedelta(days=40)
    await deed(company, "firmware-01", done)
    await stored(pool, done)
    await company.fold()
    assert await look(pool, NOW) == []
