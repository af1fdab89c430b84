"""States of intents and messages, why they ended, and what follows from a try."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

TRIES_MAX = 8
DOUBTS_MAX: Mapping[str, int] = {"email": 2, "chat": 1}
"""How many doubts end a message, by channel. A mail is repeated once: its Message-ID is the same, and losing thanks
would be worse than a copy. A chat has nothing to know a repeat by, so its first doubt is its end."""
RETRY_AFTER_SECONDS_MAX = 6 * 3600.0
_BACKOFF_SECONDS_FIRST = 60.0
_BACKOFF_SECONDS_MAX = 8 * 3600.0
_BACKOFF_JITTER = 0.2


class State(StrEnum):
    """States of intents and messages; `docs/notifier-states.md` draws them."""

    DUE = "due"
    SENDING = "sending"
    SENT = "sent"
    SUPPRESSED = "suppressed"
    AMBIGUOUS = "ambiguous"
    FAILED = "failed"


class Reason(StrEnum):
    """Why something was not sent, or not certainly."""

    TOO_OLD = "too_old"
    ALREADY_TOLD = "already_told"
    WITHDRAWN = "withdrawn"
    ERASED = "erased"
    UNKNOWN_PERSON = "unknown_person"
    LEFT = "left"
    ON_LEAVE = "on_leave"
    NOT_AT_ALL = "not_at_all"
    MUTED = "muted"
    NO_CHANNEL = "no_channel"
    NO_ADDRESS = "no_address"
    REFUSED = "refused"
    GAVE_UP = "gave_up"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Next:
    """Where a message goes after a try. due_at: when to try again."""

    state: State
    doubts: int
    reason: Reason | None = None
    due_at: datetime | None = None


AttemptOutcome = Literal["sent", "temporary", "permanent", "ambiguous", "lapsed"]


def after_attempt(
    outcome: AttemptOutcome,
    *,
    doubts_max: int,
    tries: int,
    doubts: int,
    now: datetime,
    chance: Callable[[], float],
    retry_after_seconds: float | None = None,
) -> Next:
    """What follows from a try. tries, doubts: this try counted, this doubt not. chance: uniform in [0, 1).

    A try whose end nobody saw (the connection broke after the last byte, the process ended) leaves a doubt. The
    message is repeated, until doubts_max are its end (`DOUBTS_MAX`). What may have arrived is never called failed.
    """
    if outcome == "sent":
        return Next(State.SENT, doubts)
    if outcome in ("ambiguous", "lapsed"):
        doubts += 1
        if doubts >= doubts_max:
            return Next(State.AMBIGUOUS, doubts, Reason.UNCLEAR)
    ends = outcome == "permanent" or tries >= TRIES_MAX
    if ends:
        reason = Reason.REFUSED if outcome == "permanent" else Reason.GAVE_UP
        return Next(State.AMBIGUOUS if doubts else State.FAILED, doubts, reason)
    seconds = backoff_seconds(tries, chance())
    if retry_after_seconds is not None:
        seconds = max(seconds, min(retry_after_seconds, RETRY_AFTER_SECONDS_MAX))
    return Next(State.DUE, doubts, due_at=now + timedelta(seconds=seconds))


def backoff_seconds(tries: int, chance: float) -> float:
    """Pause after the nth try: 1, 4, 16, 64 minutes, 4.3 hours, then 8: eight tries in about a day. ±20 %."""
    seconds: float = min(_BACKOFF_SECONDS_FIRST * 4 ** (tries - 1), _BACKOFF_SECONDS_MAX)
    return seconds * (1 - _BACKOFF_JITTER + 2 * _BACKOFF_JITTER * chance)
