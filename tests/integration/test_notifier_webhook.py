"""Chat by webhook: to one person, patient when asked to be, and never led elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import uvicorn
from fastapi import FastAPI, Request, Response

from services.kit.sql import Pool
from services.notifier.channels import Ambiguous, Channel, Parcel, Temporary
from services.notifier.channels.chat import Chat
from services.notifier.domain.telling import ChannelName
from services.notifier.letter import Letter
from tests.integration.notifier_rig import MailServer, Notifier, person, thanks, wishes

ADA, GIVER = person("e-ada", "Ada Lovelace", chat="@ada"), person("e-giver", "Ines Marchetti")


@pytest.fixture
async def pool(database: Callable[[str], Awaitable[str]]) -> AsyncIterator[Pool]:
    made = await asyncpg.create_pool(await database("notifier"), min_size=0, max_size=12)
    yield made
    made.terminate()


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with MailServer().serving() as running:
        yield running


class Webhook:
    """A chat webhook on a real port, whose answers can be scripted: (status, headers); then it takes everything."""

    def __init__(self) -> None:
        self.script: list[tuple[int, dict[str, str]]] = []
        self.messages: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.url = ""

    async def answer(self, request: Request) -> Response:
        """Keep what is accepted."""
        self.asked.append(request.url.path)
        status, headers = self.script.pop(0) if self.script else (200, {})
        if status == 200:
            self.messages.append(await request.json())
        return Response("ok" if status == 200 else "no", status, headers)


@pytest.fixture
async def webhook() -> AsyncIterator[Webhook]:
    hook, app = Webhook(), FastAPI()
    app.add_api_route("/{path:path}", hook.answer, methods=["POST", "GET"], response_model=None)
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="off")
    running = uvicorn.Server(config)
    task = asyncio.create_task(running.serve())
    while not running.started:
        await asyncio.sleep(0.01)
    port = running.servers[0].sockets[0].getsockname()[1]
    hook.url = f"http://127.0.0.1:{port}/hook"
    yield hook
    running.should_exit = True
    await task


async def test_who_wishes_chat_is_told_there_and_nobody_else_is(
    pool: Pool, server: MailServer, webhook: Webhook
) -> None:
    notifier = Notifier(pool, both(server, webhook))
    async with notifier.at_work():
        await notifier.receive(ADA, GIVER, wishes("e-ada", channels=["chat", "email"]), thanks("e-ada"))
        assert await notifier.until_ended() == [("sent", "")]
    [message] = webhook.messages
    assert message["channel"] == "@ada"
    assert "> Thank you for note-1." in message["text"]
    assert server.mails == []
    assert [d["channel"] for d in await notifier.deliveries()] == ["chat"]


async def test_a_chat_that_asks_for_a_pause_gets_it_for_every_message(pool: Pool, webhook: Webhook) -> None:
    webhook.script = [(429, {"retry-after": "3600"})]
    chat = Chat(webhook.url, 5.0, 1)
    notifier = Notifier(pool, {"chat": chat})
    planner, sender = notifier.planner(), notifier.sender("chat")
    await chat.set_up()
    await notifier.receive(ADA, GIVER, wishes("e-ada", channels=["chat"]), thanks("e-ada"))
    await planner.once()
    await sender.claim_once()
    await sender.record_once()
    assert await pool.fetchval("SELECT due_at > now() + interval '59 minutes' FROM message")
    await notifier.receive(thanks("e-ada", "note-2"))
    await planner.once()
    assert await sender.claim_once() is False
    assert webhook.asked == ["/hook"]
    await chat.stop()


@pytest.mark.parametrize("status", [404, 302, 400])
async def test_a_webhook_that_refuses_or_points_elsewhere_is_not_followed(
    pool: Pool, webhook: Webhook, status: int
) -> None:
    webhook.script = [(status, {"location": f"{webhook.url}/elsewhere"})]
    notifier = Notifier(pool, {"chat": Chat(webhook.url, 5.0, 1)})
    async with notifier.at_work():
        await notifier.receive(ADA, GIVER, wishes("e-ada", channels=["chat"]), thanks("e-ada"))
        assert await notifier.until_ended() == [("failed", "refused")]
    assert webhook.asked == ["/hook"]


async def test_a_webhook_that_takes_the_message_and_breaks_off_leaves_a_doubt() -> None:
    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10_000)
        writer.transport.abort()

    listener = await asyncio.start_server(break_off, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    chat = Chat(f"http://127.0.0.1:{port}/", 1.0, 1)
    await chat.set_up()
    assert isinstance(await chat.send(a_parcel()), Ambiguous)
    listener.close()
    assert isinstance(await chat.send(a_parcel()), Temporary)
    await chat.stop()


@pytest.mark.parametrize("doubt", ["no answer from behind the gateway", "its process died"])
async def test_a_chat_message_in_doubt_ends_as_ambiguous_and_is_not_repeated(
    pool: Pool, webhook: Webhook, doubt: str
) -> None:
    notifier = Notifier(pool, {"chat": Chat(webhook.url, 5.0, 1)})
    await notifier.receive(ADA, GIVER, wishes("e-ada", channels=["chat"]), thanks("e-ada"))
    if doubt == "its process died":
        await notifier.planner().once()
        await pool.execute(
            "UPDATE message SET state = 'sending', tries = 1, claimed_at = now(), lease_until = now()"
        )
    else:
        webhook.script = [(504, {})]
    async with notifier.at_work():
        assert await notifier.until_ended() == [("ambiguous", "unclear")]
        await notifier.pass_time()
    assert len(webhook.asked) == (doubt != "its process died")
    assert [d["state"] for d in await notifier.deliveries()] == ["ambiguous"]


async def test_a_message_for_a_chat_that_is_no_longer_set_up_goes_by_mail(
    pool: Pool, server: MailServer, webhook: Webhook
) -> None:
    webhook.script = [(503, {})]
    notifier = Notifier(pool, both(server, webhook))
    async with notifier.at_work():
        await notifier.receive(ADA, GIVER, wishes("e-ada", channels=["chat", "email"]), thanks("e-ada"))
        await notifier.until("SELECT count(*) = 1 FROM message WHERE state = 'due' AND tries = 1")
    await notifier.pass_time()
    async with Notifier(pool, {"email": server.channel()}).at_work():
        assert await notifier.until_ended() == [("sent", "")]
    assert len(server.mails) == 1
    assert await pool.fetchval("SELECT channel FROM intent") == "email"


def both(server: MailServer, webhook: Webhook) -> dict[ChannelName, Channel]:
    return {"email": server.channel(), "chat": Chat(webhook.url, 5.0, 20)}


def a_parcel() -> Parcel:
    return Parcel(UUID(int=1), "@ada", Letter("s", "p", "h", "t", ("w",), "", (), (), "", ""))
