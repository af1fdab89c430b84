"""Metrics of the plumbing. Every name, label and help text is declared here; no label ever names a person."""

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

RECORDS = Counter("waystone_records", "Records stored, by topic and outcome.", ["topic", "outcome"])
REFUSED = Counter(
    "waystone_refused", "Records refused, by topic, stage and code.", ["topic", "stage", "code"]
)
FIELDS_IGNORED = Counter(
    "waystone_newer_fields_ignored", "Fields of a newer minor version that were ignored.", ["topic"]
)
BATCH_RECORDS = Histogram(
    "waystone_batch_records",
    "Records in one transaction.",
    buckets=(1, 10, 50, 100, 500, 1000, 2500, 5000, 10000),
)
BATCH_SECONDS = Histogram("waystone_batch_seconds", "Time of one transaction in seconds.", buckets=_SECONDS)
BATCH_RETRIES = Counter("waystone_batch_retries", "Transactions tried again, by kind of failure.", ["error"])
BATCH_BISECTIONS = Counter("waystone_batch_bisections", "Batches halved because the store refused a record.")
FENCED = Counter("waystone_fenced_writes", "Batches refused because another owner had claimed the partition.")
PARTITIONS = Gauge("waystone_partitions_owned", "Partitions claimed by this process.")
CLAIMS = Counter("waystone_partition_claims", "Partitions claimed; rises with every rebalance.")
LAG_RECORDS = Gauge("waystone_lag_records", "Records in the log that are not stored yet.", ["topic"])
LAG_SECONDS = Gauge("waystone_lag_seconds", "Age in seconds of the oldest record not stored yet.", ["topic"])
UNREADABLE = Counter("waystone_unreadable", "Records the client could not fetch and stepped over.", ["topic"])
OFFSET_LOST = Gauge(
    "waystone_offset_lost", "1 when the log no longer has the next offset; the service stops."
)
OUTBOX_RECORDS = Gauge("waystone_outbox_records", "Records waiting to be published.")
OUTBOX_AGE_SECONDS = Gauge(
    "waystone_outbox_age_seconds", "Age in seconds of the oldest record to be published."
)
PUBLISHED = Counter("waystone_published", "Records published, by topic.", ["topic"])
SET_ASIDE = Counter(
    "waystone_set_aside", "Outgoing records the broker refused for good, by topic.", ["topic"]
)
RELAY_ACTIVE = Gauge("waystone_relay_active", "1 in the one process whose relay publishes.")
