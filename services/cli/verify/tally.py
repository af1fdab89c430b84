"""Counts what a walk looks at, and keeps the first of its faults."""

from dataclasses import dataclass

from services.cli.verify.report import Check, Fault, made


@dataclass(slots=True)
class Finding:
    """One check while it is being made."""

    service: str
    name: str
    checked: int = 0
    faults: int = 0
    first: Fault | None = None

    def fault(self, place: str, expected: str, found: str, count: int = 1) -> None:
        """Note a fault, or `count` of one kind of which this is the first."""
        self.faults += count
        if self.first is None:
            self.first = Fault(place, expected, found)

    def check(self, figures: str) -> Check:
        """What came of it."""
        first = self.first and Fault(self.first.place, self.first.expected, self.first.found, self.faults)
        return made(self.service, self.name, self.checked, figures, first)
