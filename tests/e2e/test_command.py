"""The `waystone` command, as an engineer of another system uses it: send, trace, see why one was refused."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Home
from tests.e2e.talk import eventually, person, send

pytestmark = pytest.mark.timeout(180)


async def waystone(home: Home, *arguments: str) -> tuple[int, Any]:
    """Run one command with `--json`; return its exit code and what it printed."""
    databases = {
        f"{name.upper()}_DATABASE_URL": home.stack.database_url(name) for name in home.house.services
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.cli", *arguments, "--json",
        env={**os.environ, **databases, "KAFKA_BOOTSTRAP_SERVERS": home.stack.bootstrap_servers},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, told = await asyncio.wait_for(process.communicate(), 90)
    assert b"Traceback" not in told, told.decode()
    text = out.decode().strip()
    return process.returncode or 0, json.loads(text) if text else None


def event(id_: str, **data: Any) -> str:
    return json.dumps({
        "specversion": "1.0", "id": id_, "source": "urn:test:command", "type": "dev.waystone.achievement.v1",
        "time": "2026-11-20T09:00:00Z", "datacontenttype": "application/json", "data": data,
    })  # fmt: skip


async def test_an_event_sent_by_the_command_is_traced_through_the_services(
    home: Home, tmp_path: Path
) -> None:
    await send(home, "person", person("e-una", "Una Castel", "imports"))
    file = tmp_path / "events.jsonl"
    file.write_text(
        event("command-1", employee="e-una", title="Labelled every drawer", basis="effort", size="notable")
    )
    code, _ = await waystone(home, "validate", str(file))
    assert code == 0
    code, _ = await waystone(home, "emit", "jsonl", str(file))
    assert code == 0

    async def traced() -> object:
        code, found = await waystone(home, "trace", "command-1")
        return code == 0 and "deed" in json.dumps(found) and "recognition" in json.dumps(found) and found

    found = await eventually(traced, "the event is in the ledger")
    assert "drawer" not in json.dumps(found), "a trace shows no words"
    assert "Una" not in json.dumps(found), "a trace shows no names"


async def test_an_event_nobody_knows_is_said_to_be_unknown(home: Home) -> None:
    code, _ = await waystone(home, "trace", "never-sent")
    assert code == 1


async def test_a_refused_event_is_listed_with_its_code_and_shown_whole(home: Home) -> None:
    await send(home, "person", person("e-vic", "Vic Moss", "imports"))
    await send(
        home,
        "thank-you-note",
        {"from": "e-vic", "to": ["e-vic"], "deed": "Well done, me."},
        id_="self-praise",
    )

    async def listed() -> object:
        code, letters = await waystone(home, "dlq", "list", "--service", "recognition")
        assert code == 0
        return "RULE_SELF_RECOGNITION" in json.dumps(letters)

    await eventually(listed, "the dead letter is listed")
    _, letters = await waystone(home, "dlq", "list", "--service", "recognition")
    assert "Well done" not in json.dumps(letters), "a list never says what a letter says"


async def test_a_bad_event_is_refused_before_it_is_sent(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text(event("command-2", employee="e-una", title="", basis="effort", size="tiny"))
    code, _ = await waystone(home, "emit", "jsonl", str(file))
    assert code == 1
