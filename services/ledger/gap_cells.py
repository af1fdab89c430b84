"""A day's cells by unit: counts in, bands or reasons out. What may be said is publication.py's decision. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass

from services.ledger import gaps
from services.ledger.publication import Count, Published, Reason, publish_counts, share_of_events

ORGANISATION = ""


@dataclass(frozen=True, slots=True)
class UnitCounts:
    """What a unit's figures are made of. Counts of people up to `not_led`, and `doers`; the others count events."""

    people: int
    received_short: int
    received_long: int
    by_manager: int
    managed: int
    gave: int
    not_grown: int
    without_purpose: int
    not_led: int
    effort: int
    result: int
    both_sides: int
    recognitions: int
    with_goal: int
    deeds: int
    answered: int
    doers: int


@dataclass(frozen=True, slots=True)
class Cell:
    """One published figure of a unit (`''`: the organisation): a band, or why there is none."""

    metric: gaps.MetricName
    unit: str
    low: float | None
    high: float | None
    people: int | None
    reason: Reason | None


# Shares of a unit's people, and which count each is of.
_OF_PEOPLE: Mapping[gaps.MetricName, str] = {
    "coverage_7d": "received_short",
    "coverage_30d": "received_long",
    "manager_coverage": "by_manager",
    "giver_participation": "gave",
    "growth_gap": "not_grown",
    "purpose_people": "without_purpose",
    "ownership_gap": "not_led",
}
_OF_EVENTS: tuple[gaps.MetricName, ...] = ("effort_mix", "purpose_gap", "notice_ratio")


def cells(counts: Mapping[str, UnitCounts], silent: Mapping[gaps.MetricName, Collection[str]]) -> list[Cell]:
    """Every figure by unit of a day. silent: units whose form is too young for a figure."""
    found: list[Cell] = []
    published: dict[gaps.MetricName, Published] = {}
    for metric, field in _OF_PEOPLE.items():
        still: dict[str, Reason] = dict.fromkeys(silent.get(metric, ()), "roster_changed")
        if metric == "manager_coverage":
            # Whoever has no manager would be told apart from the others: a unit with one has no such figure.
            still |= {unit: "no_manager" for unit, n in counts.items() if n.managed < n.people}
        published[metric] = publish_counts(
            {unit: Count(getattr(n, field), n.people) for unit, n in counts.items()}, still
        )
        found += _people_cells(metric, published[metric])
    for metric in _OF_EVENTS:
        found += _event_cells(metric, counts, published["coverage_30d"], silent.get(metric, ()))
    return found


def _people_cells(metric: gaps.MetricName, published: Published) -> Iterator[Cell]:
    bands = dict(published.units)
    if published.total is not None:
        bands[ORGANISATION] = published.total
    for unit, band in bands.items():
        yield Cell(metric, unit, band.ratio_low, band.ratio_high, band.of, None)
    for unit, reason in published.withheld.items():
        yield Cell(metric, unit, None, None, None, reason)


def _event_cells(
    metric: gaps.MetricName,
    counts: Mapping[str, UnitCounts],
    coverage: Published,
    silent: Collection[str],
) -> Iterator[Cell]:
    """A share of events, where the unit may have figures at all."""
    for unit, reason in coverage.withheld.items():
        yield Cell(metric, unit, None, None, None, reason)
    shown = {unit: counts[unit] for unit in coverage.units if unit not in silent}
    for unit in coverage.units.keys() - shown.keys():
        yield Cell(metric, unit, None, None, None, "roster_changed")
    for unit, n in shown.items():
        # How many received is known from the published coverage only: saying more here would say more there.
        yield _event_cell(metric, unit, n, coverage.units[unit].low)
    if shown:
        received = sum(coverage.units[unit].low for unit in shown)
        yield _event_cell(metric, ORGANISATION, together(shown.values()), received)


def _event_cell(metric: gaps.MetricName, unit: str, n: UnitCounts, received: int) -> Cell:
    if metric == "effort_mix":
        part, whole = gaps.effort_halves(n.effort, n.result, n.both_sides)
        contributors = received
    elif metric == "purpose_gap":
        part, whole, contributors = n.recognitions - n.with_goal, n.recognitions, received
    else:
        part, whole, contributors = n.answered, n.deeds, n.doers
    share = share_of_events(part, whole, contributors, n.people)
    if share is None:
        return Cell(metric, unit, None, None, None, "too_few_contributors")
    return Cell(metric, unit, share[0], share[1], None, None)


def together(counts: Iterable[UnitCounts]) -> UnitCounts:
    """Counts of several units together."""
    columns = zip(*(astuple(n) for n in counts), strict=True)
    return UnitCounts(*(sum(column) for column in columns))
