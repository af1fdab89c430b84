"""What is kept of one commit."""

import re
from dataclasses import dataclass

CREDITS_MAX = 30
AREAS_MAX = 3

# Trailers that thank somebody, and for what. `Signed-off-by` and `Cc` thank nobody.
HOW = {
    "co-authored": ("co-authored", "co-developed", "based-on-patch", "based-on-a-patch", "original-patch"),
    "mentored": ("mentored", "co-mentored", "encouraged"),
    "helped": ("helped", "assisted", "improved", "explained", "contributions"),
    "reviewed": ("reviewed", "reviewed-and-tested"),
    "reported": (
        "reported",
        "reported-and-tested",
        "noticed",
        "found",
        "spotted",
        "diagnosed",
        "pointed-out",
    ),
    "tested": ("tested",),
    "suggested": ("suggested", "inspired", "requested", "proposed", "original-idea"),
    "acked": ("acked", "approved"),
}
_HOW_BY_TRAILER = {f"{word}-by": how for how, words in HOW.items() for word in words} | {
    "thanks-to": "helped"
}
_TRAILER = re.compile(r"([A-Za-z-]{1,40})\s*:\s*([^<>]{0,300}?)\s*<\s*([^<>\s]{1,254})\s*>")


@dataclass(frozen=True, slots=True)
class Contact:
    """A name and an address as git gives them, after its mailmap."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Credit:
    """Somebody named in a trailer; `how` is a key of HOW."""

    how: str
    to: Contact


@dataclass(frozen=True, slots=True)
class Commit:
    """One contribution. at: seconds since 1970; lines: added and removed; areas: slugs, most changed first."""

    hash: str
    at: int
    author: Contact
    committer: Contact
    subject: str
    credits: tuple[Credit, ...]
    areas: tuple[str, ...]
    lines: int
    files: int
    upkeep: bool
    """Every file touched is a test or documentation."""


def read_credits(trailers: str) -> tuple[Credit, ...]:
    """Trailers, one a line → the people they thank, at most CREDITS_MAX. One without an address names nobody."""
    found: dict[Credit, None] = {}
    for line in trailers.split("\x1f")[: CREDITS_MAX * 4]:
        match = _TRAILER.match(line)
        how = _HOW_BY_TRAILER.get(match[1].lower()) if match else None
        if match and how:
            found[Credit(how, Contact(match[2].strip("\"' "), match[3]))] = None
    return tuple(found)[:CREDITS_MAX]
