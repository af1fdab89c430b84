"""The person page: what it tells, in whose words, and that nothing in it is alive. Links, cookies, and views."""

from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ledger.domain import CELEBRATE
from services.ledger.links import COOKIE_SECONDS, LINK_SECONDS_MAX, Signer, sign
from services.ledger.pages import timeline
from services.ledger.pages.web import render
from services.ledger.reading import Person
from services.ledger.view import Entry, as_lead_sees

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
KEY = "a key of more than thirty-two characters"
HOSTILE = [
    "<script>alert(1)</script>",
    "{{7*7}}{% for x in y %}",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style><svg onload=alert(1)>",
    "\u202etxt.exe &amp; &lt;b&gt;",
]


def entry(kind: str = "recognition", **more: Any) -> Entry:
    usual: dict[str, Any] = {"id": UUID(int=1), "kind": kind, "occurred_at": NOW}
    if kind == "recognition":
        usual |= {
            "sort": "thanks",
            "by": "person",
            "giver": "e-2",
            "giver_name": "Ines",
            "visibility": "team",
        }
    return Entry(**(usual | more))


def page(*entries: Entry, zone: str = "UTC", person: Person | None = None) -> str:
    person = person or Person("e-1", "Anna Bosco", "firmware", NOW.date(), zone)
    shown = timeline.build(entries, ZoneInfo(zone))
    return bytes(render("person.html", person=person, timeline=shown, earlier=None).body).decode()


