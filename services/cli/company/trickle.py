"""Live events, one at a time, that keep to the company's climate."""

import random
from datetime import UTC, datetime

from schemas.fields import Size
from services.cli.company.deeds import achievement, choose
from services.cli.company.generate import Company
from services.cli.company.people import Person
from services.cli.company.story import Story
from services.cli.company.thanks import givers, note
from services.kit.cloudevents import Event

THANKS_SHARE = 0.5
NOTABLE_SHARE = 0.3


def trickle(company: Company, rng: random.Random, now: datetime) -> Event:
    """Make up one event that happens at `now` (with time zone): a deed, or thanks for a recent one.

    Only people at work on that day take part. Planted gaps stay as they are.
    """
    now = now.astimezone(UTC)
    story = Story(rng, company.people, company.start, now, stamp=f"live-{rng.getrandbits(64):016x}")
    if rng.random() < THANKS_SHARE:
        _thank(story, company)
    else:
        _do(story)
    return story.events[0]


def _do(story: Story) -> None:
    person = story.rng.choice([p for p in story.people if _takes_part(p, story)])
    size: Size = "notable" if story.rng.random() < NOTABLE_SHARE else "small"
    deed = choose(story, person, size)
    story.add("achievement", achievement(story, person, deed, story.now.date()), story.now)


def _thank(story: Story, company: Company) -> None:
    person = story.rng.choice(
        [p for p in story.people if _takes_part(p, story) and p.team.climate == "healthy"]
    )
    groups = [group for _, group in givers(story, person, story.now) if group]
    giver = story.rng.choice(story.rng.choice(groups))
    recent = [done for done in company.done if done.by is person]
    done = story.rng.choice(recent) if recent else None
    story.add("thank-you-note", note(story, giver, person, done), story.now)


def _takes_part(person: Person, story: Story) -> bool:
    return person.at_work(story.now.date()) and person.part != "newcomer"
