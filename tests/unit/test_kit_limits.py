"""Bounds on what a caller may ask, and answers that are not sent twice."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI, Request
from pydantic import BaseModel, ConfigDict, Field

from services.kit import limits
from services.kit.body import described, json_body
from services.kit.etag import EntityTags
from services.kit.limits import BodyLimit, RateLimits, RateSettings
from services.kit.web import Problem, problem_response

Asking = Callable[..., Awaitable[httpx.Response]]


class Wish(BaseModel):
    """A body."""

    model_config = ConfigDict(extra="forbid", strict=True)

    text: Annotated[str, Field(min_length=1, max_length=20, pattern=r"^[^\x00]*$")]


@pytest.fixture
def ask() -> Asking:
    app = FastAPI()
    state = {"value": 1}

    @app.exception_handler(Problem)
    async def problem(_: Request, error: Problem) -> Any:
        return problem_response(error.status, error.code, error.detail)

    @app.get("/v1/thing")
    async def thing() -> dict[str, int]:
        return state

    @app.get("/v1/none")
    async def none() -> None:
        raise Problem(404, "NOT_FOUND", "Nothing.")

    @app.post("/v1/wish", openapi_extra=described(Wish))
    async def wish(body: Annotated[Wish, Depends(json_body(Wish))]) -> dict[str, str]:
        state["value"] += 1
        return {"text": body.text}

    app.add_middleware(EntityTags, below="/v1/")
    app.add_middleware(BodyLimit, bytes_max=1_000)

    async def asking(method: str, path: str, **more: Any) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://kit") as client:
            return await client.request(method, path, **more)

    return asking


class Clock:
    """Moved by hand."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_burst_passes_then_the_rate_holds_and_a_pause_fills_up_again() -> None:
    clock = Clock()
    bucket = RateLimits(RateSettings(rate_per_second=2, rate_burst=3), clock)
    assert [bucket.wait_seconds("ann") for _ in range(5)] == [0, 0, 0, 1, 1]
    clock.seconds = 0.5
    assert [bucket.wait_seconds("ann") for _ in range(2)] == [0, 1]
    clock.seconds = 100.0
    assert [bucket.wait_seconds("ann") for _ in range(4)] == [0, 0, 0, 1]


def test_who_asks_too_often_delays_nobody_else_and_is_told_how_long_to_wait() -> None:
    bucket = RateLimits(RateSettings(rate_per_second=0.1, rate_burst=1), Clock())
    assert bucket.wait_seconds("ann") == 0
    assert bucket.wait_seconds("ann") == 10
    assert bucket.wait_seconds("bob") == 0


def test_memory_is_bounded_however_many_principals_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PRINCIPALS_MAX", 10)
    bucket = RateLimits(RateSettings(rate_per_second=1, rate_burst=1), Clock())
    for number in range(1_000):
        bucket.wait_seconds(str(number))
    assert len(bucket._buckets) == 10
    assert bucket.wait_seconds("999") > 0, "the one seen last is remembered"


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_over_the_limit_is_refused_whether_or_not_its_length_was_told(
    ask: Asking, declared: bool
) -> None:
    async def in_pieces() -> Any:
        for _ in range(11):
            yield b"x" * 100

    body: Any = b"x" * 1_001 if declared else in_pieces()
    answer = await ask("POST", "/v1/wish", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "BODY_TOO_LARGE")


async def test_a_body_within_the_limit_arrives_whole(ask: Asking) -> None:
    assert (await ask("POST", "/v1/wish", json={"text": "a wish"})).json() == {"text": "a wish"}


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (b'{"text": "a"', "application/json", (400, "DECODE_BAD")),
        (b"[" * 500, "application/json", (400, "DECODE_BAD")),
        (b'{"text": NaN}', "application/json", (400, "DECODE_BAD")),
        (b'{"text": "a", "text": "b"}', "application/json", (400, "DECODE_BAD")),
        (b'{"text": "\\ud800"}', "application/json", (400, "DECODE_BAD")),
        (b'{"text": ' + b"9" * 500 + b"}", "application/json", (400, "DECODE_BAD")),
        (b'"text"', "application/json", (400, "DECODE_BAD")),
        (b"", "application/json", (400, "DECODE_BAD")),
        (b'{"text": "a"}', "text/plain", (400, "DECODE_BAD")),
        (b'{"text": 1}', "application/json", (422, "SCHEMA_BAD")),
        (b'{"text": ""}', "application/json", (422, "SCHEMA_BAD")),
        (b'{"text": "\\u0000"}', "application/json", (422, "SCHEMA_BAD")),
        (b'{"text": "a", "secret": "b"}', "application/json", (422, "SCHEMA_BAD")),
        (b"{}", "application/json", (422, "SCHEMA_BAD")),
    ],
)
async def test_a_bad_body_is_told_so_and_not_repeated(
    ask: Asking, body: bytes, kind: str, code: tuple[int, str]
) -> None:
    answer = await ask("POST", "/v1/wish", content=body, headers={"content-type": kind})
    assert (answer.status_code, answer.json()["code"]) == code
    assert "secret" not in answer.text


async def test_who_has_an_answer_already_is_not_sent_it_again_until_it_changes(ask: Asking) -> None:
    first = await ask("GET", "/v1/thing")
    known = {"If-None-Match": f'"other", W/{first.headers["etag"]}'}
    again = await ask("GET", "/v1/thing", headers=known)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    await ask("POST", "/v1/wish", json={"text": "change"})
    changed = await ask("GET", "/v1/thing", headers=known)
    assert (changed.status_code, changed.json()) == (200, {"value": 2})
    assert changed.headers["etag"] != first.headers["etag"]
    assert (changed.headers["cache-control"], changed.headers["vary"]) == (
        "private, no-cache",
        "Authorization",
    )


async def test_a_problem_has_no_tag(ask: Asking) -> None:
    answer = await ask("GET", "/v1/none", headers={"If-None-Match": "*"})
    assert answer.status_code == 404
    assert "etag" not in answer.headers
