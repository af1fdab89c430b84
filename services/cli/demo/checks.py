"""What must be true when all has settled. Pure: counts in, verdicts in words out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.cli.demo.counts import ENTRIES_TOPIC, Counts
from services.cli.demo.settle import Expected
from services.cli.verify.report import Report

VERIFY_FAULTS_TOLD = 3


@dataclass(frozen=True, slots=True)
class Check:
    """One equation or fact. says: its figures, or what is wrong."""

    name: str
    passed: bool
    says: str


def of_counts(wanted: Expected, now: Counts) -> list[Check]:
    """Nothing lost, doubled or left lying between the services. wanted: records each service must dispose of."""
    return [
        *(_records(service, topics, now) for service, topics in wanted.items()),
        _entries(now),
        _intents(now),
        _each_mail_once(now),
        _nothing_left(now),
    ]


def of_findings(planted: int, not_found: Sequence[str]) -> Check:
    """Every planted gap was found. planted: how many there are."""
    if not_found:
        return Check("planted gaps found", False, f"not found: {', '.join(not_found)}")
    return Check("planted gaps found", True, f"{planted} of {planted}")


def of_links(shut: Sequence[str], pages: int, pages_wanted: int) -> Check:
    """Every address of the table answers. shut: those that do not; pages: how many people's there are among them."""
    if pages < pages_wanted:
        return Check("addresses open", False, f"{pages} of {pages_wanted} people's pages to look at")
    return Check("addresses open", not shut, f"do not answer: {', '.join(shut)}" if shut else "all of them")


def of_verification(report: Report) -> Check:
    """`waystone verify` found nothing, and could ask everything."""
    faults = [
        f"{check.service} {check.name}: {fault.place}, expected {fault.expected}, found {fault.found}"
        for check in report.checks
        for fault in check.faults[:1]
    ]
    faults += [f"{c.service} {c.name}: not asked, {c.skipped}" for c in report.checks if c.skipped]
    if faults:
        return Check("waystone verify", False, "; ".join(faults[:VERIFY_FAULTS_TOLD]))
    looked_at = sum(check.checked for check in report.checks)
    return Check("waystone verify", True, f"clean: {len(report.checks)} checks of {looked_at:,} things")


def _records(service: str, topics: Mapping[str, int], now: Counts) -> Check:
    """Every record has exactly one outcome."""
    sent, disposed = sum(topics.values()), sum(now.disposed(service, topic) for topic in topics)
    outcomes: dict[str, int] = {}
    for topic in topics:
        for outcome, number in now.outcomes[service].get(topic, {}).items():
            outcomes[outcome] = outcomes.get(outcome, 0) + number
    parts = ", ".join(f"{number:,} {outcome}" for outcome, number in sorted(outcomes.items()))
    wrong = [
        f"{now.disposed(service, topic):,} of {number:,} in {topic}"
        for topic, number in topics.items()
        if now.disposed(service, topic) != number
    ]
    name = f"{service}: records = outcomes"
    if wrong:
        return Check(name, False, f"{'; '.join(wrong)}")
    return Check(name, True, f"{sent:,} = {disposed:,} ({parts})")


def _entries(now: Counts) -> Check:
    kept = sum(now.entries.values())
    parts = ", ".join(f"{number:,} {kind}" for kind, number in sorted(now.entries.items()))
    sign = "=" if kept == now.published else "≠"
    return Check(
        "entries published = ledger entries",
        kept == now.published,
        f"{now.published:,} {sign} {kept:,} ({parts})",
    )


def _intents(now: Counts) -> Check:
    """Each intent is a mail, a chat message, suppressed, or held until its person's quiet hours or leave end."""
    intents, suppressed, held = now.told(), now.told("suppressed"), now.told("held")
    mails_sent = sum(
        n for (state, channel, _), n in now.intents.items() if (state, channel) == ("sent", "email")
    )
    equal = intents == now.mails + now.chats + suppressed + held and mails_sent == now.mails
    reasons: dict[str, int] = {}
    for (state, _, reason), number in now.intents.items():
        if state == "suppressed":
            reasons[reason] = reasons.get(reason, 0) + number
    why = ", ".join(f"{number:,} {reason}" for reason, number in sorted(reasons.items(), key=lambda r: -r[1]))
    says = f"{intents:,} {'=' if equal else '≠'} {now.mails:,} + {now.chats:,} + {suppressed:,}"
    says += f" + {held:,} held for quiet hours or leave" if held else ""
    return Check("intents = mails + chats + suppressed", equal, f"{says} ({why})" if why else says)


def _each_mail_once(now: Counts) -> Check:
    return Check(
        "each mail once",
        now.mails == now.message_ids,
        f"{now.mails:,} mails, {now.message_ids:,} different Message-IDs",
    )


def _nothing_left(now: Counts) -> Check:
    left = {
        "intents not told": now.told("due", "sending"),
        "intents put off although nobody asked for it": now.held_unasked,
        "failed": now.told("failed"),
        "ambiguous": now.told("ambiguous"),
        "records to be published": now.outbox,
        "records no broker would take": now.aside,
        "parts of events waiting for the directory": now.parked,
        f"entries refused ({ENTRIES_TOPIC})": sum(
            topics.get(ENTRIES_TOPIC, {}).get("rejected", 0) for topics in now.outcomes.values()
        ),
    }
    rest = [f"{number:,} {what}" for what, number in left.items() if number]
    return Check("nothing due, failed, ambiguous or waiting", not rest, "; ".join(rest) or "nothing")
