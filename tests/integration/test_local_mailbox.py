"""The mailbox as a process of its own: mail by SMTP, chat by webhook, both readable."""

from __future__ import annotations

import smtplib
from collections.abc import AsyncIterator
from email.message import EmailMessage

import httpx
import pytest

from deploy.local.folder import RunFolder
from deploy.local.mailbox.process import MailboxProcess


@pytest.fixture(scope="module")
async def mailbox() -> AsyncIterator[MailboxProcess]:
    folder = RunFolder.create_ephemeral("mailbox-test")
    async with MailboxProcess(folder) as running:
        yield running
    folder.close()


async def test_a_mail_sent_by_smtp_is_shown_and_its_script_cannot_run(mailbox: MailboxProcess) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"] = "waystone@example.invalid", "ada@example.invalid"
    mail["Subject"], mail["Message-ID"] = "Grüße & <script>alert(1)</script>", "<one@example.invalid>"
    mail.set_content("Thank you for the night of the outage. https://example.invalid/person")
    mail.add_alternative("<p>Thank you</p><script>alert(1)</script>", subtype="html")
    with smtplib.SMTP("127.0.0.1", mailbox.smtp_port) as smtp:
        smtp.send_message(mail)
        smtp.send_message(mail)
    async with httpx.AsyncClient(base_url=mailbox.http_url) as browser:
        messages = (await browser.get("/api/messages")).json()["messages"]
        assert [message["to"] for message in messages] == [["ada@example.invalid"]] * 2
        assert messages[0]["message_id"] == "<one@example.invalid>"
        assert messages[0]["copies"] == 2
        count = (await browser.get("/api/count")).json()
        assert (count["mails"], count["message_ids"]) == (2, 1)
        listing, page = (await browser.get("/")).text, (await browser.get("/mails/1")).text
        assert "2 copies" in listing
        assert "Grüße &amp; &lt;script&gt;" in listing
        assert "Thank you for the night of the outage." in page
        assert '<iframe sandbox="" src="/mails/1/html"' in page
        assert "<script" not in listing + page
        html = await browser.get("/mails/1/html")
        assert html.headers["content-security-policy"].startswith("sandbox; default-src 'none'")


async def test_a_chat_message_posted_to_the_hook_is_readable(mailbox: MailboxProcess) -> None:
    async with httpx.AsyncClient(base_url=mailbox.http_url) as browser:
        answer = await browser.post("/hooks/team-north", json={"text": "Ada helped at night"})
        assert (answer.status_code, answer.text) == (200, "ok")
        assert "Ada helped at night" in (await browser.get("/chat")).text
