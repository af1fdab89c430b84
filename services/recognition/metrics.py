"""Metrics of recognition. Every name, label and help text is declared here; no label ever names a person."""

from collections.abc import Iterable

from prometheus_client import Counter, Gauge

from schemas.models.entries import GrowthV1, RecognitionV1
from services.recognition.domain.facts import Entry

ENTRIES = Counter(
    "recognition_entries",
    "Entries decided, by type, by whom and kind; a batch that is tried again counts again.",
    ["type", "by", "kind"],
)
UNCREDITED = Counter(
    "recognition_uncredited_helpers",
    "Helpers who got no credit because they had left or were erased.",
    ["code"],
)
BURIED = Counter(
    "recognition_parked_refused",
    "Parked events that left by the dead-letter topic.",
    ["code"],
)
PARKED = Gauge("recognition_parked", "Parts of events that wait for the directory, at the last sweep.")
AWAITING = Gauge("recognition_awaiting", "Withdrawals that wait for their original, at the last sweep.")
SWEPT_AT = Gauge("recognition_swept_timestamp_seconds", "When the last sweep ended, seconds since 1970.")


def count_entries(entries: Iterable[Entry]) -> None:
    """Count what was decided."""
    for entry in entries:
        body = entry.body
        if isinstance(body, RecognitionV1):
            ENTRIES.labels(entry.type_name, body.by, body.kind).inc()
        elif isinstance(body, GrowthV1):
            ENTRIES.labels(entry.type_name, "", body.kind).inc()
        else:
            ENTRIES.labels(entry.type_name, "", "").inc()
