"""What follows from a try to send."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.domain.states import (
    DOUBTS_MAX,
    RETRY_AFTER_SECONDS_MAX,
    TRIES_MAX,
    AttemptOutcome,
    Next,
    Reason,
    State,
    after_attempt,
    backoff_seconds,
)
from services.notifier.domain.telling import CHANNELS, ChannelName

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
FINAL = {State.SENT, State.FAILED, State.AMBIGUOUS}
OUTCOMES: list[AttemptOutcome] = ["sent", "temporary", "permanent", "ambiguous", "lapsed"]


def after(
    outcome: AttemptOutcome,
    tries: int = 1,
    doubts: int = 0,
    retry_after: float | None = None,
    channel: ChannelName = "email",
) -> Next:
    return after_attempt(
        outcome,
        doubts_max=DOUBTS_MAX[channel],
        tries=tries,
        doubts=doubts,
        now=NOW,
        chance=lambda: 0.5,
        retry_after_seconds=retry_after,
    )


def test_a_temporary_refusal_is_tried_again_later_and_given_up_after_eight_tries() -> None:
    assert after("temporary", 1).due_at == NOW + timedelta(minutes=1)
    assert after("temporary", 2).due_at == NOW + timedelta(minutes=4)
    assert after("temporary", TRIES_MAX) == Next(State.FAILED, 0, Reason.GAVE_UP)


def test_eight_tries_take_about_a_day() -> None:
    seconds = sum(backoff_seconds(n, 0.5) for n in range(1, TRIES_MAX))
    assert 20 * 3600 < seconds < 24 * 3600


def test_a_refusal_for_good_ends_at_once() -> None:
    assert after("permanent") == Next(State.FAILED, 0, Reason.REFUSED)


@pytest.mark.parametrize("outcome", ["ambiguous", "lapsed"])
def test_a_chat_in_doubt_is_not_repeated_for_nobody_could_tell_the_repeat(outcome: AttemptOutcome) -> None:
    assert after(outcome, channel="chat") == Next(State.AMBIGUOUS, 1, Reason.UNCLEAR)


def test_a_mail_in_doubt_is_answered_by_one_repeat_and_a_second_doubt_is_the_end() -> None:
    first = after("ambiguous")
    assert (first.state, first.doubts) == (State.DUE, 1)
    assert after("ambiguous", 2, 1) == Next(State.AMBIGUOUS, 2, Reason.UNCLEAR)
    assert after("lapsed", 2, 1) == Next(State.AMBIGUOUS, 2, Reason.UNCLEAR)


def test_what_may_have_arrived_is_never_called_failed() -> None:
    assert after("permanent", 2, 1).state is State.AMBIGUOUS
    assert after("temporary", TRIES_MAX, 1).state is State.AMBIGUOUS


def test_a_server_that_names_its_pause_gets_it_within_bounds() -> None:
    assert after("temporary", 1, retry_after=300).due_at == NOW + timedelta(seconds=300)
    assert after("temporary", 1, retry_after=1).due_at == NOW + timedelta(seconds=60)
    assert after("temporary", 1, retry_after=1e9).due_at == NOW + timedelta(seconds=RETRY_AFTER_SECONDS_MAX)


@given(
    channel=st.sampled_from(CHANNELS),
    outcomes=st.lists(st.sampled_from(OUTCOMES), min_size=TRIES_MAX, max_size=TRIES_MAX),
)
def test_every_message_ends_within_eight_tries_and_with_a_reason_unless_sent(
    channel: ChannelName, outcomes: list[AttemptOutcome]
) -> None:
    doubts = 0
    for tries, outcome in enumerate(outcomes, start=1):
        step = after(outcome, tries, doubts, channel=channel)
        assert step.doubts in (doubts, doubts + 1)
        doubts = step.doubts
        if step.state in FINAL:
            assert (step.state is State.SENT) == (step.reason is None)
            assert (step.state is State.AMBIGUOUS) <= (doubts > 0)
            return
        assert step.due_at is not None
        assert step.due_at > NOW
    raise AssertionError("still not ended after the last try")


@given(tries=st.integers(1, TRIES_MAX), chance=st.floats(0, 1, exclude_max=True))
def test_a_pause_has_bounds_and_jitter(tries: int, chance: float) -> None:
    assert 48 <= backoff_seconds(tries, chance) <= 8 * 3600 * 1.2
