"""What a person reads: the words as they were given, in text and HTML alike, and nothing that text can break."""

import email
import email.policy
import re
from datetime import UTC, datetime
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.models.entries import RecognitionV1
from services.notifier.channels import Parcel
from services.notifier.channels.mime import MailWriter, header_text
from services.notifier.letter import SUBJECT_CHARS_MAX, Letter, compose, lines_of

WRITER = MailWriter("waystone@example.invalid", "Waystone")
WHEN = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MESSAGE = UUID("01a124d7-cd48-82f1-9dc7-f4f958d34824")
HEADERS = {
    "From",
    "To",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
}
MAIL_BYTES_MAX = 102 * 1024
HOSTILE = [
    "<script>alert(1)</script>",
    "javascript:alert(1)",
    "<!channel> @everyone",
    "<http://evil.example|bank>",
    "Hello\r\nBcc: eve@evil.example",
    "=?utf-8?q?Hello=0ABcc:_eve=40evil.example?=",
    "=?utf-8?b?SGVsbG8KQmNjOiBldmVAZXZpbC5leGFtcGxl?=",
    "{{7*7}} {% raw %} ${7*7} #{7*7}",
    "</mj-text></mj-column><mj-include path='/etc/passwd'/>",
    "line one\nFAKE log line\x1b[31mred\x1b[0m",
    "'; DROP TABLE intent; --",
    "\u202egnp.exe",
    ".\r\n.\r\nQUIT\r\n",
    "&lt;b&gt; &amp;amp;",
]
TEXT = st.text(min_size=1, max_size=300) | st.sampled_from(HOSTILE)


def recognition(**fields: Any) -> RecognitionV1:
    return RecognitionV1.model_validate({
        "employee": "e-1120",
        "cause": {"source": "https://thanks.example", "id": "note-1"},
        "by": "person",
        "kind": "thanks",
        "giver": "e-1155",
        "title": "Sat with the flood alarms",
        "words": "Dariusz, I read the night's handover twice.",
        **fields,
    })  # fmt: skip


def parcel(letter: Letter, **fields: Any) -> Parcel:
    return Parcel(MESSAGE, "dariusz@example.invalid", letter, **fields)


def thanks(giver: str | None = "Ada Lovelace", **fields: Any) -> Letter:
    return compose(recognition(**fields), giver, giver_erased=False, answerable=True)


def written(letter: Letter, **fields: Any) -> EmailMessage:
    return read(WRITER.write(parcel(letter, **fields), WHEN))


def read(source: bytes) -> EmailMessage:
    return email.message_from_bytes(source, policy=email.policy.default)


