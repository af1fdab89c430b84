"""From an entry to a mail: each recognition is told once, as its person wishes, and its words are then forgotten."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from services.kit.batch import Outcome
from tests.integration.notifier_rig import (
    MailServer,
    Notifier,
    erasure,
    event,
    long_ago,
    person,
    thanks,
    tombstone,
    wishes,
    withdrawal,
)

ADA, GIVER = person("e-ada", "Ada Lovelace"), person("e-giver", "Ines Marchetti")


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with MailServer().serving() as running:
        yield running


@pytest.fixture
async def notifier(database: Callable[[str], Awaitable[str]], server: MailServer) -> AsyncIterator[Notifier]:
    pool = await asyncpg.create_pool(await database("notifier"), min_size=0, max_size=6)
    yield Notifier(pool, {"email": server.channel()})
    pool.terminate()


async def test_a_thank_you_becomes_one_mail_and_its_words_are_forgotten(
    notifier: Notifier, server: MailServer
) -> None:
    note = thanks("e-ada")
    async with notifier.at_work():
        assert await notifier.receive(ADA, GIVER, note) == [Outcome.APPLIED] * 3
        assert await notifier.until_ended() == [("sent", "")]
    [mail] = server.mails
    assert server.envelopes == [("waystone@example.invalid", ["e-ada@example.invalid"])]
    assert str(mail["Subject"]) == "Ines Marchetti thanked you"
    assert str(mail["Reply-To"]) == "e-giver@example.invalid"
    body = mail.get_body(("plain",))
    assert body is not None
    assert "Thank you for note-1." in body.get_content()
    assert await notifier.words_kept() == 0
    assert await notifier.deliveries() == [
        {
            "employee": "e-ada",
            "recognition": note.id,
            "channel": "email",
            "state": "sent",
            "reason": "",
            "attempts": 1,
        }
    ]


async def test_replaying_every_topic_from_zero_sends_nothing_twice(
    notifier: Notifier, server: MailServer
) -> None:
    log = [ADA, GIVER, *(thanks("e-ada", f"note-{n}") for n in range(30))]
    async with notifier.at_work():
        await notifier.receive(*log)
        await notifier.until_ended(30)
        assert await notifier.receive(*log) == [Outcome.DUPLICATE] * len(log)
        await notifier.receive(wishes("e-ada", channels=["chat", "email"]))
        assert await notifier.receive(*reversed(log)) == [Outcome.DUPLICATE] * len(log)
        assert await notifier.until_ended(30) == [("sent", "")] * 30
    assert len(server.mails) == len(set(server.message_ids())) == 30
    assert len(await notifier.deliveries()) == 30


async def test_a_recognition_twice_in_one_batch_is_told_once(notifier: Notifier) -> None:
    outcomes = await notifier.receive(thanks("e-ada"), thanks("e-ada"))
    assert outcomes == [Outcome.APPLIED, Outcome.DUPLICATE]


async def test_another_body_under_a_known_id_is_a_conflict_and_changes_nothing(notifier: Notifier) -> None:
    at = datetime.now(UTC)
    note, other = (thanks("e-ada", time=at, words=words) for words in ("Thank you.", "Something else."))
    ada, eve = (
        event("person", json.loads(person("e-ada", name).data), id_="p-1", time=at) for name in ("Ada", "Eve")
    )
    assert await notifier.receive(note, other, ada, eve) == [
        Outcome.APPLIED, "ID_CONFLICT", Outcome.APPLIED, "ID_CONFLICT",
    ]  # fmt: skip
    assert await notifier.receive(other, note, eve, ada) == [
        "ID_CONFLICT", Outcome.DUPLICATE, "ID_CONFLICT", Outcome.DUPLICATE,
    ]  # fmt: skip
    assert "Thank you." in await notifier.pool.fetchval("SELECT body FROM intent")
    assert '"Ada"' in await notifier.pool.fetchval("SELECT body FROM person")


async def test_an_award_is_granted_once_whichever_event_crossed_the_threshold(notifier: Notifier) -> None:
    award = {"by": "rule", "giver": None, "kind": "award", "grant": "ten-small-things/2026/1"}
    outcomes = await notifier.receive(thanks("e-ada", "note-1", **award), thanks("e-ada", "note-2", **award))
    assert sorted(outcomes) == [Outcome.APPLIED, Outcome.DUPLICATE]
    assert await notifier.receive(thanks("e-ada", "note-4", **award)) == [Outcome.DUPLICATE]
    assert await notifier.receive(thanks("e-bob", "note-3", **award)) == [Outcome.APPLIED]


async def test_history_is_told_to_nobody_and_its_words_are_not_even_stored(
    notifier: Notifier, server: MailServer
) -> None:
    backfill = [thanks("e-ada", f"note-{n}", time=long_ago()) for n in range(20)]
    async with notifier.at_work():
        await notifier.receive(ADA, GIVER, *backfill)
        assert await notifier.words_kept() == 0
        assert await notifier.until_ended(20) == [("suppressed", "too_old")] * 20
    assert server.connections == 0
    assert {delivery["reason"] for delivery in await notifier.deliveries()} == {"too_old"}


async def test_what_is_only_remembered_makes_no_intent(notifier: Notifier) -> None:
    cause = {"source": "urn:git", "id": "merge-1"}
    deed = {"employee": "e-ada", "cause": cause, "title": "Merged", "basis": "both", "size": "small"}
    growth = {"employee": "e-ada", "cause": cause, "kind": "training", "title": "First aid"}
    outcomes = await notifier.receive(
        event("deed", deed, id_="00000000-0000-8000-8000-000000000001"),
        event("growth", growth, id_="00000000-0000-8000-8000-000000000002"),
    )
    assert outcomes == [Outcome.IGNORED] * 2
    assert await notifier.ends() == []


async def test_a_recognition_without_a_proper_id_is_refused(notifier: Notifier) -> None:
    bad = event("recognition", json.loads(thanks("e-ada").data), id_="note-1")
    assert await notifier.receive(bad) == ["SCHEMA_BAD"]


async def test_a_person_who_comes_after_their_thanks_is_still_told(
    notifier: Notifier, server: MailServer
) -> None:
    async with notifier.at_work():
        await notifier.receive(thanks("e-ada"))
        await notifier.until("SELECT due_at > arrived_at FROM intent")
        await notifier.receive(GIVER)
        await notifier.receive(ADA)
        assert await notifier.until_ended() == [("sent", "")]
    assert str(server.mails[0]["Subject"]) == "Ines Marchetti thanked you"


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        ({"celebrate": "not-at-all"}, "not_at_all"),
        ({"muted": ["thanks"]}, "muted"),
        ({"channels": []}, "no_channel"),
        ({"channels": ["chat"]}, "no_channel"),
    ],
)
async def test_a_wish_for_silence_is_kept(
    notifier: Notifier, server: MailServer, wish: dict[str, object], reason: str
) -> None:
    async with notifier.at_work():
        await notifier.receive(wishes("e-ada", **wish), ADA, GIVER, thanks("e-ada"))
        assert await notifier.until_ended() == [("suppressed", reason)]
    assert server.mails == []
    assert [d["reason"] for d in await notifier.deliveries()] == [reason]


async def test_the_newest_wishes_win_whatever_order_they_come_in_and_on_a_tie_the_more_private(
    notifier: Notifier,
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    old = wishes("e-ada", id_="a", time=now - timedelta(hours=1), celebrate="public")
    new = wishes("e-ada", id_="a", time=now, celebrate="team")
    tie = wishes("e-ada", id_="a", time=now, celebrate="not-at-all")
    assert await notifier.receive(new) == [Outcome.APPLIED]
    assert await notifier.receive(old) == [Outcome.IGNORED]
    assert await notifier.receive(tie, new) == [Outcome.APPLIED, Outcome.IGNORED]
    assert await notifier.receive(tie) == [Outcome.DUPLICATE]
    assert "not-at-all" in await notifier.pool.fetchval("SELECT body FROM preference")


async def test_of_a_record_that_was_taken_away_an_older_one_does_not_come_back(
    notifier: Notifier, server: MailServer
) -> None:
    now = datetime.now(UTC)
    gone = tombstone("recognition.people.v1", "e-ada", now)
    old = person("e-ada", "Ada", time=now - timedelta(hours=1))
    assert await notifier.receive(old, gone) == [Outcome.IGNORED, Outcome.APPLIED]
    assert await notifier.receive(gone, old) == [Outcome.DUPLICATE, Outcome.IGNORED]
    async with notifier.at_work():
        await notifier.receive(GIVER, thanks("e-ada"))
        await notifier.until("SELECT due_at > arrived_at FROM intent")
        assert server.mails == []
        assert await notifier.receive(person("e-ada", "Ada", time=now + timedelta(seconds=1))) == [
            Outcome.APPLIED
        ]
        assert await notifier.until_ended() == [("sent", "")]
    assert await notifier.receive(erasure("e-ada"), gone) == [Outcome.APPLIED, Outcome.IGNORED]


async def test_of_wishes_that_were_taken_away_the_default_holds_again(
    notifier: Notifier, server: MailServer
) -> None:
    now = datetime.now(UTC)
    silence = wishes("e-ada", time=now - timedelta(hours=1), celebrate="not-at-all")
    gone = tombstone("recognition.preferences.v1", "e-ada", now)
    assert await notifier.receive(silence, ADA, GIVER) == [Outcome.APPLIED] * 3
    assert await notifier.receive(gone) == [Outcome.APPLIED]
    assert await notifier.receive(silence, gone) == [Outcome.IGNORED, Outcome.DUPLICATE]
    async with notifier.at_work():
        await notifier.receive(thanks("e-ada"))
        assert await notifier.until_ended() == [("sent", "")]
    assert len(server.mails) == 1


@pytest.mark.parametrize("order", [1, -1], ids=["oldest first", "newest first"])
async def test_a_leaver_gets_no_mail_whatever_the_order_of_the_record(
    notifier: Notifier, server: MailServer, order: int
) -> None:
    periods = [{"since": "2020-01-01", "status": "active"}, {"since": "2026-01-01", "status": "left"}]
    gone = person("e-ada", "Ada", statuses=periods[::order])
    async with notifier.at_work():
        await notifier.receive(gone, GIVER, thanks("e-ada"))
        assert await notifier.until_ended() == [("suppressed", "left")]
    assert server.mails == []


async def test_a_reply_does_not_go_to_a_giver_who_has_left(notifier: Notifier, server: MailServer) -> None:
    left = [{"since": "2020-01-01", "status": "active"}, {"since": "2026-01-01", "status": "left"}]
    async with notifier.at_work():
        await notifier.receive(person("e-giver", "Ines Marchetti", statuses=left), ADA, thanks("e-ada"))
        await notifier.until_ended()
    assert server.mails[0]["Reply-To"] is None
    assert str(server.mails[0]["Subject"]) == "Ines Marchetti thanked you"


async def test_thanks_during_leave_are_kept_and_told_on_return(
    notifier: Notifier, server: MailServer
) -> None:
    away = [{"since": "2020-01-01", "status": "active"}, {"since": "2026-01-01", "status": "on-leave"}]
    async with notifier.at_work():
        await notifier.receive(person("e-ada", "Ada Lovelace", statuses=away), GIVER, thanks("e-ada"))
        await notifier.until("SELECT due_at > now() + interval '1 hour' FROM intent")
        assert server.mails == []
        await notifier.receive(person("e-ada", "Ada Lovelace"))
        await notifier.pool.execute("UPDATE intent SET due_at = now()")
        assert await notifier.until_ended() == [("sent", "")]


async def test_in_quiet_hours_the_mail_waits(notifier: Notifier, server: MailServer) -> None:
    now = datetime.now(UTC)
    quiet = {"start": f"{now - timedelta(hours=1):%H:%M}", "end": f"{now + timedelta(hours=2):%H:%M}"}
    async with notifier.at_work():
        await notifier.receive(wishes("e-ada", quiet=quiet), ADA, GIVER, thanks("e-ada"))
        await notifier.until("SELECT due_at > now() + interval '1 hour' FROM intent WHERE state = 'due'")
    assert server.mails == []


@pytest.mark.parametrize("withdrawn_first", [True, False])
async def test_a_withdrawn_recognition_is_not_told(
    notifier: Notifier, server: MailServer, withdrawn_first: bool
) -> None:
    note = thanks("e-ada")
    events = [note, withdrawal(note, "e-ada")]
    await notifier.receive(ADA, GIVER)
    for one in reversed(events) if withdrawn_first else events:
        await notifier.receive(one)
    async with notifier.at_work():
        assert await notifier.until_ended() == [("suppressed", "withdrawn")]
    assert server.mails == []


async def test_a_withdrawal_reaches_what_waits_for_a_later_hour(notifier: Notifier) -> None:
    note = thanks("e-ada")
    async with notifier.at_work():
        await notifier.receive(note)
        await notifier.pool.execute("UPDATE intent SET due_at = now() + interval '5 hours'")
        await notifier.receive(withdrawal(note, "e-ada"))
        assert await notifier.until_ended() == [("suppressed", "withdrawn")]


async def test_an_erasure_removes_the_person_their_wishes_and_the_words_that_wait(
    notifier: Notifier, server: MailServer
) -> None:
    async with notifier.at_work():
        await notifier.receive(ADA, wishes("e-ada", celebrate="team"), thanks("e-ada", giver="e-nobody"))
        await notifier.receive(thanks("e-bob", "note-2"))
        await notifier.receive(erasure("e-ada"))
        await notifier.until("SELECT count(*) = 1 FROM intent WHERE reason = 'erased'")
        await notifier.until("SELECT count(*) = 0 FROM preference")
    assert await notifier.pool.fetchrow("SELECT body, erased FROM person") == (None, "received")
    assert await notifier.words_kept() == 1
    assert server.mails == []


async def test_an_erased_person_stays_erased_whatever_comes_later(notifier: Notifier) -> None:
    await notifier.receive(erasure("e-ada", "given"))
    assert await notifier.receive(ADA) == [Outcome.IGNORED]
    assert await notifier.receive(erasure("e-ada")) == [Outcome.IGNORED]
    assert await notifier.receive(erasure("e-ada", "given")) == [Outcome.DUPLICATE]
    async with notifier.at_work():
        await notifier.receive(thanks("e-ada"), wishes("e-ada", celebrate="public"))
        assert await notifier.until_ended() == [("suppressed", "erased")]
        await notifier.until("SELECT count(*) = 0 FROM preference")


@pytest.mark.parametrize(
    ("scope", "end"), [("received", ("sent", "")), ("given", ("suppressed", "erased"))], ids=str
)
async def test_words_an_erased_person_gave_go_with_them_only_if_they_asked_for_it(
    notifier: Notifier, server: MailServer, scope: str, end: tuple[str, str]
) -> None:
    await notifier.receive(ADA, GIVER, erasure("e-giver", scope), thanks("e-ada"))
    async with notifier.at_work():
        assert await notifier.until_ended() == [end]
    assert [str(mail["Subject"]) for mail in server.mails] == (
        ["A former colleague thanked you"] if scope == "received" else []
    )


async def test_hostile_text_arrives_as_text_and_reaches_nobody_else(
    notifier: Notifier, server: MailServer
) -> None:
    name = "Eve\r\nBcc: all@example.invalid =?utf-8?q?=0ABcc:_all=40example.invalid?="
    words = "<script>alert(1)</script> {{7*7}} \x1b[31m\r\n.\r\nMAIL FROM:<x@y>\r\n'; DROP TABLE intent; --"
    async with notifier.at_work():
        await notifier.receive(
            ADA, person("e-giver", name), thanks("e-ada", words=words, title="=?utf-8?q?=0A?=")
        )
        assert await notifier.until_ended() == [("sent", "")]
    [mail] = server.mails
    assert server.envelopes[0][1] == ["e-ada@example.invalid"]
    assert mail["Bcc"] is None
    text = mail.get_body(("plain",))
    assert text is not None
    assert "<script>alert(1)</script> {{7*7}} [31m" in text.get_content()
    assert "'; DROP TABLE intent; --" in text.get_content()
