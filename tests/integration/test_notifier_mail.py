"""The e-mail channel against a real mail server: every way a dialogue can end has its result."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal
from uuid import UUID

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from services.notifier.channels import Ambiguous, Parcel, Permanent, Result, Sent, Temporary
from services.notifier.channels.mail import Mail, SmtpServer
from services.notifier.channels.mime import MailWriter
from services.notifier.letter import Letter

LETTER = Letter(
    "Subject", "Preview", "Headline", "Title", (".", "..leading dots", "last"), "", (), (), "", "Private."
)
PARCEL = Parcel(UUID(int=1), "ada@example.invalid", LETTER)


class Scripted:
    """Answers each step as told; an answer that is a number is how many seconds it takes first."""

    def __init__(self, **answers: str) -> None:
        self.answers = answers
        self.contents: list[bytes] = []

    async def _answer(self, server: SMTP, step: str) -> str:
        answer = self.answers.get(step, "250 OK")
        if answer == "hang":
            await asyncio.sleep(10)
        if answer == "drop":
            assert server.transport is not None
            server.transport.abort()
        return answer

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return await self._answer(server, "mail")

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return await self._answer(server, "rcpt")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        self.contents.append(envelope.content)
        return await self._answer(server, "end")


@asynccontextmanager
async def listening(handler: Scripted, **options: Any) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(handler, loop=loop, **options), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def mail_to(
    port: int,
    tls: Literal["none", "starttls", "tls"] = "none",
    username: str = "",
    password: str = "",
    timeout_seconds: float = 0.5,
) -> Mail:
    sender = "waystone@example.invalid"
    server = SmtpServer("127.0.0.1", port, tls, username, password, sender, timeout_seconds)
    return Mail(server, MailWriter(sender, "Waystone"))


@pytest.mark.parametrize(
    ("answers", "result"),
    [
        ({}, Sent()),
        ({"mail": "451 busy"}, Temporary("mail_451")),
        ({"mail": "550 who are you"}, Temporary("mail_550")),
        ({"mail": "drop"}, Temporary("disconnected")),
        ({"rcpt": "450 greylisted"}, Temporary("rcpt_450")),
        ({"rcpt": "550 unknown"}, Permanent("rcpt_550")),
        ({"rcpt": "hang"}, Temporary("rcpt_SMTPReadTimeoutError")),
        ({"rcpt": "drop"}, Temporary("rcpt_SMTPServerDisconnected")),
        ({"end": "451 later"}, Temporary("end_451")),
        ({"end": "554 no"}, Permanent("end_554")),
        ({"end": "421 closing"}, Temporary("end_421")),
        ({"end": "drop"}, Ambiguous("end_SMTPServerDisconnected")),
        ({"end": "hang"}, Ambiguous("end_SMTPReadTimeoutError")),
    ],
    ids=str,
)
async def test_every_end_of_a_dialogue_has_its_result(answers: dict[str, str], result: Result) -> None:
    async with listening(Scripted(**answers)) as port:
        channel = mail_to(port)
        assert await channel.send(PARCEL) == result
        await channel.stop()


async def test_lines_that_begin_with_a_dot_arrive_as_they_were() -> None:
    handler = Scripted()
    async with listening(handler) as port:
        channel = mail_to(port)
        assert await channel.send(PARCEL) == Sent()
        await channel.stop()
    lines = [line.strip() for line in handler.contents[0].split(b"\r\n")]
    start = lines.index(b".")
    assert lines[start : start + 3] == [b".", b"..leading dots", b"last"]


async def test_where_encryption_is_wanted_and_not_offered_nothing_is_sent() -> None:
    handler = Scripted()
    async with listening(handler) as port:
        result = await mail_to(port, tls="starttls", username="waystone", password="secret").send(PARCEL)
    assert isinstance(result, Temporary)
    assert handler.contents == []


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize(("password", "result"), [("right", Sent()), ("wrong", Temporary("connect_535"))])
async def test_a_login_that_fails_is_no_fault_of_the_message(password: str, result: Result) -> None:
    def check(
        server: SMTP, session: Session, envelope: Envelope, mechanism: str, login: LoginPassword
    ) -> AuthResult:
        return AuthResult(success=login.password == b"right", handled=False)

    options = {"authenticator": check, "auth_required": True, "auth_require_tls": False}
    async with listening(Scripted(), **options) as port:
        channel = mail_to(port, username="waystone", password=password)
        assert await channel.send(PARCEL) == result
        await channel.stop()


async def test_a_server_that_is_not_there_is_tried_later() -> None:
    async with listening(Scripted()) as port:
        pass
    assert isinstance(await mail_to(port).send(PARCEL), Temporary)
