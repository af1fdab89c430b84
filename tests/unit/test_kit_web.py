"""Every answer that is an error is a problem document, and none tells what an exception said."""

import json
import re
from typing import Any

import httpx
import pytest

from services.kit.events_page import render
from services.kit.web import create_app

CANARY = "kanarienvogel"
DOCUMENT: dict[str, Any] = {
    "info": {"title": "CANARY", "description": "CANARY"},
    "channels": {
        "t": {
            "description": "CANARY",
            "messages": {"m": {}},
            "bindings": {"kafka": {"partitions": 1, "topicConfiguration": {"CANARY": ["CANARY"]}}},
        }
    },
    "operations": {},
    "components": {
        "messages": {
            "m": {
                "name": "CANARY",
                "summary": "CANARY",
                "payload": {},
                "examples": [{"payload": {"a": "CANARY"}}],
            }
        },
        "schemas": {"m": {"properties": {"a": {"type": "string", "description": "CANARY"}}}},
    },
}


class Idle:
    """A consumer that is well, and a pool whose database is away."""

    alive = ready = True

    def acquire(self, **_: Any) -> Any:
        raise ConnectionRefusedError(CANARY)


def _client() -> httpx.AsyncClient:
    idle: Any = Idle()
    app = create_app("tiny", idle, idle)

    @app.get("/fails")
    async def fails(how: str) -> None:
        raise {"away": ConnectionRefusedError, "broken": KeyError}[how](CANARY)

    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://tiny")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/fails?how=broken", 500, "INTERNAL"),
        ("/fails?how=away", 503, "DATABASE_UNAVAILABLE"),
        ("/fails", 422, "REQUEST_BAD"),
        ("/nowhere", 404, "NOT_FOUND"),
    ],
)
async def test_an_error_is_a_problem_and_keeps_the_message_to_itself(
    path: str, status: int, code: str
) -> None:
    async with _client() as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.json()["code"], answer.json()["status"]) == (status, code, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert CANARY not in answer.text


async def test_the_events_page_shows_every_channel_message_and_field_and_loads_nothing() -> None:
    async with _client() as client:
        page = await client.get("/docs/asyncapi")
        document = (await client.get("/asyncapi.json")).json()
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    shown = set(re.findall(r"<code>([^<]+)</code>", page.text))
    for name in document["channels"]:
        assert f'id="{name}"' in page.text
    for name, message in document["components"]["messages"].items():
        assert message["name"] in page.text
        if "payload" in message:
            assert shown >= document["components"]["schemas"][name]["properties"].keys()
    assert "dlq_value" in shown
    assert not re.search(r"<script|src=|href=.(http|//)", page.text)


def test_what_a_contract_says_is_shown_inert() -> None:
    document = json.loads(json.dumps(DOCUMENT).replace("CANARY", "<script>alert(1)</script>"))
    assert "<script" not in render(document)
    assert "&lt;script&gt;" in render(document)


async def test_without_its_database_it_is_not_ready() -> None:
    async with _client() as client:
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/livez")).status_code == 200
