"""Bounds on what a caller may ask: requests by one principal, bytes of one body. Memory is bounded, too."""

import time
from collections import OrderedDict
from collections.abc import Callable
from math import ceil
from typing import Annotated

from pydantic import BaseModel, Field
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.kit.web import problem_response

PRINCIPALS_MAX = 10_000


class RateSettings(BaseModel):
    """How often one principal may ask; to be mixed into a service's settings."""

    rate_per_second: Annotated[float, Field(gt=0, le=10_000)] = 20.0
    """Requests a second by one principal, in the long run."""
    rate_burst: Annotated[int, Field(ge=1, le=100_000)] = 100
    """Requests by one principal at once, after a pause."""


class RateLimits:
    """A token bucket for each of the principals seen last.

    Forgetting the one not seen for longest fills its bucket: with more than `PRINCIPALS_MAX` of them, nobody waits
    longer than otherwise.
    """

    def __init__(self, settings: RateSettings, clock: Callable[[], float] = time.monotonic) -> None:
        """clock: seconds, never going back."""
        self._per_second, self._burst, self._clock = settings.rate_per_second, settings.rate_burst, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_seconds(self, principal: str) -> int:
        """Count a request: 0 when it may go on, else the whole seconds until one may."""
        now = self._clock()
        left, since = self._buckets.pop(principal, (float(self._burst), now))
        left = min(float(self._burst), left + (now - since) * self._per_second)
        allowed = left >= 1
        self._buckets[principal] = (left - 1 if allowed else left, now)
        if len(self._buckets) > PRINCIPALS_MAX:
            self._buckets.popitem(last=False)
        return 0 if allowed else max(1, ceil((1 - left) / self._per_second))


class BodyLimit:
    """Middleware: a body over the limit is answered 413 before any of it is looked at."""

    def __init__(self, app: ASGIApp, *, bytes_max: int) -> None:
        self._app, self._bytes_max = app, bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body up to the limit, then let the application read it."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return await self._app(scope, receive, send)
        body = b""
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return None
            body += message.get("body", b"")
            if len(body) > self._bytes_max:
                refusal = problem_response(
                    413, "BODY_TOO_LARGE", f"A body has at most {self._bytes_max} bytes."
                )
                return await refusal(scope, receive, send)
            if not message.get("more_body", False):
                break
        whole: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def again() -> Message:
            return whole.pop() if whole else await receive()

        return await self._app(scope, again, send)
