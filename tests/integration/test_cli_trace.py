"""`waystone trace` follows an event through the services that really handled it."""

import asyncio
import json
import re
from typing import Any

import pytest

from services.cli.__main__ import run
from tests.integration.cli_rig import SOURCE

pytestmark = pytest.mark.usefixtures("house_in_environment")


async def traced(capsys: pytest.CaptureFixture[str], *arguments: str, exit_code: int = 0) -> Any:
    """What the command says in JSON."""
    assert await asyncio.to_thread(run, ["trace", *arguments, "--json"]) == exit_code
    return json.loads(capsys.readouterr().out)


async def test_a_note_is_followed_from_its_arrival_to_the_mail(capsys: pytest.CaptureFixture[str]) -> None:
    trail = await traced(capsys, "note-today")
    assert [row["source"] for row in trail["received"]] == [SOURCE]
    [emitted] = trail["emitted"]
    assert (emitted["kind"], emitted["employee"], emitted["withdrawn"]) == ("recognition", "e-2", False)
    [entry] = trail["entries"]
    assert (entry["entry"], entry["withdrawn"], entry["has_words"]) == (emitted["entry"], False, True)
    [intent] = trail["intents"]
    assert (intent["state"], intent["channel"], intent["tries"]) == ("sent", "email", 1)
    assert [(a["number"], a["outcome"], a["code"]) for a in intent["attempts"]] == [(1, "sent", "250")]


async def test_the_id_of_an_entry_leads_back_to_its_event(capsys: pytest.CaptureFixture[str]) -> None:
    by_event = await traced(capsys, "note-today", "--source", SOURCE)
    assert await traced(capsys, by_event["emitted"][0]["entry"]) == by_event


async def test_a_deed_tells_all_that_followed_and_when_it_was_answered(
    capsys: pytest.CaptureFixture[str],
) -> None:
    trail = await traced(capsys, "deed-answered")
    assert {row["kind"] for row in trail["entries"]} >= {"deed", "recognition", "growth"}
    assert [bool(row["answered_at"]) for row in trail["entries"] if row["kind"] == "deed"] == [True]


async def test_what_was_withdrawn_and_what_withdrew_it_are_both_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    original = await traced(capsys, "note-withdrawn")
    assert [row["withdrawn"] for row in (*original["emitted"], *original["entries"])] == [True, True]
    withdrawal = await traced(capsys, "w-note")
    assert [row["kind"] for row in withdrawal["entries"]] == ["recognition-withdrawn"]


async def test_a_parked_note_says_for_whom_it_waits(capsys: pytest.CaptureFixture[str]) -> None:
    [parked] = (await traced(capsys, "note-to-stranger"))["parked"]
    assert (parked["recipient"], parked["waits_for"]) == ("e-nobody", "e-nobody")


async def test_a_refused_note_is_found_among_the_dead_letters(capsys: pytest.CaptureFixture[str]) -> None:
    trail = await traced(capsys, "note-to-oneself")
    assert trail["received"] == []
    assert {(row["service"], row["stage"]) for row in trail["dead_letters"]} == {("recognition", "rules")}


async def test_erased_words_are_told_to_be_gone(capsys: pytest.CaptureFixture[str]) -> None:
    assert [row["has_words"] for row in (await traced(capsys, "note-to-erased"))["entries"]] == [False]


async def test_a_trail_for_people_holds_no_words_and_no_names(capsys: pytest.CaptureFixture[str]) -> None:
    for event_id in ("note-today", "deed-answered", "note-to-stranger"):
        assert await asyncio.to_thread(run, ["trace", event_id]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^  notifier +\S+ sent by email, 1 tries, for e-2$", out, re.MULTILINE)
    assert not re.search(r"Secret words|Title of|Name of", out)


async def test_what_nobody_knows_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    for unknown in ("no-such-event", "018f0000-0000-8000-8000-000000000000"):
        assert (await traced(capsys, unknown, exit_code=1))["known"] is False
    assert (await traced(capsys, "note-today", "--source", "urn:other", exit_code=1))["known"] is False
