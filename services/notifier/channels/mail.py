"""Mail by SMTP, over connections that are kept for the next message."""

import re
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import aiosmtplib
from aiosmtplib import SMTPException, SMTPResponseException, SMTPServerDisconnected, SMTPTimeoutError

from services.notifier.channels import Ambiguous, Parcel, Permanent, Result, Sent, Temporary
from services.notifier.channels.mime import MailWriter

IDLE_SECONDS_MAX = 20.0
MAILS_PER_CONNECTION_MAX = 100
_START_INPUT = 354
_COMPLETED = 250
_LINE_STARTS_WITH_DOT = re.compile(rb"^\.", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mail goes. timeout_seconds: for one answer."""

    host: str
    port: int
    tls: Literal["none", "starttls", "tls"]
    username: str
    password: str
    sender: str
    timeout_seconds: float


class _Stale(Exception):
    """A kept connection turned out to be closed before anything of the message was accepted."""


@dataclass(slots=True, eq=False)
class _Line:
    """One connection, its age in mails and when it was last used (monotonic seconds)."""

    smtp: aiosmtplib.SMTP
    mails: int = 0
    used_at_seconds: float = 0.0


class Mail:
    """The e-mail channel. Safe to use from many tasks: each message has a connection to itself."""

    def __init__(self, server: SmtpServer, writer: MailWriter) -> None:
        """server: where to; writer: what the mails look like."""
        self._server = server
        self._writer = writer
        self._idle: deque[_Line] = deque()

    async def set_up(self) -> None:
        """Nothing to prepare: connections are opened when there is a mail to send."""

    async def stop(self) -> None:
        """Close the kept connections."""
        while self._idle:
            self._idle.pop().smtp.close()

    async def send(self, parcel: Parcel) -> Result:
        """Hand one mail over; a kept connection that the server has closed meanwhile is replaced once."""
        source = self._writer.write(parcel, datetime.now(UTC))
        line = self._take_idle()
        if line is not None:
            try:
                return await self._send_over(line, parcel.address, source)
            except _Stale:
                line.smtp.close()
        try:
            line = await self._connect()
        except SMTPResponseException as error:
            # Greeting, TLS or login refused: our trouble or the server's, never this message's.
            return Temporary(f"connect_{error.code}")
        except (SMTPException, OSError, TimeoutError, ValueError) as error:
            return Temporary(f"connect_{type(error).__name__}"[:64])
        try:
            return await self._send_over(line, parcel.address, source)
        except _Stale:
            line.smtp.close()
            return Temporary("disconnected")

    async def _connect(self) -> _Line:
        server = self._server
        smtp = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.tls == "tls",
            start_tls=server.tls == "starttls",
            username=server.username or None,
            password=server.password or None,
            timeout=server.timeout_seconds,
        )
        try:
            await smtp.connect()
        except BaseException:
            smtp.close()
            raise
        return _Line(smtp)

    def _take_idle(self) -> _Line | None:
        """The kept connection used last; those idle for long are closed, before their server does it."""
        while self._idle:
            line = self._idle.pop()
            fresh = time.monotonic() - line.used_at_seconds < IDLE_SECONDS_MAX
            if line.smtp.is_connected and fresh:
                return line
            line.smtp.close()
        return None

    async def _send_over(self, line: _Line, address: str, source: bytes) -> Result:
        result: Result | None = None
        try:
            result = await self._dialogue(line.smtp, address, source)
        finally:
            line.mails += 1
            clean = isinstance(result, Sent) and line.mails < MAILS_PER_CONNECTION_MAX
            if clean and line.smtp.is_connected:
                line.used_at_seconds = time.monotonic()
                self._idle.append(line)
            else:
                line.smtp.close()
        return result

    async def _dialogue(self, smtp: aiosmtplib.SMTP, address: str, source: bytes) -> Result:
        try:
            await smtp.mail(self._server.sender)
        except SMTPResponseException as error:
            # A refused sender is a matter of settings: the message is kept for when they are right.
            return Temporary(f"mail_{error.code}")
        except (SMTPServerDisconnected, SMTPTimeoutError, OSError) as error:
            raise _Stale from error
        try:
            await smtp.rcpt(address)
            answer = await smtp.execute_command(b"DATA")
        except SMTPResponseException as error:
            return _refusal("rcpt", error.code)
        except (SMTPException, OSError) as error:
            return Temporary(f"rcpt_{type(error).__name__}"[:64])
        if answer.code != _START_INPUT:
            return _refusal("data", answer.code)
        return await self._hand_over(smtp, source)

    async def _hand_over(self, smtp: aiosmtplib.SMTP, source: bytes) -> Result:
        """The message and the final dot; from here on a broken connection leaves a doubt.

        Written out because the library's `data()` does not tell a break before the message from one after it.
        """
        protocol = smtp.protocol
        try:
            if protocol is None:
                raise SMTPServerDisconnected("connection lost")
            protocol.write(_LINE_STARTS_WITH_DOT.sub(b"..", source) + b".\r\n")
        except (SMTPException, OSError) as error:
            return Temporary(f"data_{type(error).__name__}"[:64])
        try:
            answer = await protocol.read_response(timeout=self._server.timeout_seconds)
        except SMTPResponseException as error:
            return Ambiguous(f"end_{error.code}")
        except (SMTPException, OSError) as error:
            return Ambiguous(f"end_{type(error).__name__}"[:64])
        return Sent() if answer.code == _COMPLETED else _refusal("end", answer.code)


def _refusal(stage: str, code: int) -> Result:
    """4xx: later; 5xx: never; anything else is no answer to this question, so later."""
    return Permanent(f"{stage}_{code}") if 500 <= code < 600 else Temporary(f"{stage}_{code}")
