"""The door for mail: accepts everything from everybody, and keeps it."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime

from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local.mailbox.store import Mailbox

MAIL_BYTES_MAX = 10 * 1024 * 1024


class Keep:
    """aiosmtpd's handler."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802, ARG002
        """Keep one mail; the answer names its number here."""
        content = envelope.content or b""
        source = content.encode() if isinstance(content, str) else content
        recipients = tuple(envelope.rcpt_tos)
        mail = self._mailbox.add_mail(envelope.mail_from or "", recipients, source, datetime.now(UTC))
        return f"250 OK kept as {mail.id}"


async def serve_smtp(mailbox: Mailbox, listener: socket.socket) -> asyncio.Server:
    """Accept mails on a bound socket until the returned server is closed."""
    loop = asyncio.get_running_loop()
    handler = Keep(mailbox)
    return await loop.create_server(
        lambda: SMTP(handler, data_size_limit=MAIL_BYTES_MAX, enable_SMTPUTF8=True, loop=loop), sock=listener
    )
