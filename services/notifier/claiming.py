"""What to do with a message that is due or was abandoned: send it now, later, another way, or never."""

import random
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.notifier.domain.states import DOUBTS_MAX, Next, Reason, State, after_attempt
from services.notifier.domain.telling import ChannelName, Hold, Suppress, Tell, decide
from services.notifier.store import Attempt, Message, MessageChange


@dataclass(frozen=True, slots=True)
class Claim:
    """A message ours to send, until its lease ends. tries: this one counted. doubts: as the store now has them."""

    message: Message
    address: str
    tries: int
    doubts: int
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """change: what to store now. claim: set when the message is to be sent. lapsed: the try nobody saw the end of."""

    change: MessageChange
    claim: Claim | None = None
    lapsed: Attempt | None = None


def plan(
    message: Message,
    channel: ChannelName,
    channels: Collection[ChannelName],
    *,
    now: datetime,
    lease: timedelta,
) -> Plan:
    """Decide on one message of `channel`. channels: all that are set up. The person's wishes are looked at again.

    What may have arrived already is repeated by the same way or not at all, and is never called suppressed. Only a
    mail is repeated (`DOUBTS_MAX`).
    """
    lapsed, doubts = None, message.doubts
    before = State.SENDING if message.lapsed else State.DUE
    if message.lapsed:
        assert message.claimed_at is not None
        lapsed = Attempt(message.id, message.tries, message.claimed_at, "lapsed", "lapsed")
        follows = after_attempt(
            "lapsed",
            doubts_max=DOUBTS_MAX[channel],
            tries=message.tries,
            doubts=doubts,
            now=now,
            chance=random.random,
        )
        if follows.state is not State.DUE:
            return Plan(move(message, before, channel, message.tries, follows), lapsed=lapsed)
        doubts = follows.doubts
    ways = [way for way in channels if way == channel] if doubts else channels
    match decide(message.intent.case, now, ways):
        case Hold(until=until):
            follows = Next(State.DUE, doubts, due_at=until)
            return Plan(move(message, before, channel, message.tries, follows), lapsed=lapsed)
        case Suppress(reason=reason):
            end = (
                Next(State.AMBIGUOUS, doubts, Reason.UNCLEAR) if doubts else Next(State.SUPPRESSED, 0, reason)
            )
            return Plan(move(message, before, channel, message.tries, end), lapsed=lapsed)
        case Tell(channel=way) if way != channel:
            follows = Next(State.DUE, doubts, due_at=now)
            return Plan(move(message, before, way, message.tries, follows), lapsed=lapsed)
        case Tell(address=address):
            claim = Claim(message, address, message.tries + 1, doubts, now)
            leased = MessageChange(
                message.id,
                before,
                message.tries,
                State.SENDING,
                channel,
                claim.tries,
                doubts,
                lease_until=now + lease,
            )
            return Plan(leased, claim, lapsed)


def move(message: Message, before: State, channel: ChannelName, tries: int, follows: Next) -> MessageChange:
    """The change that brings a message to `follows`. before, tries: its state and tries as the store has them."""
    return MessageChange(
        message.id,
        before,
        tries,
        follows.state,
        channel,
        tries,
        follows.doubts,
        follows.reason,
        follows.due_at,
    )
