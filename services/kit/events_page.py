"""The reference page of events, made from `schemas/asyncapi.json`: plain HTML, no script, nothing from elsewhere."""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

from fastapi import FastAPI, Response
from fastapi.responses import HTMLResponse

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
h2 { margin-top: 3rem; border-bottom: 1px solid #ccc } table { border-collapse: collapse; width: 100% }
td, th { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #eee }
pre { background: #f6f6f6; padding: .75rem; overflow-x: auto } code { overflow-wrap: anywhere }
"""
Node = Mapping[str, Any]


def add_events_reference(app: FastAPI) -> None:
    """Serve `/asyncapi.json`, and `/docs/asyncapi` to read: channels, who sends and receives, messages, fields."""

    @app.get("/asyncapi.json", include_in_schema=False)
    async def document() -> Response:
        return Response(_text(), media_type="application/json")

    @app.get("/docs/asyncapi", include_in_schema=False)
    async def page() -> HTMLResponse:
        return HTMLResponse(_page(), headers={"Content-Security-Policy": _POLICY})


@cache
def _text() -> str:
    return (files("schemas") / "asyncapi.json").read_text(encoding="utf-8")


@cache
def _page() -> str:
    return render(json.loads(_text()))


def render(document: Node) -> str:
    """AsyncAPI 3.0 document, as `schemas` writes it → HTML."""
    info, channels = document["info"], document["channels"]
    contents = "".join(f'<li><a href="#{escape(name)}">{escape(name)}</a></li>' for name in channels)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>Events · {escape(info["title"])}</title><link rel="icon" href="data:,"><style>{_STYLE}</style></head>'
        f"<body><h1>Events</h1><p>{escape(info['description'])}</p>"
        '<p>For machines: <a href="/asyncapi.json">asyncapi.json</a>.</p>'
        f"<ul>{contents}</ul>{''.join(_channel(document, name) for name in channels)}</body></html>"
    )


def _channel(document: Node, name: str) -> str:
    channel = document["channels"][name]
    kafka = channel["bindings"]["kafka"]
    settings = "".join(
        f"<tr><td><code>{escape(key)}</code></td><td>{escape(_plain(value))}</td></tr>"
        for key, value in {"partitions": kafka["partitions"], **kafka["topicConfiguration"]}.items()
    )
    parties = "".join(
        f"<p>{'Sent' if action == 'send' else 'Received'} by {escape(', '.join(who))}.</p>"
        for action in ("send", "receive")
        if (who := _parties(document, name, action))
    )
    messages = "".join(_message(document, message) for message in channel["messages"])
    return (
        f'<section><h2 id="{escape(name)}">{escape(name)}</h2><p>{escape(channel["description"])}</p>'
        f"{parties}<table>{settings}</table>{messages}</section>"
    )


def _parties(document: Node, channel: str, action: str) -> list[str]:
    reference = {"$ref": f"#/channels/{channel}"}
    return [
        operation["tags"][0]["name"]
        for operation in document["operations"].values()
        if operation["action"] == action and operation["channel"] == reference
    ]


def _message(document: Node, name: str) -> str:
    message = document["components"]["messages"][name]
    fields = message["headers"] if "payload" not in message else document["components"]["schemas"][name]
    example = "".join(
        f"<pre>{escape(json.dumps(shown['payload'], indent=2, ensure_ascii=False))}</pre>"
        for shown in message.get("examples", ())[:1]
    )
    return (
        f"<h3>{escape(message['name'])}</h3><p>{escape(message['summary'])}</p>"
        f"<table><tr><th>Field</th><th>Form</th><th>Meaning</th></tr>{_fields(fields)}</table>{example}"
    )


def _fields(schema: Node) -> str:
    required = set(schema.get("required", ()))
    return "".join(
        f"<tr><td><code>{escape(name)}</code>{'' if name in required else ' (optional)'}</td>"
        f"<td>{escape(_form(field))}</td><td>{escape(field.get('description', ''))}</td></tr>"
        for name, field in schema["properties"].items()
    )


def _form(schema: Node) -> str:
    """What a value looks like, in words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in schema:
        return _either(_form(choice) for choice in schema["anyOf"])
    if "enum" in schema:
        return _either(map(_plain, schema["enum"]))
    if "const" in schema:
        return _plain(schema["const"])
    if schema.get("type") == "array":
        return f"list of {_form(schema['items'])}"
    form = str(schema.get("format", schema.get("type", "any")))
    return f"{form} up to {schema['maxLength']}" if "maxLength" in schema else form


def _either(choices: Iterable[str]) -> str:
    return " or ".join(choices)


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
