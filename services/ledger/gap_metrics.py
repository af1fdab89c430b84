"""Metrics of recognition gaps: every name, label and help text. No label names a person.

Live figures are of the whole organisation, from the snapshot refreshed every 15 s. Figures of a day, of the
organisation and by unit (label `unit`, at most 50 of them, the largest), are bands. The collector only reads what is
already computed: a scrape touches no database.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, time

from prometheus_client import REGISTRY
from prometheus_client.core import GaugeHistogramMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from services.ledger import gaps
from services.ledger.gap_cells import ORGANISATION, Cell
from services.ledger.snapshot import Snapshot, Snapshots

_BAND = " By unit of five or more people, for windows that ended at 00:00 UTC."
_OVERALL = " Of everybody, for windows that ended at 00:00 UTC."
_ENDS = {"low": "Least it can be: ", "high": "Greatest it can be: "}
# Gap metric → (name, its `window` label), where the name is not its own with `_ratio`.
_NAMES: dict[gaps.MetricName, tuple[str, str | None]] = {
    "coverage_7d": ("coverage_ratio", "7d"),
    "coverage_30d": ("coverage_ratio", "30d"),
    "notice_ratio": ("notice_ratio", None),
    "gini": ("gini", None),
    "gini_by_chance": ("gini_by_chance", None),
    "ripple": ("ripple", None),
}


class GapCollector(Collector):
    """Exports the newest snapshot."""

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots

    def collect(self) -> Iterable[Metric]:
        """The metric families; only the snapshot's age before there is one."""
        snapshot, age_seconds = self._snapshots.latest()
        yield _gauge(
            "ledger_gap_snapshot_age_seconds",
            "Age in seconds of the organisation's live figures.",
            age_seconds,
        )
        if snapshot is None:
            return
        yield _gauge(
            "ledger_gap_day_age_seconds",
            "Seconds since the end (00:00 UTC) of the windows of the figures by unit. Absent before the first day.",
            _day_age_seconds(snapshot, age_seconds),
        )
        yield _gauge(
            "ledger_eligible_people",
            "People counted: active, not on leave and here for 30 days or more when their unit's roster was made.",
            snapshot.eligible,
        )
        yield _days_since(snapshot)
        yield from _live(snapshot)
        yield from _bands(
            "ledger_day", _OVERALL, [cell for cell in snapshot.cells if cell.unit == ORGANISATION]
        )
        yield from _bands(
            "ledger_unit", _BAND, [cell for cell in snapshot.cells if cell.unit != ORGANISATION]
        )


def register(snapshots: Snapshots, registry: CollectorRegistry = REGISTRY) -> None:
    """Export gap metrics from now on."""
    registry.register(GapCollector(snapshots))


def _day_age_seconds(snapshot: Snapshot, age_seconds: float) -> float | None:
    if snapshot.day is None:
        return None
    ended = datetime.combine(snapshot.day, time.min, UTC)
    return (snapshot.taken_at - ended).total_seconds() + age_seconds


def _gauge(name: str, text: str, value: float | None) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text)
    if value is not None:
        family.add_metric([], value)
    return family


def _days_since(snapshot: Snapshot) -> Metric:
    family = GaugeHistogramMetricFamily(
        "ledger_days_since_last_received",
        "Days since people last received recognition from a person, as sums of the middles of their units' bands; who"
        " never did is in the last bucket. Amber at 14, red at 30 (own); median and p90 by histogram_quantile. Gallup"
        " asks about the last seven days. Buckets are merged until each holds five people or none.",
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


def _live(snapshot: Snapshot) -> Iterable[Metric]:
    families: dict[str, GaugeMetricFamily] = {}
    for metric, value in snapshot.shares.items():
        name, window = _name(metric)
        told = " The least it can be." if metric == "never_recognised" else " Middle of its band."
        family = families.setdefault(
            name, GaugeMetricFamily(f"ledger_{name}", _help(metric) + told, labels=_labels(window))
        )
        family.add_metric([window] if window else [], value)
    return families.values()


def _bands(prefix: str, told: str, cells: Iterable[Cell]) -> Iterable[Metric]:
    """Two gauges for each figure; with the label `unit` where the cells have one."""
    families: dict[str, GaugeMetricFamily] = {}
    for cell in cells:
        name, window = _name(cell.metric)
        unit = {"unit": cell.unit} if cell.unit != ORGANISATION else {}
        labels = {**unit, **({"window": window} if window else {})}
        for end, value in (("low", cell.low), ("high", cell.high)):
            if value is None:
                continue
            full = f"{prefix}_{name}_{end}"
            family = families.setdefault(
                full, GaugeMetricFamily(full, _ENDS[end] + _help(cell.metric) + told, labels=list(labels))
            )
            family.add_metric(list(labels.values()), value)
    return families.values()


def _name(metric: gaps.MetricName) -> tuple[str, str | None]:
    return _NAMES.get(metric, (f"{metric}_ratio", None))


def _labels(window: str | None) -> list[str]:
    return ["window"] if window else []


def _help(metric: gaps.MetricName) -> str:
    known = gaps.METRICS[metric]
    return f"{known.formula}. {known.source}"
