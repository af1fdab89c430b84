"""Where to look: addresses with a word about each, signed links to three people's pages among them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import httpx

from deploy.local.services import House
from services.kit.sql import Pool, Queries
from services.ledger import links

OPEN_SECONDS_MAX = 20.0
_SQL = Queries(Path(__file__).parent / "sql" / "people.sql")


@dataclass(frozen=True, slots=True)
class Place:
    """One address. what: its name; why: what there is to see. shows: text its page must hold."""

    what: str
    why: str
    url: str
    shows: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody whose page is worth a look, and why. team: the one they lead, if they do."""

    employee: str
    name: str
    why: str
    team: str


_SUBJECTS = {
    "leading": "leads {figure} people, mostly in {team}",
    "often_thanked": "has been thanked {figure} times, in the givers' own words",
    "growing": "has grown: {figure} steps, trainings and firsts",
}


async def choose_subjects(ledger: Pool) -> list[Subject]:
    """Up to three different people, from the ledger's own tables."""
    today = datetime.now(UTC).date()
    chosen: list[Subject] = []
    for query, why in _SUBJECTS.items():
        row = await ledger.fetchrow(_SQL[query], today, [subject.employee for subject in chosen])
        if row is not None:
            chosen.append(Subject(row["employee"], row["name"], why.format(**dict(row)), row["team"]))
    return chosen


def pages(subjects: Sequence[Subject], ledger_url: str, page_key: str) -> list[Place]:
    """The people's pages by links that open for the next 15 minutes."""
    now = datetime.now(UTC)
    return [
        Place(f"page of {s.name}", s.why, links.sign(ledger_url, s.employee, page_key, now), s.name)
        for s in subjects
    ]


def mailbox(house: House) -> list[Place]:
    """Where mail and chat messages have gone."""
    url = house.mailbox.http_url
    return [
        Place("mailbox", "every mail that was sent, as it looks", f"{url}/"),
        Place("chat", "what went to the chat", f"{url}/chat"),
    ]


def services(house: House) -> list[Place]:
    """What the services themselves show."""
    ledger, recognition, notifier = (house[name].http_url for name in ("ledger", "recognition", "notifier"))
    return [
        Place("gap metrics", "coverage, effort mix, days since last received", f"{ledger}/metrics"),
        Place("API", "history and gaps: the reference, to read and to try", f"{ledger}/docs"),
        Place("recognition's metrics", "records, outcomes, lag, entries decided", f"{recognition}/metrics"),
        Place("notifier's metrics", "intents, messages, time to delivery", f"{notifier}/metrics"),
    ]


async def shut(places: Sequence[Place]) -> list[str]:
    """Names of the places that do not answer 200 with what they should show; links are followed with their cookie."""
    found = []
    for place in places:
        try:
            async with httpx.AsyncClient(
                follow_redirects=True, timeout=OPEN_SECONDS_MAX, trust_env=False
            ) as visitor:
                answer = await visitor.get(place.url, headers={"accept": "text/html"})
        except httpx.HTTPError:
            found.append(place.what)
            continue
        if answer.status_code != 200 or place.shows not in unescape(answer.text):
            found.append(place.what)
    return found
