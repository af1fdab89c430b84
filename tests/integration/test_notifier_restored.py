"""A database that was rebuilt or restored from a backup tells nobody again what its predecessor has told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest

from services.kit.batch import Outcome
from tests.integration.notifier_rig import MailServer, Notifier, delivery, long_ago, person, thanks

ADA, GIVER = person("e-ada", "Ada Lovelace"), person("e-giver", "Ines Marchetti")
APPLIED, DUPLICATE = Outcome.APPLIED, Outcome.DUPLICATE


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with MailServer().serving() as running:
        yield running


@pytest.fixture
async def notifier(database: Callable[[str], Awaitable[str]], server: MailServer) -> AsyncIterator[Notifier]:
    pool = await asyncpg.create_pool(await database("notifier"), min_size=0, max_size=6)
    yield Notifier(pool, {"email": server.channel()})
    pool.terminate()


async def test_what_the_log_says_was_told_is_not_told_again_and_the_rest_is(
    notifier: Notifier, server: MailServer
) -> None:
    notes = [thanks("e-ada", f"note-{n}") for n in range(6)]
    states = ("sent", "suppressed", "failed", "ambiguous")
    told = [delivery(note, "e-ada", state) for note, state in zip(notes, states, strict=False)]
    async with notifier.at_work():
        assert await notifier.receive(*told, ADA, GIVER) == [APPLIED] * 6
        assert await notifier.receive(*notes) == [APPLIED] * 6
        ends = await notifier.until_ended(6)
        assert await notifier.receive(*notes, *told) == [DUPLICATE] * 10
    assert ends == [("sent", "")] * 2 + [("suppressed", "already_told")] * 4
    assert len(server.mails) == 2
    assert await notifier.pool.fetchval("SELECT count(*) FROM told") == 0


async def test_no_second_delivery_is_announced_of_what_was_told_before(notifier: Notifier) -> None:
    new, old = thanks("e-ada", "new"), thanks("e-ada", "old", time=long_ago())
    await notifier.receive(delivery(new, "e-ada"), delivery(old, "e-ada", "suppressed"))
    await notifier.receive(new, old)
    assert await notifier.ends() == [("suppressed", "already_told")] * 2
    assert await notifier.deliveries() == []


async def test_the_same_recognition_told_to_another_person_is_still_told(notifier: Notifier) -> None:
    note = thanks("e-ada")
    await notifier.receive(delivery(note, "e-bob"), note)
    assert [row["state"] for row in await notifier.pool.fetch("SELECT state FROM intent")] == ["due"]


async def test_in_normal_running_our_deliveries_come_back_and_change_nothing(
    notifier: Notifier, server: MailServer
) -> None:
    note = thanks("e-ada")
    async with notifier.at_work():
        await notifier.receive(ADA, GIVER, note)
        await notifier.until_ended()
    assert await notifier.receive(delivery(note, "e-ada"), delivery(note, "e-ada")) == [DUPLICATE] * 2
    assert await notifier.ends() == [("sent", "")]
    assert await notifier.pool.fetchval("SELECT count(*) FROM told") == 0


@pytest.mark.parametrize("stage", ["undecided", "due", "sending", "in doubt"])
async def test_what_a_backup_holds_as_open_ends_with_its_delivery(
    notifier: Notifier, server: MailServer, stage: str
) -> None:
    note = thanks("e-ada")
    await notifier.receive(ADA, GIVER, note)
    if stage != "undecided":
        await notifier.planner().once()
    if stage in ("sending", "in doubt"):
        await notifier.pool.execute(
            "UPDATE message SET state = 'sending', tries = tries + 1, claimed_at = now(), lease_until = now()"
        )
    if stage == "in doubt":
        await notifier.pool.execute("UPDATE message SET doubts = 1")
    assert await notifier.receive(delivery(note, "e-ada")) == [APPLIED]
    async with notifier.at_work():
        ended = "ambiguous" if stage == "in doubt" else "suppressed"
        assert await notifier.until_ended() == [(ended, "already_told")]
    assert server.mails == []
    assert await notifier.words_kept() == 0
    assert await notifier.pool.fetchval("SELECT coalesce(max(tries), 0) FROM message") == 0
