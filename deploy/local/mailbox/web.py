"""The pages and the JSON of the mailbox, and the door for chat webhooks."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query, Request, Response
from fastapi import Path as PathParameter
from fastapi.responses import HTMLResponse, PlainTextResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from deploy.local.mailbox.store import Chat, Mail, Mailbox, header

PAGES = Path(__file__).resolve().parents[1] / "pages"
PAGE_ITEMS = 50
API_ITEMS_MAX = 1_000
CHAT_BYTES_MAX = 256 * 1024
PAGE_POLICY = "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'none'; base-uri 'none'"
# A mail's HTML: no script, no form, no frame, nothing loaded from anywhere; its own style and embedded images.
MAIL_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
NO_HTML = "<p>This mail has no HTML part.</p>"

Cursor = Annotated[int, Query(ge=0, le=2**53)]
Limit = Annotated[int, Query(ge=1, le=API_ITEMS_MAX)]
MailId = Annotated[int, PathParameter(ge=1, le=2**53)]
Channel = Annotated[str, PathParameter(min_length=1, max_length=200)]


def create_app(mailbox: Mailbox) -> FastAPI:
    """Return the web application over a mailbox; it holds no state of its own."""
    app = FastAPI(title="Local mailbox", docs_url=None, redoc_url=None, openapi_url=None)
    pages = Environment(
        loader=FileSystemLoader(PAGES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters["when"] = lambda moment: moment.strftime("%Y-%m-%d %H:%M:%S UTC")

    def page(name: str, **values: Any) -> HTMLResponse:
        html = pages.get_template(name).render(mailbox=mailbox, **values)
        return HTMLResponse(html, headers={"content-security-policy": PAGE_POLICY})

    def mail_or_404(mail_id: int) -> Mail:
        mail = mailbox.mails.get(mail_id)
        if mail is None:
            raise HTTPException(404, "no such mail, or no longer kept")
        return mail

    @app.middleware("http")
    async def add_safety_headers(request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        response.headers["x-content-type-options"] = "nosniff"
        response.headers["referrer-policy"] = "no-referrer"
        response.headers["cache-control"] = "no-store"
        return response

    @app.get("/")
    async def mail_list(before: Cursor = 2**53) -> HTMLResponse:
        mails = mailbox.mails.before(before, PAGE_ITEMS)
        return page("mails.html", mails=mails, older=older_than(mails, mailbox.mails))

    @app.get("/mails/{mail_id}")
    async def mail_page(mail_id: MailId) -> HTMLResponse:
        mail = mail_or_404(mail_id)
        message = mail.parse()
        shown = ("From", "To", "Subject", "Date", "Message-ID", "Reply-To", "List-Unsubscribe")
        headers = [(name, header(message, name)) for name in shown if name in message]
        has_html = part_text(message, "html") is not None
        return page(
            "mail.html", mail=mail, headers=headers, text=part_text(message, "plain") or "", has_html=has_html
        )

    @app.get("/mails/{mail_id}/html")
    async def mail_html(mail_id: MailId) -> HTMLResponse:
        html = part_text(mail_or_404(mail_id).parse(), "html")
        return HTMLResponse(html or NO_HTML, headers={"content-security-policy": MAIL_POLICY})

    @app.get("/mails/{mail_id}/source")
    async def mail_source(mail_id: MailId) -> PlainTextResponse:
        return PlainTextResponse(mail_or_404(mail_id).source.decode("utf-8", "replace"))

    @app.get("/chat")
    async def chat_list(before: Cursor = 2**53) -> HTMLResponse:
        chats = mailbox.chats.before(before, PAGE_ITEMS)
        texts = {chat.id: chat_text(chat) for chat in chats}
        sources = {chat.id: json.dumps(chat.payload, indent=2, ensure_ascii=False) for chat in chats}
        return page(
            "chats.html", chats=chats, texts=texts, sources=sources, older=older_than(chats, mailbox.chats)
        )

    @app.get("/style.css")
    async def style() -> Response:
        return Response((PAGES / "style.css").read_text(), media_type="text/css")

    add_api(app, mailbox)
    return app


def add_api(app: FastAPI, mailbox: Mailbox) -> None:
    """Add the JSON side: counts, mails and chats by cursor, and the webhook."""

    @app.get("/api/count")
    async def count() -> dict[str, int]:
        return {
            "mails": len(mailbox.mails),
            "mails_received": mailbox.mails.received,
            "message_ids": mailbox.distinct_message_ids(),
            "chats": len(mailbox.chats),
            "chats_received": mailbox.chats.received,
        }

    @app.get("/api/messages")
    async def messages(after: Cursor = 0, limit: Limit = 100) -> dict[str, Any]:
        mails = mailbox.mails.after(after, limit)
        return {
            "messages": [mail_json(mail, mailbox) for mail in mails],
            "next": mails[-1].id if mails else after,
        }

    @app.get("/api/chat")
    async def chats(after: Cursor = 0, limit: Limit = 100) -> dict[str, Any]:
        found = mailbox.chats.after(after, limit)
        return {"messages": [chat_json(chat) for chat in found], "next": found[-1].id if found else after}

    @app.post("/hooks/{channel}")
    async def hook(channel: Channel, request: Request) -> PlainTextResponse:
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > CHAT_BYTES_MAX:
                return PlainTextResponse("payload_too_large", 413)
        try:
            payload = json.loads(body)
        except (ValueError, RecursionError):
            return PlainTextResponse("invalid_payload", 400)
        if not isinstance(payload, dict):
            return PlainTextResponse("invalid_payload", 400)
        if not any(payload.get(part) for part in ("text", "blocks", "attachments")):
            return PlainTextResponse("no_text", 400)
        mailbox.add_chat(channel, payload, len(body), datetime.now(UTC))
        return PlainTextResponse("ok")


def older_than(shown: list[Any], kept: Any) -> int | None:
    """Return the cursor of the next older page, or None on the last one."""
    return shown[-1].id if shown and kept.get(shown[-1].id - 1) is not None else None


def part_text(message: EmailMessage, kind: str) -> str | None:
    """Return the mail's body of a kind (`plain`, `html`), or None; undecodable bytes become replacement signs."""
    part = message.get_body(preferencelist=(kind,))
    if part is None:
        return None
    try:
        return str(part.get_content())
    except (LookupError, ValueError):  # unknown charset or transfer encoding
        return bytes(part.get_payload(decode=True) or b"").decode("utf-8", "replace")


def chat_text(chat: Chat) -> str:
    """Return what a chat would show: the text, else the texts of the blocks, one per line."""
    if chat.payload.get("text"):
        return str(chat.payload["text"])
    blocks = chat.payload.get("blocks")
    texts = (
        [block.get("text") for block in blocks if isinstance(block, dict)] if isinstance(blocks, list) else []
    )
    return "\n".join(str(text.get("text", "")) for text in texts if isinstance(text, dict))


def mail_json(mail: Mail, mailbox: Mailbox) -> dict[str, Any]:
    """Return one mail for programs."""
    return {
        "id": mail.id,
        "from": mail.sender,
        "to": list(mail.recipients),
        "subject": mail.subject,
        "message_id": mail.message_id,
        "copies": mailbox.copies(mail),
        "received_at": mail.received_at.isoformat(),
    }


def chat_json(chat: Chat) -> dict[str, Any]:
    """Return one chat message for programs."""
    return {
        "id": chat.id,
        "channel": chat.channel,
        "payload": chat.payload,
        "received_at": chat.received_at.isoformat(),
    }
