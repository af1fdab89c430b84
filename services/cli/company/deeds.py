"""Everyday work: who did what on which day."""

import random
from datetime import date

from schemas.fields import Size
from schemas.models.achievements import AchievementV1
from services.cli.company.people import Person
from services.cli.company.story import Done, Story
from services.cli.company.teams import TEAMS
from services.cli.company.words import Deed, read_words

DEEDS_PER_PERSON_DAY = 0.135
NOTABLE_SHARE = 0.12
MAJOR_SHARE = 0.02
HELPED_SHARE = 0.12
ACCEPTED_SHARE = 0.4
EVERYDAY_SHARE = 0.12
RESULTS_SHARE = 0.7
"""Of the small deeds where only results count."""
_REVIEWING = ("engineering", "data", "operations")


def tell_deeds(story: Story) -> None:
    """Everybody's achievements, day by day."""
    for day in story.days():
        for team in TEAMS:
            for person in story.team_at_work(team, day):
                if story.rng.random() < DEEDS_PER_PERSON_DAY and (at := story.moment(team, day)):
                    deed = choose(story, person, _size(story.rng, person))
                    ref = story.add("achievement", achievement(story, person, deed, day), at)
                    story.done.append(Done(ref, person, deed, at))


def achievement(story: Story, person: Person, deed: Deed, day: date) -> AchievementV1:
    """The achievement's body, now and then with helpers, and with a reviewer where work is reviewed."""
    mates = [p for p in story.team_at_work(person.team, day) if p is not person and p.part != "newcomer"]
    helpers = story.rng.sample(mates, story.rng.choice((1, 1, 2))) if len(mates) > 2 else []
    helped = story.rng.random() < HELPED_SHARE
    reviewed = person.team.kinds[0] in _REVIEWING and story.rng.random() < ACCEPTED_SHARE
    return AchievementV1(
        employee=person.employee,
        title=deed.title,
        description=deed.took,
        basis=deed.basis,
        size=deed.size,
        skills=deed.skills,
        goal=deed.goal,
        value=deed.value,
        helped_by=tuple(p.employee for p in helpers) if helped else (),
        accepted_by=story.rng.choice(mates).employee if reviewed and mates else None,
    )


def choose(story: Story, person: Person, size: Size) -> Deed:
    """A deed of the person's team that was told least, by them and by the team."""
    kind = story.rng.choice(person.team.kinds)
    if size == "small" and person.team.climate != "results-only" and story.rng.random() < EVERYDAY_SHARE:
        kind = "everyday"
    words = [read_words(k) for k in (kind, person.team.kinds[0])]
    fitting = next(found for w in words if (found := [d for d in w.deeds if _fits(d, person, size)]))
    if size == "small" and person.team.climate == "results-only":
        wanted = "result" if story.rng.random() < RESULTS_SHARE else "effort"
        fitting = [d for d in fitting if d.basis == wanted]
    own, team = story.told[person.employee], story.told[person.team.id]
    least = min((own[d.title], team[d.title]) for d in fitting)
    deed = story.rng.choice([d for d in fitting if (own[d.title], team[d.title]) == least])
    own[deed.title] += 1
    team[deed.title] += 1
    return deed


def _fits(deed: Deed, person: Person, size: Size) -> bool:
    """The newcomer does many small things with much effort, which nobody sees."""
    return deed.size == size and (person.part != "newcomer" or deed.basis == "effort")


def _size(rng: random.Random, person: Person) -> Size:
    draw = rng.random()
    if person.part == "newcomer" or draw >= NOTABLE_SHARE + MAJOR_SHARE:
        return "small"
    return "major" if draw < MAJOR_SHARE else "notable"
