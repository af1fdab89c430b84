"""What the demo tells: a made-up company, or a repository's history with a few made-up thanks to follow it."""

import json
import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import count, takewhile
from pathlib import Path

from schemas.fields import EventRef
from schemas.models.achievements import AchievementV1
from schemas.models.thank_you_notes import ThankYouNoteV1
from schemas.registry import BY_NAME
from services.cli.company import Company, PlantedGap, generate, trickle
from services.cli.compose import compose
from services.cli.gitlog.history import History, read_history
from services.kit.cloudevents import Event

RECENT_DEEDS_MAX = 200
TITLE_CHARS_MAX = 120
MADE_UP = "made up by the demo"
_PERSON = BY_NAME["person"].type
_ACHIEVEMENT = BY_NAME["achievement"].type


@dataclass(frozen=True, slots=True)
class Story:
    """Events to send, and what is known about them beforehand.

    what: one sentence. since: day its record begins. total: number of events. events: people first, the rest in
    order of time; may be asked for again. planted: gaps that must be found. lead_of: employee → who leads them.
    names: employee → name. live: makes up one event that happens at a given time (UTC).
    """

    what: str
    since: date
    total: int
    events: Callable[[], Iterator[Event]]
    planted: tuple[PlantedGap, ...]
    lead_of: dict[str, str]
    names: dict[str, str]
    live: Callable[[datetime], Event]


def of_company(seed: int, people: int) -> Story:
    """A company of `people` with half a year behind it. Raises ValueError for too few or too many people."""
    company = generate(seed, datetime.now(UTC), people)
    return Story(
        what=f"{people} people of a made-up company, and half a year of their work",
        since=company.start.date(),
        total=len(company.told),
        events=company.events,
        planted=company.gaps,
        lead_of={person.employee: person.lead for person in company.people if person.lead},
        names={person.employee: person.name for person in company.people},
        live=_trickle(company),
    )


def _trickle(company: Company) -> Callable[[datetime], Event]:
    rng = random.Random()  # noqa: S311 - a story, not a secret
    return lambda now: trickle(company, rng, now)


def of_repository(path: Path, on_commit: Callable[[], None]) -> tuple[Story, History]:
    """The history of the repository at `path`, its last contribution moved to today; the caller closes the history.

    Raises CliError as `read_history` does.
    """
    history = read_history(path, now=datetime.now(UTC), shift_to_now=True, on_commit=on_commit)
    people = [json.loads(event.data) for event in takewhile(_is_person, history.events())]
    lead_of = {
        person["employee"]: person["managers"][-1]["manager"] for person in people if "managers" in person
    }
    deeds: deque[Event] = deque(maxlen=RECENT_DEEDS_MAX)
    total = 0
    for event in history.events():
        total += 1
        if event.type == _ACHIEVEMENT:
            deeds.append(event)
    story = Story(
        what=f"{len(people):,} contributors to {path.resolve().name} and their {history.commits_read:,} commits",
        since=min(date.fromisoformat(person["statuses"][0]["since"]) for person in people),
        total=total,
        events=history.events,
        planted=(),
        lead_of=lead_of,
        names={person["employee"]: person["name"] for person in people},
        live=_thanks_for(list(deeds), sorted(person["employee"] for person in people)),
    )
    return story, history


def _thanks_for(deeds: list[Event], people: list[str]) -> Callable[[datetime], Event]:
    """Thanks for recent contributions, which say that the demo made them up."""
    rng = random.Random()  # noqa: S311 - a story, not a secret
    run, numbers = f"{rng.getrandbits(64):016x}", count(1)

    def live(now: datetime) -> Event:
        deed = rng.choice(deeds)
        doer = AchievementV1.model_validate_json(deed.data)
        others = [person for person in people if person != doer.employee]
        words = f"“{doer.title}” ({MADE_UP})"
        body: ThankYouNoteV1 | AchievementV1
        if others:
            ref = EventRef(source=deed.source, id=deed.id)
            body = ThankYouNoteV1(
                giver=rng.choice(others), to=(doer.employee,), deed=f"Thanks for {words}", about=ref
            )
        else:  # alone in the repository: nobody there to say thanks
            body = AchievementV1(
                employee=doer.employee, title=words[:TITLE_CHARS_MAX], basis="both", size="notable"
            )
        name = "thank-you-note" if others else "achievement"
        return compose(name, body, id_=f"{run}-{next(numbers)}", source="urn:waystone:demo", time=now)

    return live


def _is_person(event: Event) -> bool:
    return event.type == _PERSON
