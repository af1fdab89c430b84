"""The demo's checks: they hold when the numbers agree, and each one fails when its own do not."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from services.cli.demo import checks
from services.cli.demo.counts import ENTRIES_TOPIC, Counts
from services.cli.demo.settle import expected, missing
from services.cli.verify.report import Check, Fault, Report

SENT = {
    "recognition.people.v1": 3,
    "recognition.preferences.v1": 1,
    "recognition.achievements.v1": 10,
    "recognition.thank-you-notes.v1": 5,
}
PEOPLE = {"recognition.people.v1": {"applied": 3}, "recognition.preferences.v1": {"applied": 1}}
SETTLED = Counts(
    outcomes={
        "recognition": {
            **PEOPLE,
            "recognition.achievements.v1": {"applied": 8, "duplicate": 1, "rejected": 1},
            "recognition.thank-you-notes.v1": {"applied": 4, "parked": 1},
        },
        "ledger": {**PEOPLE, ENTRIES_TOPIC: {"applied": 14}},
        "notifier": {**PEOPLE, ENTRIES_TOPIC: {"applied": 6, "ignored": 8}},
    },
    outbox=0,
    aside=0,
    parked=0,
    published=14,
    entries={"deed": 8, "recognition": 6},
    intents={
        ("sent", "email", ""): 2,
        ("sent", "chat", ""): 1,
        ("suppressed", "email", "too_old"): 2,
        ("held", "", ""): 1,
    },
    held_unasked=0,
    mails=2,
    message_ids=2,
    chats=1,
)
Change = Callable[[Counts], Counts]


def failed(now: Counts) -> list[str]:
    """Names of the checks that fail; what is wanted is what was sent, and what recognition published."""
    return [check.name for check in checks.of_counts(expected(SENT, now.published), now) if not check.passed]


def with_outcome(service: str, topic: str, outcome: str, number: int) -> Change:
    """One figure of one service changed."""

    def change(now: Counts) -> Counts:
        topics = {**now.outcomes[service], topic: {**now.outcomes[service].get(topic, {}), outcome: number}}
        return replace(now, outcomes={**now.outcomes, service: topics})

    return change


def with_intents(state: str, channel: str, number: int) -> Change:
    """So many more intents of a state."""
    return lambda now: replace(now, intents={**now.intents, (state, channel, "refused"): number})


def test_all_checks_hold_when_the_numbers_agree() -> None:
    assert failed(SETTLED) == []
    assert missing(expected(SENT, SETTLED.published), SETTLED) == []


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (
            with_outcome("recognition", "recognition.achievements.v1", "applied", 7),
            "recognition: records = outcomes",
        ),
        (with_outcome("ledger", "recognition.people.v1", "applied", 2), "ledger: records = outcomes"),
        (with_outcome("notifier", ENTRIES_TOPIC, "ignored", 9), "notifier: records = outcomes"),
        (
            lambda now: replace(now, entries={"deed": 8, "recognition": 5}),
            "entries published = ledger entries",
        ),
        (lambda now: replace(now, chats=0), "intents = mails + chats + suppressed"),
        (with_intents("suppressed", "email", 1), None),
        (lambda now: replace(now, mails=3, message_ids=3, chats=0), "intents = mails + chats + suppressed"),
        (lambda now: replace(now, message_ids=1), "each mail once"),
        (lambda now: replace(now, outbox=1), "nothing due, failed, ambiguous or waiting"),
        (lambda now: replace(now, aside=1), "nothing due, failed, ambiguous or waiting"),
        (lambda now: replace(now, held_unasked=1), "nothing due, failed, ambiguous or waiting"),
        (lambda now: replace(now, parked=1), "nothing due, failed, ambiguous or waiting"),
    ],
)
def test_a_check_fails_when_its_numbers_disagree(change: Change, name: str | None) -> None:
    assert failed(change(SETTLED)) == ([] if name is None else [name])


@pytest.mark.parametrize("state", ["due", "sending", "failed", "ambiguous"])
def test_an_intent_that_is_not_told_fails_two_checks(state: str) -> None:
    assert failed(with_intents(state, "email", 1)(SETTLED)) == [
        "intents = mails + chats + suppressed",
        "nothing due, failed, ambiguous or waiting",
    ]


def test_a_lost_entry_is_missed_by_ledger_and_notifier() -> None:
    assert failed(replace(SETTLED, published=15)) == [
        "ledger: records = outcomes",
        "notifier: records = outcomes",
        "entries published = ledger entries",
    ]


def test_an_entry_the_ledger_refused_is_not_passed_over() -> None:
    refused = with_outcome("ledger", ENTRIES_TOPIC, "rejected", 1)(
        with_outcome("ledger", ENTRIES_TOPIC, "applied", 13)(SETTLED)
    )
    assert failed(refused) == ["nothing due, failed, ambiguous or waiting"]


def test_a_topic_that_no_outcome_is_known_of_is_named() -> None:
    wanted = expected({**SENT, "recognition.goals.v1": 4}, SETTLED.published)
    [check] = [check for check in checks.of_counts(wanted, SETTLED) if not check.passed]
    assert check.says == "0 of 4 in recognition.goals.v1"
    assert missing(wanted, SETTLED) == ["recognition: 0 of 4 records of recognition.goals.v1"]


def test_what_is_still_under_way_is_named() -> None:
    now = with_intents("sending", "email", 2)(replace(SETTLED, outbox=5, parked=3))
    assert missing(expected(SENT, now.published), now) == [
        "3 parts of events wait for the directory",
        "5 records wait to be published",
        "2 intents are not told yet",
    ]


def test_a_planted_gap_that_is_not_found_is_named() -> None:
    check = checks.of_findings(4, ["results-only-lead in sales"])
    assert (check.passed, check.says) == (False, "not found: results-only-lead in sales")
    assert checks.of_findings(4, []).passed


def test_an_address_that_does_not_answer_is_named() -> None:
    check = checks.of_links(["mailbox"], pages=3, pages_wanted=3)
    assert (check.passed, check.says) == (False, "do not answer: mailbox")
    assert checks.of_links([], pages=3, pages_wanted=3).passed


def test_a_company_without_people_to_look_at_does_not_pass() -> None:
    check = checks.of_links([], pages=1, pages_wanted=3)
    assert (check.passed, check.says) == (False, "1 of 3 people's pages to look at")


def test_a_fault_of_verification_is_told_with_its_place() -> None:
    fault = Fault("e-1004", "4 received", "3 received")
    report = Report([Check("ledger", "standing_follows_from_entries", 240, [fault])])
    check = checks.of_verification(report)
    assert not check.passed
    assert check.says == "ledger standing_follows_from_entries: e-1004, expected 4 received, found 3 received"


def test_a_question_that_could_not_be_asked_is_no_clean_verification() -> None:
    report = Report([Check("ledger", "offsets", 0, skipped="no broker")])
    assert not checks.of_verification(report).passed
    assert checks.of_verification(Report([Check("ledger", "ids_are_unique", 8_785)])).passed
