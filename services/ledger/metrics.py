"""Metrics of the ledger's write side. Every name, label and help text is declared here; no label names a person."""

from prometheus_client import Counter, Gauge

DEDUPE_BATCHES = Counter(
    "waystone_ledger_dedupe_batches", "Batches that looked for entries already there before storing them."
)
REFOLDED = Counter(
    "waystone_ledger_refolded_people", "People folded anew from their entries because of a withdrawal."
)
WORDS_ERASED = Counter("waystone_ledger_words_erased", "Texts deleted by erasures.")
CHECKPOINTS = Counter("waystone_ledger_checkpoints", "Checkpoints signed by this process.")
CHECKPOINT_AT = Gauge(
    "waystone_ledger_checkpoint_timestamp_seconds", "When this process last signed a checkpoint; 0 for never."
)
