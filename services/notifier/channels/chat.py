"""Chat by a Slack-compatible incoming webhook, to one person at a time."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from services.notifier.channels import Ambiguous, Parcel, Permanent, Result, Sent, Temporary
from services.notifier.letter import Letter

TEXT_CHARS_MAX = 38_000
"""Slack cuts a text at 40,000 characters."""
_CALLS = re.compile(r"@(?=channel|here|everyone|all)", re.IGNORECASE)
_WORD_JOINER = "\u2060"
_RETRY_AFTER_SECONDS_DEFAULT = 30.0


class Chat:
    """The chat channel: the webhook's URL is a secret and is never logged."""

    def __init__(self, url: str, timeout_seconds: float, connections_max: int) -> None:
        """url: the webhook. timeout_seconds: for one answer. connections_max: kept and opened at most."""
        self._url = url
        self._timeout = httpx.Timeout(timeout_seconds)
        self._limits = httpx.Limits(
            max_connections=connections_max, max_keepalive_connections=connections_max
        )
        self._client: httpx.AsyncClient | None = None

    async def set_up(self) -> None:
        """Open the client; it follows no redirect and reads no proxy or password from its surroundings."""
        self._client = httpx.AsyncClient(
            timeout=self._timeout, limits=self._limits, follow_redirects=False, trust_env=False
        )

    async def stop(self) -> None:
        """Close the kept connections."""
        if self._client is not None:
            await self._client.aclose()

    async def send(self, parcel: Parcel) -> Result:
        """Post one message to its person."""
        assert self._client is not None, "set_up comes first"
        try:
            answer = await self._client.post(self._url, json=payload(parcel))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.WriteError, httpx.WriteTimeout,
                httpx.UnsupportedProtocol, httpx.InvalidURL) as error:  # fmt: skip
            return Temporary(type(error).__name__)
        except httpx.HTTPError as error:
            return Ambiguous(type(error).__name__)
        return _result(answer)


def _result(answer: httpx.Response) -> Result:
    code = f"http_{answer.status_code}"
    if answer.is_success:
        return Sent(code)
    if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
        return Temporary(code, retry_after_seconds(answer.headers.get("retry-after"), datetime.now(UTC)))
    if answer.status_code == httpx.codes.GATEWAY_TIMEOUT:
        return Ambiguous(code)  # a gateway handed it on and saw no answer either
    if answer.is_server_error or answer.status_code == httpx.codes.REQUEST_TIMEOUT:
        wished = answer.headers.get("retry-after")
        return Temporary(code, retry_after_seconds(wished, datetime.now(UTC)) if wished else None)
    return Permanent(code)


def retry_after_seconds(value: str | None, now: datetime) -> float:
    """Seconds that a Retry-After header asks for, given as seconds or as a date; 30 if it cannot be read."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return _RETRY_AFTER_SECONDS_DEFAULT
    return max((moment.astimezone(UTC) - now).total_seconds(), 0.0)


def payload(parcel: Parcel) -> dict[str, Any]:
    """What the webhook gets: to one person, nothing in it expanded, looked up or previewed."""
    return {
        "channel": parcel.address,
        "text": _text(parcel.letter, parcel.page_url),
        "parse": "none",
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _text(letter: Letter, page_url: str | None) -> str:
    parts = [f"*{inert(letter.headline)}*"]
    if letter.title:
        parts.append(inert(letter.title))
    parts += [f"> {inert(line)}" for line in letter.words]
    if letter.impact:
        parts += ["Why it mattered:", *(f"> {inert(line)}" for line in letter.impact)]
    parts += [inert(note) for note in letter.notes]
    parts.append(f"_{inert(letter.privacy)}_")
    if page_url:
        parts.append(f"Your history: {page_url}")
    return "\n".join(parts)[:TEXT_CHARS_MAX]


def inert(text: str) -> str:
    """Text that calls nobody and links nowhere it does not show: `& < >` escaped, `@channel` and its like broken."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _CALLS.sub(f"@{_WORD_JOINER}", escaped)
