"""What a verification found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is not as it must be: where, what was expected, what was found."""

    place: str
    expected: str
    found: str
    count: int = 1
    """How many of its kind there are in all."""


@dataclass(frozen=True, slots=True)
class Check:
    """One question asked. checked: how many things were looked at. faults: the first one, if there is any."""

    service: str
    name: str
    checked: int
    faults: Sequence[Fault] = ()
    skipped: str = ""
    """Why it could not be asked now; empty when it was."""
    figures: str = ""
    """What was counted, in words."""

    @property
    def faults_count(self) -> int:
        """How many faults there are in all."""
        return sum(fault.count for fault in self.faults)


@dataclass(slots=True)
class Report:
    """All checks, and counts of what is there by service."""

    checks: list[Check] = field(default_factory=list)
    counts: dict[str, Mapping[str, int]] = field(default_factory=dict)
    unreachable: list[str] = field(default_factory=list)
    """Servers that were named and did not answer: what needs them was skipped."""

    @property
    def clean(self) -> bool:
        """No check found a fault."""
        return not any(check.faults for check in self.checks)

    @property
    def complete(self) -> bool:
        """Every check was made; what was skipped says nothing."""
        return not any(check.skipped for check in self.checks)

    @property
    def first_fault(self) -> tuple[Check, Fault] | None:
        """The first fault, and which check found it."""
        return next(((check, check.faults[0]) for check in self.checks if check.faults), None)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "clean": self.clean,
            "complete": self.complete,
            "unreachable": self.unreachable,
            "counts": {service: dict(counts) for service, counts in self.counts.items()},
            "checks": [
                {
                    "service": check.service,
                    "check": check.name,
                    "checked": check.checked,
                    "figures": check.figures,
                    "skipped": check.skipped,
                    "faults_count": check.faults_count,
                    "faults": [
                        {"place": fault.place, "expected": fault.expected, "found": fault.found}
                        for fault in check.faults
                    ],
                }
                for check in self.checks
            ],
        }


def made(service: str, name: str, checked: int, figures: str, fault: Fault | None) -> Check:
    """A check that was made. fault: the first one found, or None."""
    return Check(service, name, checked, () if fault is None else (fault,), figures=figures)
