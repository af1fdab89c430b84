"""Metrics of the notifier. Every name, label and help text is declared here; no label ever names a person."""

from prometheus_client import Counter, Gauge, Histogram

INTENTS = Counter(
    "notifier_intents",
    "Intents ended, by channel, end (sent, suppressed, ambiguous, failed) and reason. An intent suppressed on "
    "arrival is counted again when its batch had to be stored a second time.",
    ["channel", "state", "reason"],
)
MESSAGES = Counter(
    "notifier_messages",
    "Tries to send a message, by channel and outcome (sent, temporary, permanent, ambiguous, lapsed).",
    ["channel", "outcome"],
)
DUE = Gauge("notifier_due", "Intents and messages that wait to be told now.")
OLDEST_DUE_SECONDS = Gauge(
    "notifier_oldest_due_seconds", "How long the oldest of them has waited, in seconds."
)
DELIVERY_SECONDS = Histogram(
    "notifier_delivery_seconds",
    "Seconds from what happened to its message being taken by the mail or chat server.",
    ["channel"],
    buckets=(0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600, 6 * 3600, 24 * 3600, 7 * 24 * 3600),
)
SENDING = Gauge("notifier_sending", "Messages under way, by channel.", ["channel"])
LOOP_ERRORS = Counter("notifier_loop_errors", "Rounds of a loop that failed and are tried again.", ["loop"])
