"""Entity tags for JSON answers: who has it already is told so in a line (304) instead of being sent it again."""

from hashlib import sha256

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class EntityTags:
    """Middleware: a strong `ETag` on each 200 JSON answer to a GET below a path, and `If-None-Match`.

    What one person may see another may not: caches of one user only, who ask again each time.
    """

    def __init__(self, app: ASGIApp, *, below: str) -> None:
        """below: path prefix. Its answers are held in memory whole: they must be bounded."""
        self._app, self._below = app, below

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; tag the answer."""
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith(self._below):
            return await self._app(scope, receive, send)
        start: Message | None = None
        body = b""

        async def tagging(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
                return
            body += message.get("body", b"")
            if message.get("more_body", False):
                return
            assert start is not None
            status, body = _tag(start, body, Headers(scope=scope).get("if-none-match", ""))
            await send({**start, "status": status})
            await send({"type": "http.response.body", "body": body})

        return await self._app(scope, receive, tagging)


def _tag(start: Message, body: bytes, known: str) -> tuple[int, bytes]:
    """Add the headers to an answer's start; return its status and body, 304 and nothing if it is known."""
    headers = MutableHeaders(raw=start["headers"])
    headers["Cache-Control"] = "private, no-cache"
    headers["Vary"] = "Authorization"
    if start["status"] != 200 or not headers.get("content-type", "").startswith("application/json"):
        return start["status"], body
    tag = f'"{sha256(body).hexdigest()[:32]}"'
    headers["ETag"] = tag
    if known.strip() != "*" and tag not in (one.strip().removeprefix("W/") for one in known.split(",")):
        return 200, body
    del headers["content-length"], headers["content-type"]
    return 304, b""