def part(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body(preferencelist=(kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


class Visible(HTMLParser):
    """The text a reader sees, and the tags and addresses around it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text: list[str] = []
        self.tags: set[str] = set()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src", "action")]
        self.tags |= {name for name, _ in attrs if name.startswith("on")}

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def visible(html: str) -> Visible:
    page = Visible()
    page.feed(html)
    return page


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def test_a_thank_you_is_the_givers_own_words_with_their_name_and_an_easy_way_to_answer() -> None:
    letter = thanks(impact="I drove out once, and not three times.")
    mail = written(letter, reply_to="ada@example.invalid")
    assert str(mail["Subject"]) == "Ada Lovelace thanked you"
    assert str(mail["Reply-To"]) == "ada@example.invalid"
    for text in (part(mail, "plain"), " ".join(visible(part(mail, "html")).text)):
        assert "Dariusz, I read the night's handover twice." in text
        assert "Ada Lovelace" in text
        assert "Why it mattered" in text
        assert "I drove out once, and not three times." in text
        assert "To answer Ada Lovelace, simply reply to this mail." in text
        assert "Only you received this." in text


@pytest.mark.parametrize(
    ("fields", "subject"),
    [
        ({"kind": "achievement"}, "Your work was noticed: Sat with the flood alarms"),
        ({"kind": "milestone"}, "You reached a milestone: Sat with the flood alarms"),
        ({"kind": "help"}, "Your help made a difference: Sat with the flood alarms"),
        ({"kind": "courage"}, "You tried something new: Sat with the flood alarms"),
        ({"kind": "award"}, "An award for you: Sat with the flood alarms"),
        ({"kind": "award", "visibility": "private"}, "An award for you"),
    ],
)
def test_every_kind_has_a_subject_a_person_would_write(fields: dict[str, str], subject: str) -> None:
    letter = thanks(**{"by": "rule", "giver": None, "visibility": "team", **fields})
    assert letter.subject == subject
    assert letter.answer == ""
    assert letter.signature == ""


def test_private_words_stay_out_of_what_a_list_of_mails_shows() -> None:
    letter = thanks(
        title="About your illness last spring", words="About your illness last spring: well done."
    )
    assert "illness" not in letter.subject + letter.preview


@pytest.mark.parametrize(
    ("erased", "name"), [(False, "A colleague"), (True, "A former colleague")], ids=["unknown", "erased"]
)
def test_a_giver_without_a_name_is_a_colleague(erased: bool, name: str) -> None:
    letter = compose(recognition(), None, giver_erased=erased, answerable=False)
    assert letter.headline == f"{name} thanked you"


def test_a_mail_names_itself_by_the_message_and_says_it_was_not_typed_by_hand() -> None:
    first, again = WRITER.write(parcel(thanks()), WHEN), WRITER.write(parcel(thanks()), WHEN.replace(hour=14))
    assert read(first)["Message-ID"] == read(again)["Message-ID"] == f"<{MESSAGE}@example.invalid>"
    assert read(first)["Auto-Submitted"] == "auto-generated"
    assert str(read(first)["From"]) == "Waystone <waystone@example.invalid>"


def test_the_text_part_is_wrapped_for_reading_and_keeps_the_writers_lines() -> None:
    letter = thanks(words="First line.\n\n" + "a rather long sentence that goes on " * 8)
    text = part(written(letter), "plain")
    assert max(len(line) for line in text.splitlines()) <= 72
    assert "    First line.\n\n    a rather long" in text


def test_a_persons_page_is_linked_only_where_one_is_configured() -> None:
    linked = written(thanks(), page_url="https://waystone.example/people/e-1120?a=1&b=2")
    assert visible(part(linked, "html")).addresses == ["https://waystone.example/people/e-1120?a=1&b=2"]
    assert "https://waystone.example/people/e-1120?a=1&b=2" in part(linked, "plain")
    assert visible(part(written(thanks()), "html")).addresses == []


def test_opening_a_mail_loads_nothing_from_anywhere() -> None:
    html = part(written(thanks()), "html")
    assert not re.search(r"@import|url\(|<img|<link|<script|<iframe", html)


@given(words=TEXT, title=TEXT, giver=TEXT)
def test_text_and_html_say_the_same_words_whatever_they_are(words: str, title: str, giver: str) -> None:
    fields = {"title": title.replace("\0", "").strip()[:200] or "-", "words": words.replace("\0", "")}
    letter = thanks(giver, **fields)
    mail = written(letter)
    page = visible(part(mail, "html"))
    expected = squeezed("".join(lines_of(fields["words"])))
    assert expected in squeezed(part(mail, "plain"))
    assert expected in squeezed("".join(page.text))
    assert page.addresses == []
    assert page.tags <= {
        "html",
        "head",
        "title",
        "meta",
        "style",
        "body",
        "div",
        "table",
        "tbody",
        "tr",
        "td",
        "br",
    }


@given(title=TEXT, giver=TEXT, words=TEXT)
def test_no_text_adds_a_header_or_breaks_out_of_one(title: str, giver: str, words: str) -> None:
    fields = {"title": title.replace("\0", "").strip()[:200] or "-", "words": words.replace("\0", "")}
    for by in ("person", "rule"):
        letter = thanks(giver, **fields, by=by, visibility="team")
        source = WRITER.write(parcel(letter, reply_to="ada@example.invalid"), WHEN)
        mail = read(source)
        assert set(mail.keys()) == HEADERS
        assert str(mail["To"]) == "dariusz@example.invalid"
        head = source.split(b"\r\n\r\n", 1)[0]
        assert not re.search(rb"(?im)^(bcc|cc|x-)", head)
        assert "\n" not in str(mail["Subject"])
        assert len(letter.subject) <= SUBJECT_CHARS_MAX
        assert max(map(len, source.split(b"\r\n"))) <= 998


@given(text=TEXT)
def test_a_header_reads_as_it_was_meant(text: str) -> None:
    mail = EmailMessage(policy=email.policy.SMTP)
    mail["Subject"] = header_text(text)
    assert squeezed(str(read(mail.as_bytes() + b"\r\n")["Subject"] or "")) == squeezed(header_text(text))


@pytest.mark.parametrize("letter_of", ["😀", "'", "&", "ß", "漢", "a'😀", "\n", "<b>"])
def test_the_longest_note_fits_what_mail_programs_show_in_one_piece(letter_of: str) -> None:
    text = (letter_of * 4000)[:3999] + "."
    source = WRITER.write(parcel(thanks(words=text, impact=text), reply_to="ada@example.invalid"), WHEN)
    assert len(source) <= MAIL_BYTES_MAX
