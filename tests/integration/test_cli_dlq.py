"""`waystone dlq` on what the real services refused, and on hostile dead letters."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer

from deploy.local.stack import Stack
from services.cli.__main__ import run

pytestmark = pytest.mark.usefixtures("house_in_environment")
HOSTILE = b"Dear \x1b[2J\xe2\x80\xaeadmin\nsecond line"


@pytest_asyncio.fixture
async def letters(stack: Stack) -> AsyncIterator[dict[str, tuple[int, int]]]:
    """Three dead letters of the ledger as a stranger might write them: name → partition and offset."""
    producer = AIOKafkaProducer(bootstrap_servers=stack.bootstrap_servers, transactional_id="test-cli-dlq")
    await producer.start()
    headers = [
        ("dlq_code", b"\x1b[31mEVIL"),
        ("dlq_topic", b"a.topic"),
        ("dlq_offset", b"7"),
        ("nothing", None),
    ]
    sent = {}
    for name, value in (("hostile", HOSTILE), ("binary", b"\xff\x00"), ("null", None)):
        async with producer.transaction():
            place = await producer.send_and_wait("recognition.dlq.ledger", value, b"key", headers=headers)
        sent[name] = (place.partition, place.offset)
    await producer.stop()
    yield sent


async def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    """What `list` says in JSON."""
    assert await asyncio.to_thread(run, ["dlq", "list", "--json", *arguments]) == 0
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return rows


async def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What `show` prints."""
    assert await asyncio.to_thread(run, ["dlq", "show", *arguments]) == 0
    return capsys.readouterr().out


async def test_a_refused_note_is_listed_with_where_it_came_from_and_why(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = await listed(capsys, "--service", "recognition", "--limit", "1000")
    refused = [row for row in rows if row["code"].startswith("RULE_SELF")]
    assert refused
    newest = refused[-1]
    assert (newest["of_topic"], newest["group"], newest["attempts"]) == (
        "recognition.thank-you-notes.v1", "recognition", "1",
    )  # fmt: skip
    assert newest["stage"] == "rules"
    assert "Secret words" not in json.dumps(rows)


async def test_the_list_is_narrowed_by_service_code_time_and_number(
    letters: dict[str, tuple[int, int]], capsys: pytest.CaptureFixture[str]
) -> None:
    ours = await listed(capsys, "--service", "ledger", "--code", "\x1b[31mEVIL", "--since", "10m")
    assert {(row["partition"], row["offset"]) for row in ours} >= set(letters.values())
    assert await listed(capsys, "--code", "NO_SUCH_CODE") == []
    assert await listed(capsys, "--since", "2199-01-01") == []
    [newest] = await listed(capsys, "--service", "ledger", "--limit", "1")
    assert (newest["partition"], newest["offset"]) == letters["null"]


async def test_a_dead_letter_is_shown_whole_and_obeyed_by_no_terminal(
    letters: dict[str, tuple[int, int]], capsys: pytest.CaptureFixture[str]
) -> None:
    partition, offset = map(str, letters["hostile"])
    text = await shown(capsys, "ledger", partition, offset)
    assert "Dear \\x1b[2J\\u202eadmin\nsecond line" in text
    assert "code: \\x1b[31mEVIL" in text
    assert "  nothing: (null)" in text
    assert "\x1b" not in text
    told = json.loads(await shown(capsys, "ledger", partition, offset, "--json"))
    assert told["body"] == HOSTILE.decode()
    assert told["key"] == "key"


async def test_bytes_that_are_no_text_are_shown_as_hex(
    letters: dict[str, tuple[int, int]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert "(hex) ff00" in await shown(capsys, "ledger", *map(str, letters["binary"]))
    assert "body: 0 bytes\n(null)" in await shown(capsys, "ledger", *map(str, letters["null"]))


async def test_the_list_for_people_is_inert_too(
    letters: dict[str, tuple[int, int]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert await asyncio.to_thread(run, ["dlq", "list", "--service", "ledger"]) == 0
    out = capsys.readouterr().out
    assert "\\x1b[31mEVIL" in out
    assert "\x1b" not in out
    assert "Dear" not in out


async def test_a_place_without_a_dead_letter_ends_with_1(
    letters: dict[str, tuple[int, int]], capsys: pytest.CaptureFixture[str]
) -> None:
    partition, offset = letters["null"]
    marker = ["ledger", str(partition), str(offset + 1)]
    for place in (marker, ["ledger", "0", "99999999"], ["ledger", "999", "0"]):
        assert await asyncio.to_thread(run, ["dlq", "show", *place]) == 1
        assert capsys.readouterr().err.startswith("waystone: NOT_THERE: ")


async def test_a_broker_that_does_not_answer_ends_with_3(
    house_in_environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    house_in_environment.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    assert await asyncio.to_thread(run, ["dlq", "list"]) == 3
    assert "waystone: KAFKA_UNREACHABLE: " in capsys.readouterr().err
