"""Chat messages: to one person, inert, and patient."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.channels import Parcel
from services.notifier.channels.chat import TEXT_CHARS_MAX, inert, payload, retry_after_seconds
from services.notifier.letter import Letter

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def letter(words: str) -> Letter:
    return Letter(
        subject="Ada Lovelace thanked you",
        preview="Only you received this.",
        headline="Ada Lovelace thanked you",
        title="",
        words=tuple(words.split("\n")),
        signature="Ada Lovelace",
        impact=("It held.",),
        notes=(),
        answer="",
        privacy="Only you received this.",
    )


def post(words: str) -> dict[str, object]:
    return payload(Parcel(UUID(int=1), "@dariusz", letter(words)))


def test_a_message_goes_to_one_person_and_quotes_the_words() -> None:
    message = post("You found out why.\nAnd wrote it down.")
    assert message["channel"] == "@dariusz"
    assert "> You found out why.\n> And wrote it down.\n" in str(message["text"])
    assert (message["parse"], message["link_names"], message["unfurl_links"]) == ("none", False, False)


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("<!channel>", "&lt;!channel&gt;"),
        ("<http://evil.example|your bank>", "&lt;http://evil.example|your bank&gt;"),
        ("<@U123>", "&lt;@U123&gt;"),
        ("&lt;!here&gt;", "&amp;lt;!here&amp;gt;"),
        ("@Channel", "@\u2060Channel"),
        ("@everyone and @here", "@\u2060everyone and @\u2060here"),
    ],
)
def test_words_call_nobody_and_hide_no_link(hostile: str, shown: str) -> None:
    assert inert(hostile) == shown


@given(st.text())
def test_no_text_leaves_a_bracket_or_a_call(text: str) -> None:
    shown = inert(text)
    assert "<" not in shown
    assert ">" not in shown
    assert not any(f"@{room}" in shown.lower() for room in ("channel", "here", "everyone", "all"))
    assert shown.replace("\u2060", "").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == (
        text.replace("\u2060", "")
    )


def test_a_message_keeps_within_what_a_chat_shows() -> None:
    assert len(str(post("&" * 40_000)["text"])) <= TEXT_CHARS_MAX


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("Mon, 23 Nov 2026 12:00:30 GMT", 30.0),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0.0),
        ("-5", 30.0),
        ("soon", 30.0),
        ("٣", 30.0),
        (None, 30.0),
    ],
)
def test_a_wished_pause_is_read_as_seconds_or_as_a_date(header: str | None, seconds: float) -> None:
    assert retry_after_seconds(header, NOW) == seconds
