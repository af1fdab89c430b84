"""The mailbox keeps what came, bounded, and shows it without running any of it."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.mailbox.store import Mailbox
from deploy.local.mailbox.web import create_app

MOMENT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


def source(
    subject: str = "Well done", message_id: str = "<1@example.invalid>", body: str = "Thanks"
) -> bytes:
    return f"Subject: {subject}\r\nMessage-ID: {message_id}\r\n\r\n{body}\r\n".encode()


def client(mailbox: Mailbox) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=create_app(mailbox))
    return httpx.AsyncClient(transport=transport, base_url="http://mailbox")


@given(message_ids=st.lists(st.sampled_from("abc"), max_size=30), kept_max=st.integers(1, 8))
def test_the_newest_are_kept_and_copies_counted_among_them(message_ids: list[str], kept_max: int) -> None:
    mailbox = Mailbox(mails_max=kept_max)
    for message_id in message_ids:
        mailbox.add_mail("a@x.invalid", ("b@x.invalid",), source(message_id=f"<{message_id}>"), MOMENT)
    kept = message_ids[-kept_max:]
    assert [mail.message_id for mail in mailbox.mails] == [f"<{message_id}>" for message_id in kept]
    assert [mailbox.copies(mail) for mail in mailbox.mails] == [kept.count(message_id) for message_id in kept]
    assert mailbox.distinct_message_ids() == len(set(kept))
    assert mailbox.mails.received == len(message_ids)


@given(count=st.integers(0, 20), limit=st.integers(1, 7))
def test_pages_by_cursor_give_every_mail_once_in_order(count: int, limit: int) -> None:
    mailbox = Mailbox()
    for _ in range(count):
        mailbox.add_mail("", (), source(), MOMENT)
    seen: list[int] = []
    while page := mailbox.mails.after(seen[-1] if seen else 0, limit):
        seen += [mail.id for mail in page]
    assert seen == list(range(1, count + 1))
    backwards: list[int] = []
    while page := mailbox.mails.before(backwards[-1] if backwards else count + 1, limit):
        backwards += [mail.id for mail in page]
    assert backwards == seen[::-1]


async def test_markup_in_a_subject_or_text_is_shown_as_text() -> None:
    mailbox = Mailbox()
    mail = mailbox.add_mail(
        "a@x.invalid", ("b@x.invalid",), source("<script>1</script>", body="<b>x</b>"), MOMENT
    )
    async with client(mailbox) as browser:
        for path in ("/", f"/mails/{mail.id}"):
            page = await browser.get(path)
            assert "<script>" not in page.text
            assert "&lt;script&gt;" in page.text
            assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "&lt;b&gt;x&lt;/b&gt;" in page.text


async def test_the_source_of_a_mail_is_plain_text_as_it_came() -> None:
    mailbox = Mailbox()
    mail = mailbox.add_mail("a@x.invalid", ("b@x.invalid",), source(body="<html>"), MOMENT)
    async with client(mailbox) as browser:
        answer = await browser.get(f"/mails/{mail.id}/source")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.content == mail.source


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"\xff\xfe\x00",
        b"Subject: =?utf-8?q?=0A?=\r\nFrom: @@@\r\nMessage-ID: <<\r\n\r\n",
        b"Content-Type: text/plain; charset=nonsense\r\n\r\n\xff",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n",
        b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!",
    ],
)
async def test_a_broken_mail_is_shown_all_the_same(broken: bytes) -> None:
    mailbox = Mailbox()
    mail = mailbox.add_mail("", (), broken, MOMENT)
    async with client(mailbox) as browser:
        for path in (
            "/",
            f"/mails/{mail.id}",
            f"/mails/{mail.id}/html",
            f"/mails/{mail.id}/source",
            "/api/messages",
        ):
            assert (await browser.get(path)).status_code == 200


async def test_a_chat_webhook_answers_as_slack_does_and_is_readable() -> None:
    mailbox = Mailbox()
    block = {"type": "section", "text": {"type": "mrkdwn", "text": "Thank you, <Ada>"}}
    async with client(mailbox) as browser:
        assert (await browser.post("/hooks/team-north", json={"text": "Well done"})).text == "ok"
        assert (await browser.post("/hooks/team-north", json={"blocks": [block]})).text == "ok"
        page = await browser.get("/chat")
        assert page.text.index("Thank you, &lt;Ada&gt;") < page.text.index("Well done")
        answer = (await browser.get("/api/chat", params={"after": 1})).json()
        assert [message["payload"] for message in answer["messages"]] == [{"blocks": [block]}]


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (b"{", 400, "invalid_payload"),
        (b"[]", 400, "invalid_payload"),
        (b"{}", 400, "no_text"),
        (b'{"text": ""}', 400, "no_text"),
        (b" " * (256 * 1024 + 1), 413, "payload_too_large"),
        (b"[" * 100_000, 400, "invalid_payload"),
        (b'{"text": 5, "blocks": 7}', 200, "ok"),
        (b'{"blocks": [1, {"text": "x"}]}', 200, "ok"),
    ],
)
async def test_a_chat_payload_slack_would_refuse_is_refused(body: bytes, status: int, told: str) -> None:
    mailbox = Mailbox()
    async with client(mailbox) as browser:
        answer = await browser.post("/hooks/any", content=body)
        assert (answer.status_code, answer.text) == (status, told)
        assert len(mailbox.chats) == (1 if status == 200 else 0)
        assert (await browser.get("/chat")).status_code == 200


async def test_a_mail_that_is_no_longer_kept_is_not_found() -> None:
    mailbox = Mailbox(mails_max=1)
    mailbox.add_mail("", (), source(), MOMENT)
    mailbox.add_mail("", (), source(), MOMENT)
    async with client(mailbox) as browser:
        assert (await browser.get("/mails/1")).status_code == 404
        assert (await browser.get("/mails/2")).status_code == 200
