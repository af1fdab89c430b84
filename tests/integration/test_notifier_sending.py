"""Sending when servers refuse, break off, hang or are away, and when the notifier itself dies half-way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest
from pydantic import SecretStr

from services.kit.run import create_pool
from services.kit.settings import ServiceSettings
from services.kit.sql import Pool
from services.notifier.channels import Parcel, Result, Sent, Temporary
from tests.integration.notifier_rig import (
    PATIENCE_SECONDS,
    MailServer,
    Notifier,
    erasure,
    person,
    thanks,
    wishes,
)

ADA, GIVER = person("e-ada", "Ada Lovelace", chat="@ada"), person("e-giver", "Ines Marchetti")


@pytest.fixture
async def url(database: Callable[[str], Awaitable[str]]) -> str:
    return await database("notifier")


@pytest.fixture
async def pool(url: str) -> AsyncIterator[Pool]:
    made = await asyncpg.create_pool(url, min_size=0, max_size=12)
    yield made
    made.terminate()


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with MailServer().serving() as running:
        yield running


@pytest.fixture
def notifier(pool: Pool, server: MailServer) -> Notifier:
    return Notifier(pool, {"email": server.channel(timeout_seconds=1.0)})


async def test_a_server_that_says_later_gets_the_same_mail_later(
    notifier: Notifier, server: MailServer
) -> None:
    server.script = ["451 try later"]
    async with notifier.at_work():
        await notifier.receive(ADA, GIVER, thanks("e-ada"))
        await notifier.until("SELECT count(*) = 1 FROM message WHERE state = 'due' AND tries = 1")
        assert await notifier.words_kept() == 1
        await notifier.pass_time()
        assert await notifier.until_ended() == [("sent", "")]
    assert len(server.mails) == 1
    assert await notifier.attempts() == [(1, "temporary"), (2, "sent")]
    assert [d["attempts"] for d in await notifier.deliveries()] == [2]


async def test_a_refusal_for_good_ends_as_failed_at_once(notifier: Notifier, server: MailServer) -> None:
    server.script = ["550 no such person"]
    async with notifier.at_work():
        await notifier.receive(ADA, GIVER, thanks("e-ada"))
        assert await notifier.until_ended() == [("failed", "refused")]
    assert await notifier.words_kept() == 0
    assert [(d["state"], d["reason"]) for d in await notifier.deliveries()] == [("failed", "refused")]


async def test_one_address_that_is_refused_does_not_hold_up_the_others(
    notifier: Notifier, server: MailServer
) -> None:
    server.script = ["550 no"]
    async with notifier.at_work():
        await notifier.receive(ADA, GIVER, *(thanks("e-ada", f"note-{n}") for n in range(40)))
        ends = await notifier.until_ended(40)
    assert ends == [("failed", "refused")] + [("sent", "")] * 39


async def test_a_line_that_breaks_after_the_last_byte_leaves_a_doubt_and_the_mail_is_repeated_once(
    notifier: Notifier, server: MailServer
) -> None:
    server.script = ["drop"]
    async with notifier.at_work():
        await notifier.receive(ADA, GIVER, thanks("e-ada"))
        await notifier.until("SELECT count(*) = 1 FROM message WHERE doubts = 1 AND state = 'due'")
        await notifier.pass_time()
        assert await notifier.until_ended() == [("sent", "")]
    first, second = server.message_ids()
    assert first == second
    assert await notifier.attempts() == [(1, "ambiguous"), (2, "sent")]


async def test_a_second_doubt_is_the_end_and_is_called_by_its_name(
    notifier: Notifier, server: MailServer
) -> None:
    server.script = ["drop", "drop"]
    async with notifier.at_work():
        await notifier.receive(ADA, GIVER, thanks("e-ada"))
        await notifier.until("SELECT count(*) = 1 FROM message WHERE doubts = 1 AND state = 'due'")
        await notifier.pass_time()
        assert await notifier.until_ended() == [("ambiguous", "unclear")]
        await notifier.pass_time()
    assert len(server.mails) == 2
    assert [(d["state"], d["attempts"]) for d in await notifier.deliveries()] == [("ambiguous", 2)]


async def test_a_server_that_hangs_after_the_last_byte_is_waited_for_only_so_long(
    notifier: Notifier, server: MailServer
) -> None:
    server.script = ["hang"]
    async with notifier.at_work():
        await notifier.receive(ADA, GIVER, thanks("e-ada"))
        await notifier.until("SELECT count(*) = 1 FROM attempt WHERE outcome = 'ambiguous'")


async def test_a_server_that_is_away_costs_a_try_and_nothing_else(pool: Pool) -> None:
    server = MailServer()
    async with server.serving():
        pass
    notifier = Notifier(pool, {"email": server.channel(timeout_seconds=1.0)})
    async with notifier.at_work():
        await notifier.receive(ADA, GIVER, thanks("e-ada"))
        await notifier.until("SELECT count(*) = 1 FROM message WHERE state = 'due' AND tries = 1")
        async with server.serving():
            await notifier.pass_time()
            assert await notifier.until_ended() == [("sent", "")]
    assert await notifier.attempts() == [(1, "temporary"), (2, "sent")]


async def test_connections_are_kept_and_at_most_twenty_are_open(
    notifier: Notifier, server: MailServer
) -> None:
    async with notifier.at_work():
        await notifier.receive(ADA, GIVER, *(thanks("e-ada", f"note-{n}") for n in range(200)))
        await notifier.until_ended(200)
    assert server.open_most > 1
    assert server.connections <= 20
    assert len(set(server.message_ids())) == len(server.mails) == 200


async def test_a_connection_the_server_closed_meanwhile_is_replaced_without_costing_a_try(
    pool: Pool,
) -> None:
    server = MailServer(hangups=1)
    async with server.serving():
        notifier = Notifier(pool, {"email": server.channel()})
        async with notifier.at_work():
            await notifier.receive(ADA, GIVER, thanks("e-ada"))
            await notifier.until_ended()
            await notifier.receive(thanks("e-ada", "note-2"))
            await notifier.until_ended(2)
    assert await notifier.attempts() == [(1, "sent"), (1, "sent")]
    assert server.connections == 2


async def test_a_claim_whose_owner_died_is_taken_over_and_repeated_once(
    notifier: Notifier, server: MailServer
) -> None:
    await claimed_by_a_process_that_died(notifier)
    async with notifier.at_work():
        assert await notifier.until_ended() == [("sent", "")]
    assert await notifier.attempts() == [(1, "lapsed"), (2, "sent")]
    assert len(server.mails) == 1


async def test_a_claim_lost_twice_ends_as_ambiguous(notifier: Notifier, server: MailServer) -> None:
    await claimed_by_a_process_that_died(notifier)
    await notifier.pool.execute("UPDATE message SET doubts = 1")
    async with notifier.at_work():
        assert await notifier.until_ended() == [("ambiguous", "unclear")]
    assert server.mails == []


async def claimed_by_a_process_that_died(notifier: Notifier) -> None:
    """A message is being sent, its process is gone, its lease over."""
    await notifier.receive(ADA, GIVER, thanks("e-ada"))
    stuck = Notifier(notifier.pool, {"email": Stuck()})
    async with stuck.at_work():
        await notifier.until("SELECT count(*) = 1 FROM message WHERE state = 'sending'")
    assert await notifier.attempts() == []
    await notifier.pool.execute("UPDATE message SET lease_until = now() - interval '1 second'")


class Stuck:
    """A channel that never answers, not even to being cancelled politely."""

    def __init__(self, result: Result | None = None) -> None:
        self.entered, self.release = asyncio.Event(), asyncio.Event()
        self.result = result or Sent()

    async def set_up(self) -> None:
        pass

    async def send(self, parcel: Parcel) -> Result:
        self.entered.set()
        await self.release.wait()
        return self.result

    async def stop(self) -> None:
        pass


async def test_a_claim_that_is_still_held_is_left_alone(notifier: Notifier, server: MailServer) -> None:
    await notifier.receive(ADA, GIVER, thanks("e-ada"))
    slow = Stuck()
    async with Notifier(notifier.pool, {"email": slow}).at_work():
        await slow.entered.wait()
        assert await notifier.sender("email").claim_once() is False
        slow.release.set()
        assert await notifier.until_ended() == [("sent", "")]
    assert await notifier.attempts() == [(1, "sent")]
    assert server.mails == []


async def test_a_late_result_of_a_lost_claim_changes_nothing(notifier: Notifier) -> None:
    await notifier.receive(ADA, GIVER, thanks("e-ada"))
    slow = Stuck(Temporary("late"))
    async with Notifier(notifier.pool, {"email": slow}).at_work():
        await slow.entered.wait()
        # Another process took it over, and its try is under way.
        await notifier.pool.execute("UPDATE message SET tries = 2, doubts = 1")
        slow.release.set()
    assert await notifier.pool.fetchval("SELECT state FROM message") == "sending"
    assert await notifier.attempts() == []


async def test_a_result_that_waits_for_the_database_longer_than_its_lease_is_stored_and_nothing_sent_again(
    notifier: Notifier, server: MailServer
) -> None:
    await notifier.receive(ADA, GIVER, *(thanks("e-ada", f"note-{n}") for n in range(3)))
    await notifier.planner().once()
    sender = notifier.sender("email")
    await sender.claim_once()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(server.mails) < 3:
            await asyncio.sleep(0.01)
    # The database was away meanwhile: it is back, and the claims look abandoned.
    await notifier.pool.execute("UPDATE message SET lease_until = now() - interval '1 second'")
    assert await sender.claim_once() is False
    await notifier.until_recorded(sender, 3)
    assert await notifier.ends() == [("sent", "")] * 3
    assert await notifier.attempts() == [(1, "sent")] * 3
    assert len(server.mails) == 3


async def test_stopping_lets_what_is_under_way_end_and_remembers_it(pool: Pool) -> None:
    slow = Stuck()
    notifier = Notifier(pool, {"email": slow})
    async with notifier.at_work():
        await notifier.receive(ADA, GIVER, thanks("e-ada"))
        await slow.entered.wait()
        asyncio.get_running_loop().call_later(0.2, slow.release.set)
    assert await notifier.ends() == [("sent", "")]


async def test_two_notifiers_side_by_side_send_each_mail_once(pool: Pool, server: MailServer) -> None:
    one, other = (Notifier(pool, {"email": server.channel()}) for _ in range(2))
    await one.receive(ADA, GIVER, *(thanks("e-ada", f"note-{n}") for n in range(150)))
    async with one.at_work(), other.at_work():
        assert await one.until_ended(150) == [("sent", "")] * 150
    assert len(set(server.message_ids())) == len(server.mails) == 150
    assert len(await one.deliveries()) == 150


async def test_connections_to_the_database_that_break_stop_no_loop(
    url: str, notifier: Notifier, server: MailServer
) -> None:
    settings = ServiceSettings(kafka_bootstrap_servers="none", database_url=SecretStr(url))
    breaking = await create_pool(settings)
    # A claim whose commit was cut off is free again when its lease ends.
    working = Notifier(breaking, {"email": server.channel()}, lease_seconds=5.0)
    async with working.at_work():
        await notifier.receive(ADA, GIVER)
        for round_ in range(5):
            await notifier.receive(*(thanks("e-ada", f"note-{round_}-{n}") for n in range(12)))
            await notifier.pool.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND application_name = 'waystone'"
            )
        ends = await notifier.until_ended(60)
    breaking.terminate()
    assert ends == [("sent", "")] * 60
    assert len(set(server.message_ids())) == 60
    assert len(await notifier.deliveries()) == 60


async def test_wishes_are_looked_at_again_before_a_repeat(notifier: Notifier, server: MailServer) -> None:
    server.script = ["451 later"]
    async with notifier.at_work():
        await notifier.receive(ADA, GIVER, thanks("e-ada"))
        await notifier.until("SELECT count(*) = 1 FROM message WHERE state = 'due' AND tries = 1")
        await notifier.receive(wishes("e-ada", celebrate="not-at-all"))
        await notifier.pass_time()
        assert await notifier.until_ended() == [("suppressed", "not_at_all")]
    assert server.mails == []


async def test_an_erasure_reaches_a_mail_that_waits_for_its_next_try(
    notifier: Notifier, server: MailServer
) -> None:
    server.script = ["451 later"]
    async with notifier.at_work():
        await notifier.receive(ADA, GIVER, thanks("e-ada"))
        await notifier.until("SELECT count(*) = 1 FROM message WHERE state = 'due' AND tries = 1")
        await notifier.receive(erasure("e-ada"))
        assert await notifier.until_ended() == [("suppressed", "erased")]
    assert await notifier.words_kept() == 0


async def test_what_may_have_arrived_is_not_called_suppressed(notifier: Notifier, server: MailServer) -> None:
    server.script = ["drop"]
    async with notifier.at_work():
        await notifier.receive(ADA, GIVER, thanks("e-ada"))
        await notifier.until("SELECT count(*) = 1 FROM message WHERE doubts = 1 AND state = 'due'")
        await notifier.receive(erasure("e-ada"))
        assert await notifier.until_ended() == [("ambiguous", "unclear")]
    assert len(server.mails) == 1
