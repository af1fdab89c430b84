"""Whether, when and by which channel a recognition is told."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.domain.addresses import usable_email, usable_handle
from services.notifier.domain.hours import quiet_until
from services.notifier.domain.states import Reason
from services.notifier.domain.telling import (
    CHANNELS,
    LEAVE_WAIT,
    Case,
    Hold,
    Person,
    Suppress,
    Tell,
    Wishes,
    category,
    decide,
    is_too_old,
    privacy,
)

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ADA = Person("Ada Lovelace", "ada@example.invalid", "@ada", "Europe/Rome", ((date(2020, 1, 1), "active"),))
CASE = Case(
    category="thanks",
    arrived_at=NOW,
    withdrawn=False,
    person=ADA,
    erased=False,
    wishes=Wishes(),
    giver_missing=False,
    giver_words_erased=False,
)
ZONES = st.sampled_from(["UTC", "Europe/Rome", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
CLOCK = st.times().map(lambda t: t.replace(second=0, microsecond=0))


def wishing(**wishes: object) -> Case:
    return replace(CASE, wishes=Wishes(**wishes))  # type: ignore[arg-type]


def with_status(*statuses: tuple[date, str]) -> Case:
    return replace(CASE, person=replace(ADA, statuses=statuses))


def test_without_wishes_a_person_is_told_by_mail_at_once() -> None:
    assert decide(CASE, NOW, CHANNELS) == Tell("email", "ada@example.invalid")


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (replace(CASE, withdrawn=True), Reason.WITHDRAWN),
        (replace(CASE, erased=True, person=None), Reason.ERASED),
        (replace(CASE, giver_words_erased=True), Reason.ERASED),
        (replace(CASE, person=None, arrived_at=NOW - timedelta(days=2)), Reason.UNKNOWN_PERSON),
        (with_status((date(2020, 1, 1), "active"), (date(2026, 11, 23), "left")), Reason.LEFT),
        (wishing(celebrate="not-at-all"), Reason.NOT_AT_ALL),
        (wishing(muted=("thanks",)), Reason.MUTED),
        (wishing(channels=()), Reason.NO_CHANNEL),
        (replace(CASE, person=replace(ADA, email=None)), Reason.NO_ADDRESS),
        (replace(CASE, person=replace(ADA, email="ada lovelace@x")), Reason.NO_ADDRESS),
        (
            replace(
                with_status((date(2020, 1, 1), "on-leave")), arrived_at=NOW - LEAVE_WAIT - timedelta(days=1)
            ),
            Reason.ON_LEAVE,
        ),
    ],
    ids=lambda value: value.value if isinstance(value, Reason) else "",
)
def test_who_must_not_be_told_is_not_told_and_the_reason_is_kept(case: Case, reason: Reason) -> None:
    decision = decide(case, NOW, CHANNELS)
    assert isinstance(decision, Suppress)
    assert decision.reason is reason


def test_a_withdrawn_recognition_is_not_told_even_to_a_person_nobody_knows_yet() -> None:
    decision = decide(replace(CASE, person=None, withdrawn=True), NOW, CHANNELS)
    assert decision == Suppress(Reason.WITHDRAWN, "email")


def test_muting_one_category_leaves_the_others() -> None:
    case = wishing(muted=("milestone", "digest"))
    assert isinstance(decide(case, NOW, CHANNELS), Tell)


@pytest.mark.parametrize(
    ("by", "kind", "expected"),
    [
        ("person", "thanks", "thanks"),
        ("rule", "achievement", "recognition"),
        ("rule", "award", "recognition"),
        ("calendar", "milestone", "calendar"),
        ("calendar", "anniversary", "calendar"),
        ("rule", "milestone", "milestone"),
    ],
)
def test_every_kind_belongs_to_the_category_its_reader_would_mute(by: str, kind: str, expected: str) -> None:
    assert category(by, kind) == expected


def test_the_first_wished_channel_with_an_address_is_taken() -> None:
    wish = wishing(channels=("chat", "email"))
    assert decide(wish, NOW, CHANNELS) == Tell("chat", "@ada")
    assert decide(wish, NOW, ("email",)) == Tell("email", "ada@example.invalid")
    without_handle = replace(wish, person=replace(ADA, chat=None))
    assert decide(without_handle, NOW, CHANNELS) == Tell("email", "ada@example.invalid")


def test_chat_alone_where_the_company_has_no_chat_reaches_nobody() -> None:
    assert decide(wishing(channels=("chat",)), NOW, ("email",)) == Suppress(Reason.NO_CHANNEL, "chat")


def test_a_person_the_directory_lacks_is_waited_for_ever_more_seldom() -> None:
    unknown = replace(CASE, person=None)
    first = decide(unknown, NOW, CHANNELS)
    later = decide(unknown, NOW + timedelta(hours=10), CHANNELS)
    assert first == Hold(NOW + timedelta(seconds=1))
    assert later == Hold(NOW + timedelta(hours=10, minutes=10))


def test_thanks_wait_a_little_for_the_givers_name_and_then_go_without() -> None:
    nameless = replace(CASE, giver_missing=True)
    assert isinstance(decide(nameless, NOW, CHANNELS), Hold)
    assert isinstance(decide(nameless, NOW + timedelta(minutes=11), CHANNELS), Tell)


def test_thanks_keep_until_the_morning_of_the_return_from_leave() -> None:
    case = with_status(
        (date(2020, 1, 1), "active"), (date(2026, 11, 1), "on-leave"), (date(2026, 11, 24), "active")
    )
    held = decide(case, NOW, CHANNELS)
    assert held == Hold(datetime(2026, 11, 24, 9, 0, tzinfo=ZoneInfo("Europe/Rome")).astimezone(UTC))
    assert isinstance(held, Hold)
    assert isinstance(decide(case, held.until, CHANNELS), Tell)


def test_leave_without_an_end_is_looked_at_each_day() -> None:
    case = with_status((date(2020, 1, 1), "active"), (date(2026, 11, 1), "on-leave"))
    assert decide(case, NOW, CHANNELS) == Hold(NOW + timedelta(days=1))


def test_quiet_hours_are_those_of_the_persons_own_zone() -> None:
    # 12:00 UTC is 13:00 in Rome and 21:00 in Tokyo.
    night = wishing(quiet=(time(20, 0), time(8, 0)), timezone="Asia/Tokyo")
    assert decide(night, NOW, CHANNELS) == Hold(datetime(2026, 11, 23, 23, 0, tzinfo=UTC))
    assert isinstance(decide(wishing(quiet=(time(20, 0), time(8, 0))), NOW, CHANNELS), Tell)


@pytest.mark.parametrize("zone", ["Nowhere/Atlantis", "../../etc/passwd", "/etc/passwd", "Europe"])
def test_a_time_zone_that_is_none_falls_back_to_the_directorys(zone: str) -> None:
    lunch = wishing(quiet=(time(13, 0), time(14, 0)), timezone=zone)
    assert decide(lunch, NOW, CHANNELS) == Hold(NOW + timedelta(hours=1))


@given(zone=ZONES, start=CLOCK, end=CLOCK, now=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)))  # noqa: DTZ001
def test_quiet_hours_end_ahead_within_a_day_and_a_clock_change(
    zone: str, start: time, end: time, now: datetime
) -> None:
    at = now.replace(tzinfo=UTC)
    until = quiet_until((start, end), ZoneInfo(zone), at)
    if until is not None:
        assert at < until <= at + timedelta(hours=26)
        local = until.astimezone(ZoneInfo(zone)).time()
        assert not (start <= local < end if start <= end else local >= start or local < end)


def test_the_end_of_quiet_hours_is_found_in_the_hour_the_clocks_repeat() -> None:
    rome = ZoneInfo("Europe/Rome")
    second_time_round = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)  # 02:10, after 02:59 had been
    until = quiet_until((time(22, 0), time(2, 30)), rome, second_time_round)
    assert until == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def test_history_is_what_is_older_than_seven_days_on_arrival() -> None:
    assert is_too_old(NOW - timedelta(days=7, seconds=1), NOW)
    assert not is_too_old(NOW - timedelta(days=7), NOW)


def test_of_two_records_the_one_that_shows_less_is_the_more_private() -> None:
    ranks = [
        privacy(Wishes(celebrate="public", channels=("email", "chat"))),
        privacy(Wishes(celebrate="public")),
        privacy(Wishes(celebrate="team", channels=("email", "chat"))),
        privacy(Wishes(celebrate="private", muted=("thanks",))),
        privacy(Wishes(celebrate="not-at-all", channels=("email", "chat"))),
    ]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == len(ranks)


@pytest.mark.parametrize(
    "address",
    [
        "=?utf-8?q?a=0ABcc:_eve=40evil.example?=@example.invalid",
        "ada@example.invalid\r\nBcc: eve@evil.example",
        "ada@example.invalid\n",
        '"ada lovelace"@example.invalid',
        "ada@[127.0.0.1]",
        "ada@example.invalid, eve@evil.example",
        "ada@exa mple.invalid",
        "ada<eve@evil.example>@example.invalid",
        "ada",
        "@example.invalid",
        f"{'a' * 65}@example.invalid",
        "ädä@example.invalid",
    ],
)
def test_an_address_that_a_header_could_misread_is_not_used(address: str) -> None:
    assert not usable_email(address)


@pytest.mark.parametrize("address", ["ada@example.invalid", "a.b+c@sub.example.invalid", "x_1@localhost"])
def test_an_ordinary_address_is_used(address: str) -> None:
    assert usable_email(address)


@pytest.mark.parametrize(
    "handle",
    [
        "#general",
        "general",
        "@General",
        "@channel",
        "<!here>",
        "@here",
        "@everyone",
        "C024BE91L",
        "G012AC86C",
        "S0614TZR7",
        "@S0614TZR7",
        "<@U012AB3CD>",
        "a b",
        "",
        "@",
        "http://x",
    ],
)
def test_a_handle_that_is_not_one_person_is_not_used(handle: str) -> None:
    assert usable_handle(handle) is None


def test_a_handle_is_taken_with_or_without_its_sign_and_a_member_id_as_it_stands() -> None:
    assert usable_handle("ada.l") == usable_handle("@ada.l") == "@ada.l"
    assert usable_handle("U012AB3CD") == "U012AB3CD"
    assert usable_handle("SUSANNE-MEYER") == "@SUSANNE-MEYER"


@pytest.mark.parametrize(
    ("zone", "midnight_utc"),
    [
        ("Europe/Rome", datetime(2026, 10, 31, 23, 0, tzinfo=UTC)),
        ("Pacific/Auckland", datetime(2026, 10, 31, 11, 0, tzinfo=UTC)),
        ("America/Los_Angeles", datetime(2026, 11, 1, 7, 0, tzinfo=UTC)),
    ],
)
def test_mail_ends_with_the_last_day_in_the_persons_own_time_zone(zone: str, midnight_utc: datetime) -> None:
    """They have left from 1 November on: 31 October is their last day, to its last second."""
    gone = replace(ADA, timezone=zone, statuses=((date(2020, 1, 1), "active"), (date(2026, 11, 1), "left")))
    case = replace(CASE, person=gone, arrived_at=midnight_utc - timedelta(hours=2))
    assert isinstance(decide(case, midnight_utc - timedelta(seconds=1), ["email"]), Tell)
    assert decide(case, midnight_utc, ["email"]) == Suppress(Reason.LEFT, "email")


def test_what_quiet_hours_hold_over_the_last_day_is_never_told() -> None:
    gone = replace(ADA, timezone="UTC", statuses=((date(2020, 1, 1), "active"), (date(2026, 11, 1), "left")))
    night = datetime(2026, 10, 31, 23, 0, tzinfo=UTC)
    case = replace(CASE, person=gone, wishes=Wishes(quiet=(time(22), time(7))), arrived_at=night)
    held = decide(case, night, ["email"])
    assert isinstance(held, Hold)
    assert decide(case, held.until, ["email"]) == Suppress(Reason.LEFT, "email")
