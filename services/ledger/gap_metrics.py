"""Metrics of recognition gaps: every name, label and help text. No label names a person.

Live figures are of the whole organisation, from the snapshot refreshed every 15 s. Figures by unit (label `unit`,
at most 50 of them, the largest) are those of the last published day, as bands. The collector only reads what is
already computed: a scrape touches no database.
"""

from collections.abc import Iterable

from prometheus_client import REGISTRY
from prometheus_client.core import GaugeHistogramMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from services.ledger.gaps import METRICS
from services.ledger.snapshot import Snapshot, Snapshots

_BAND = (
    " By unit of five or more people, for windows that ended at 00:00 UTC; at least two counts give the band."
)
_ENDS = {"low": "Least it can be: ", "high": "Greatest it can be: "}
# Gap metric → (name of the share, its `window` label).
_NAMES: dict[str, tuple[str, str | None]] = {
    "coverage_7d": ("coverage_ratio", "7d"),
    "coverage_30d": ("coverage_ratio", "30d"),
    "never_recognised": ("never_recognised_ratio", None),
    "effort_mix": ("effort_mix_ratio", None),
    "notice_ratio": ("notice_ratio", None),
}


class GapCollector(Collector):
    """Exports the newest snapshot."""

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots

    def collect(self) -> Iterable[Metric]:
        """The metric families; only the snapshot's age before there is one."""
        snapshot, age_seconds = self._snapshots.latest()
        yield _gauge(
            "ledger_gap_snapshot_age_seconds", "Age in seconds of the organisation's figures.", age_seconds
        )
        if snapshot is None:
            return
        yield _gauge(
            "ledger_eligible_people",
            "Active people, not on leave, here for 30 days or more. Absent below five.",
            snapshot.eligible,
        )
        yield _days_since(snapshot)
        yield from _organisation(snapshot)
        yield from _units(snapshot)


def register(snapshots: Snapshots, registry: CollectorRegistry = REGISTRY) -> None:
    """Export gap metrics from now on."""
    registry.register(GapCollector(snapshots))


def _gauge(name: str, text: str, value: float | None) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text)
    if value is not None:
        family.add_metric([], value)
    return family


def _days_since(snapshot: Snapshot) -> Metric:
    family = GaugeHistogramMetricFamily(
        "ledger_days_since_last_received",
        "Days since eligible people last received recognition from a person; who never did counts from their"
        " start. Amber at 14, red at 30. Buckets are merged until each holds five people or none.",
    )
    # No sum: the sum of everybody's days minus those one knows would be somebody's days.
    held = 0
    for bound, people in snapshot.days_since:
        held += people
        family.add_sample(
            f"{family.name}_bucket", {"le": "+Inf" if bound == float("inf") else str(bound)}, held
        )
    if snapshot.days_since:
        family.add_sample(f"{family.name}_gcount", {}, held)
    return family


def _organisation(snapshot: Snapshot) -> Iterable[Metric]:
    families: dict[str, GaugeMetricFamily] = {}
    for metric, value in snapshot.shares.items():
        name, window = _NAMES[metric]
        family = families.setdefault(
            name,
            GaugeMetricFamily(
                f"ledger_{name}", _help(metric) + " Middle of its band.", labels=_labels(window)
            ),
        )
        family.add_metric([window] if window else [], value)
    return families.values()


def _units(snapshot: Snapshot) -> Iterable[Metric]:
    families: dict[str, GaugeMetricFamily] = {}
    for cell in snapshot.units:
        name, window = _NAMES[cell.metric]
        for end, value in (("low", cell.low), ("high", cell.high)):
            if value is None:
                continue
            full = f"ledger_unit_{name}_{end}"
            family = families.setdefault(
                full,
                GaugeMetricFamily(
                    full, _ENDS[end] + _help(cell.metric) + _BAND, labels=["unit", *_labels(window)]
                ),
            )
            family.add_metric([cell.unit, *([window] if window else [])], value)
    return families.values()


def _labels(window: str | None) -> list[str]:
    return ["window"] if window else []


def _help(metric: str) -> str:
    known = METRICS[metric]  # type: ignore[index]
    return f"{known.formula}. {known.source}"