class Reader(HTMLParser):
    """Collects tags, attributes and text as a browser would see them."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def test_thanks_are_told_in_the_giver_s_words_and_by_name() -> None:
    read = Reader(page(entry(words="You found out why.\nAnd wrote it down.", impact="One drive, not three.")))
    for told in (
        "Thanks from Ines",
        "You found out why.\nAnd wrote it down.",
        "One drive, not three.",
        "November 2026",
    ):
        assert told in read.text


def test_a_giver_who_is_gone_is_a_former_colleague() -> None:
    assert "a former colleague" in page(entry(giver=None, giver_name=None, words="Well done."))


@pytest.mark.parametrize(
    ("team", "start", "said"),
    [
        ("field-work", date(2024, 1, 1), "field work · here since January 2024"),
        ("field-work", None, "field work"),
        (None, date(2024, 1, 1), "here since January 2024"),
        (None, None, ""),
    ],
)
def test_a_page_says_of_a_person_what_the_directory_knows(
    team: str | None, start: date | None, said: str
) -> None:
    html = page(entry(words="Well done."), person=Person("e-1", "Anna Bosco", team, start, "UTC"))
    assert html.split('<p class="since">')[1].split("</p>")[0].strip() == said
    assert "Well done." in html


def test_what_was_taken_back_says_only_that() -> None:
    html = page(entry(withdrawn=True))
    assert "This was taken back." in html
    assert "blockquote>" not in html


def test_a_small_effort_has_the_same_place_as_a_major_result() -> None:
    small = page(entry("deed", title="Swept up", size="small", basis="effort", waiting=True))
    major = page(entry("deed", title="Swept up", size="major", basis="result", waiting=True))
    assert _article(small).replace("for the effort", "for the result") == _article(major)


def _article(html: str) -> str:
    return html[html.index("<article") : html.index("</article>")]


def test_a_recognition_by_rule_does_not_repeat_the_deed_beside_it() -> None:
    deed = entry("deed", title="Halved the current", answered_at=NOW)
    echo = entry(
        id=UUID(int=2), sort="achievement", by="rule", giver=None, giver_name=None, title="Halved the current"
    )
    other = entry(
        id=UUID(int=3), sort="award", by="rule", giver=None, giver_name=None, title="Ten small things"
    )
    assert page(echo, deed).count("<h3>Halved the current</h3>") == 1
    assert "Ten small things" in page(other, deed)


def test_months_and_days_are_the_person_s_own() -> None:
    late = entry(occurred_at=datetime(2026, 10, 31, 23, 30, tzinfo=UTC), words="Good night.")
    assert "October 2026" in page(late)
    assert "November 2026" in page(late, zone="Europe/Rome")


def test_goals_show_their_steps_from_the_first_to_the_last() -> None:
    steps = [
        entry(
            "growth",
            id=UUID(int=n),
            sort="goal-step",
            title=f"step {n}",
            goal="see-the-stack",
            occurred_at=NOW - timedelta(days=n),
        )
        for n in (1, 2, 3)
    ]
    shown = timeline.build(steps, UTC)
    assert shown.goals[0].name == "see the stack"
    assert [s.entry.title for s in shown.goals[0].steps] == ["step 3", "step 2", "step 1"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_and_stays_text(text: str) -> None:
    plain = Reader(page(*_everywhere("harmless")))
    read = Reader(page(*_everywhere(text)))
    assert read.tags == plain.tags
    assert not [name for name, _ in read.attributes if name.startswith("on")]
    assert text in read.text


def _everywhere(text: str) -> tuple[Entry, ...]:
    return (
        entry(
            words=text, title=text, impact=text, giver_name=text, links=(text,), skills=(text,), value=text
        ),
        entry("deed", title=text, words=text, goal=text),
        entry("career-picture", title=text, lines=({"skill": text, "outcome": text, "told": text},)),
        entry("growth", title=text, goal=text, sort="goal-step"),
    )


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,<script>",
        " javascript:alert(1)",
        "//evil.example/x",
        "https://user:secret@evil.example/",
        "https://@evil.example/",
        "http://evil.com\\.good.com/x",
        "https://good.example\\@evil.example/",
        "http:\\\\evil.example/",
        "https://good.example\u2028.evil.example/",
        "https://good.example .evil.example/",
        "https://evil.example%2egood.example/",
        "\x01https://evil.example/",
        "http://",
        "http://[::1",
        "ftp://files.example/",
        "mailto:a@b.example",
    ],
)
def test_only_web_addresses_without_a_login_become_links(address: str) -> None:
    read = Reader(page(entry("deed", title="x", links=(address,))))
    assert address.strip() in read.text
    assert _hrefs(read) == ["#content"]


def _hrefs(read: Reader) -> list[str | None]:
    return [value for name, value in read.attributes if name == "href" and value != "data:,"]


def test_a_web_address_is_a_link_that_tells_nobody_whence() -> None:
    read = Reader(page(entry("deed", title="x", links=('https://git.example/a?b="c"&d=<e>',))))
    assert _hrefs(read) == ["#content", 'https://git.example/a?b="c"&d=<e>']
    assert ("rel", "noopener noreferrer nofollow") in read.attributes
    assert "git.example" in read.text


def test_the_page_loads_and_runs_nothing() -> None:
    answer = render("closed.html", 401, title="No", detail="No.")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    nonce = policy.split("'nonce-")[1].split("'")[0]
    assert f'<style nonce="{nonce}">' in bytes(answer.body).decode()
    assert (
        nonce not in render("closed.html", 401, title="No", detail="No.").headers["content-security-policy"]
    )


# --- links and cookies ---


def test_a_link_opens_its_person_s_page_until_it_ends() -> None:
    url = sign("http://127.0.0.1:8080/", "e-1042", KEY, NOW, lifetime_seconds=60)
    assert url.startswith("http://127.0.0.1:8080/people/e-1042/open?")
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    expires, signature, signer = int(query["expires"]), query["signature"], Signer(KEY)
    assert signer.link_is_good("e-1042", expires, signature, NOW + timedelta(seconds=59))
    assert not signer.link_is_good("e-1042", expires, signature, NOW + timedelta(seconds=60))
    assert not signer.link_is_good("e-1043", expires, signature, NOW)
    assert not signer.link_is_good("e-1042", expires + 1, signature, NOW)
    assert not Signer(KEY[::-1]).link_is_good("e-1042", expires, signature, NOW)


@pytest.mark.parametrize("seconds", [0, LINK_SECONDS_MAX + 1])
def test_no_link_lives_longer_than_a_quarter_of_an_hour(seconds: int) -> None:
    with pytest.raises(ValueError, match="lives"):
        sign("http://x", "e-1", KEY, NOW, seconds)


def test_a_key_one_could_guess_is_refused() -> None:
    with pytest.raises(ValueError, match="32 characters"):
        Signer("short")


def test_a_cookie_is_good_for_an_hour_and_for_one_person() -> None:
    signer = Signer(KEY)
    value = signer.cookie_value("e-1", NOW)
    assert signer.cookie_is_good("e-1", value, NOW + timedelta(seconds=COOKIE_SECONDS - 1))
    assert not signer.cookie_is_good("e-1", value, NOW + timedelta(seconds=COOKIE_SECONDS))
    assert not signer.cookie_is_good("e-2", value, NOW)


def test_a_link_s_signature_is_no_cookie() -> None:
    signer = Signer(KEY)
    query = parse_qs(signer.link_query("e-1", NOW))
    assert not signer.cookie_is_good("e-1", f"{query['expires'][0]}.{query['signature'][0]}", NOW)


@given(st.text(max_size=200))
def test_whatever_a_cookie_holds_it_opens_nothing(value: str) -> None:
    assert not Signer(KEY).cookie_is_good("e-1", value, NOW)


# --- what a lead sees ---

TEAM, PRIVATE = CELEBRATE["team"], CELEBRATE["private"]


def test_of_a_private_note_a_lead_sees_only_that_it_came() -> None:
    seen = as_lead_sees(
        entry(visibility="private", words="secret", title="secret", skills=("secret",)), "e-9", TEAM
    )
    assert seen.hidden
    assert "secret" not in seen.model_dump_json()
    assert seen.giver is None
    assert seen.giver_name is None


def test_a_lead_may_read_what_they_wrote_themself() -> None:
    note = entry(visibility="private", words="secret", giver="e-9")
    assert as_lead_sees(note, "e-9", PRIVATE) == note


def test_the_wish_of_today_hides_what_was_once_open() -> None:
    note = entry(visibility="public", words="open")
    assert as_lead_sees(note, "e-9", TEAM) == note
    assert as_lead_sees(note, "e-9", PRIVATE).hidden


@pytest.mark.parametrize("sort", ["reflection", "self-rating"])
def test_a_person_s_own_notes_are_theirs(sort: str) -> None:
    assert as_lead_sees(entry("growth", sort=sort, words="mine", title="mine"), "e-9", TEAM).hidden
    step = as_lead_sees(entry("growth", sort="goal-step", words="mine", title="a step"), "e-9", TEAM)
    assert (step.title, step.words) == ("a step", None)


def test_a_former_colleague_s_note_is_not_taken_for_the_reader_s_own() -> None:
    assert as_lead_sees(entry(visibility="private", giver=None, giver_name=None), "e-9", TEAM).hidden
