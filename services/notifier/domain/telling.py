"""When a recognition is told, by which channel, and when not."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from services.notifier.domain.addresses import usable_email, usable_handle
from services.notifier.domain.hours import quiet_until, zone_of
from services.notifier.domain.states import Reason

ChannelName = Literal["email", "chat"]
CHANNELS: tuple[ChannelName, ...] = get_args(ChannelName)
DEFAULT_CHANNEL: ChannelName = "email"
"""The company's default, and the channel named when a recognition was told by none."""

TOO_OLD = timedelta(days=7)
UNKNOWN_PERSON_WAIT = timedelta(hours=24)
UNKNOWN_GIVER_WAIT = timedelta(minutes=10)
LEAVE_WAIT = timedelta(days=400)
"""A year's leave and some weeks. Thanks keep; the words are not kept for ever."""
_BACK_AT_WORK = time(9, 0)
_DIRECTORY_RECHECK_MAX = timedelta(minutes=10)
_DIRECTORY_RECHECK_MIN = timedelta(seconds=1)
_LEAVE_RECHECK = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Person:
    """A directory record, as far as telling needs it. statuses: (since, status), rising."""

    name: str
    email: str | None
    chat: str | None
    timezone: str
    statuses: tuple[tuple[date, str], ...]


@dataclass(frozen=True, slots=True)
class Wishes:
    """A person's preferences, as far as telling needs them. quiet: local (start, end), may pass midnight."""

    celebrate: str = "team"
    channels: tuple[ChannelName, ...] = (DEFAULT_CHANNEL,)
    muted: tuple[str, ...] = ()
    quiet: tuple[time, time] | None = None
    timezone: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """All that decides whether, when and how one recognition is told to one person."""

    category: str
    arrived_at: datetime
    withdrawn: bool
    person: Person | None
    erased: bool
    wishes: Wishes
    giver_missing: bool
    """There is a giver, and the directory has neither their record nor their erasure."""
    giver_words_erased: bool


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell it now, by this channel, at this address."""

    channel: ChannelName
    address: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Look again at `until`."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Suppress:
    """Tell it never. channel: the one it would have gone by."""

    reason: Reason
    channel: ChannelName


Decision = Tell | Hold | Suppress


def category(by: str, kind: str) -> str:
    """The category that preferences mute, of a recognition's `by` and `kind`."""
    if by == "person":
        return "thanks"
    if by == "calendar" or kind == "anniversary":
        return "calendar"
    return "milestone" if kind == "milestone" else "recognition"


def is_too_old(occurred_at: datetime, arrived_at: datetime) -> bool:
    """History is kept and told to nobody: this is how replays and backfills stay silent."""
    return arrived_at - occurred_at > TOO_OLD


def decide(case: Case, now: datetime, channels: Collection[ChannelName]) -> Decision:
    """What to do with a recognition now. channels: those this company has set up, or the one it must go by."""
    if case.withdrawn:
        return _suppress(Reason.WITHDRAWN, case)
    if case.erased or case.giver_words_erased:
        return _suppress(Reason.ERASED, case)
    if case.person is None:
        return _wait_for_directory(case, now, UNKNOWN_PERSON_WAIT) or _suppress(Reason.UNKNOWN_PERSON, case)
    zone = zone_of(case.wishes.timezone, case.person.timezone)
    today = now.astimezone(zone).date()
    status = _status_on(case.person.statuses, today)
    if status == "left":
        return _suppress(Reason.LEFT, case)
    if case.wishes.celebrate == "not-at-all":
        return _suppress(Reason.NOT_AT_ALL, case)
    if case.category in case.wishes.muted:
        return _suppress(Reason.MUTED, case)
    reach = _reach(case.person, case.wishes, channels)
    if isinstance(reach, Reason):
        return _suppress(reach, case)
    if status == "on-leave":
        return _wait_for_return(case, now, zone, today) or _suppress(Reason.ON_LEAVE, case)
    if case.giver_missing and (hold := _wait_for_directory(case, now, UNKNOWN_GIVER_WAIT)):
        return hold
    if (until := quiet_until(case.wishes.quiet, zone, now)) is not None:
        return Hold(until)
    return reach


def _suppress(reason: Reason, case: Case) -> Suppress:
    return Suppress(reason, case.wishes.channels[0] if case.wishes.channels else DEFAULT_CHANNEL)


def _wait_for_directory(case: Case, now: datetime, wait_max: timedelta) -> Hold | None:
    """The directory may be a moment behind: look again soon, then more and more seldom, up to a bound."""
    waited = now - case.arrived_at
    if waited >= wait_max:
        return None
    return Hold(now + min(max(waited / 4, _DIRECTORY_RECHECK_MIN), _DIRECTORY_RECHECK_MAX))


def _wait_for_return(case: Case, now: datetime, zone: ZoneInfo, today: date) -> Hold | None:
    """Nobody reads thanks while on leave: they are told on the morning of the return."""
    if now - case.arrived_at >= LEAVE_WAIT or case.person is None:
        return None
    later = [since for since, status in case.person.statuses if since > today and status != "on-leave"]
    until = datetime.combine(later[0], _BACK_AT_WORK, zone).astimezone(UTC) if later else now + _LEAVE_RECHECK
    # A record may change meanwhile: never longer than a day without a look.
    return Hold(min(until, now + _LEAVE_RECHECK))


def _status_on(statuses: Sequence[tuple[date, str]], day: date) -> str:
    current = "active"
    for since, status in statuses:
        if since <= day:
            current = status
    return current


def _reach(person: Person, wishes: Wishes, channels: Collection[ChannelName]) -> Tell | Reason:
    """The first wished channel that is set up and has an address; else why there is none."""
    wished = [channel for channel in wishes.channels if channel in channels]
    if not wished:
        return Reason.NO_CHANNEL
    for channel in wished:
        if channel == "email" and person.email is not None and usable_email(person.email):
            return Tell(channel, person.email)
        if channel == "chat" and person.chat is not None and (handle := usable_handle(person.chat)):
            return Tell(channel, handle)
    return Reason.NO_ADDRESS


def privacy(wishes: Wishes) -> int:
    """Greater is more private; decides between two records of the same time and id."""
    circle = ("public", "team", "private", "not-at-all").index(wishes.celebrate)
    return (
        circle * 1000 + (2 - len(wishes.channels)) * 100 + len(wishes.muted) * 10 + (wishes.quiet is not None)
    )
