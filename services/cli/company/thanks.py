"""Who thanks whom: week by week, as warmly as each team's climate allows."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

from schemas.fields import Basis, Visibility
from schemas.models.thank_you_notes import ThankYouNoteV1
from services.cli.company.people import Person
from services.cli.company.story import Done, Story
from services.cli.company.teams import TEAMS, Team
from services.cli.company.words import read_words

COVERAGE = (0.34, 0.48)
"""Share of a healthy team thanked in a week."""
OUTSIDE_WEEK_SHARE = 0.4
"""Weeks in which somebody in the team outside the network thanks a teammate."""
ANSWERED_WITHIN = timedelta(days=6)
SECOND_NOTE_SHARE = 0.55
"""Of those with two deeds to thank for, the share thanked for both in the same week."""
WITHOUT_DEED_SHARE = 0.6
GOAL_SHARE = 0.6
BOTH_FOR_EFFORT, BOTH_FOR_RESULT = 0.4, 0.2
FROM_LEAD, FROM_PEER = 0.42, 0.4
WEEK = timedelta(days=7)


def tell_thanks(story: Story) -> None:
    """Thank-you notes, counted in weeks back from now, so that the last one is whole."""
    waiting = _Unanswered(story.done)
    last_thanked: dict[str, datetime] = {}
    weeks = int((story.now - story.start) / WEEK)
    for back in range(weeks, 0, -1):
        begin = story.now - back * WEEK
        for team in TEAMS:
            for person in _thanked_this_week(story, team, begin, waiting, last_thanked):
                for done in _reasons(story, person, begin, waiting):
                    earliest = max(begin, done.at + timedelta(hours=1)) if done else begin
                    latest = min(begin + WEEK, done.at + ANSWERED_WITHIN) if done else begin + WEEK
                    at = _moment(story, team, earliest, latest)
                    if at and person.at_work(at.date()) and (giver := _giver(story, person, at)):
                        story.add("thank-you-note", note(story, giver, person, done), at)
                        last_thanked[person.employee] = at
                        if done:
                            waiting.take(done)


def note(story: Story, giver: Person, to: Person, done: Done | None) -> ThankYouNoteV1:
    """The note's body, about `done` if that is given."""
    everyday = read_words("everyday")
    visibility: Visibility = story.rng.choices(("private", "team", "public"), (70, 24, 6))[0]
    ending = story.rng.choice(everyday.endings[_relation(giver, to)]) if story.rng.random() < 0.4 else ""
    if done is None:
        words = story.least_told(to.team.id, everyday.thanks)
        return ThankYouNoteV1(
            giver=giver.employee,
            to=(to.employee,),
            deed=f"{words} {ending}".strip(),
            basis=_basis(story.rng, to, "effort"),
            value="care",
            goal=read_words(to.team.kinds[0]).serves if story.rng.random() < GOAL_SHARE else None,
            visibility=visibility,
        )
    deed = done.deed
    words = story.least_told(to.team.id, deed.thanks)
    return ThankYouNoteV1(
        giver=giver.employee,
        to=(to.employee,),
        deed=f"{words} {ending}".strip(),
        impact=deed.impact if story.rng.random() < 0.6 else "",
        about=done.ref,
        basis=_basis(story.rng, to, deed.basis),
        skills=deed.skills if story.rng.random() < 0.7 else (),
        value=deed.value,
        goal=deed.goal,
        visibility=visibility,
    )


def givers(story: Story, to: Person, at: datetime) -> Iterator[tuple[str, list[Person]]]:
    """Relation → people at work who might thank `to`. Nobody is left for those whom nobody thanks."""
    if to.part == "newcomer" or to.team.climate == "unthanked":
        return
    present = [p for p in story.people if p is not to and p.at_work(at.date())]
    if to.team.climate != "outside":
        yield "lead", [p for p in present if p.employee == to.lead]
    yield "peer", [p for p in present if p.team is to.team and p.employee != to.lead]
    if to.team.climate == "healthy":
        yield (
            "neighbour",
            [p for p in present if p.team is not to.team and p.team.climate in ("healthy", "unthanked")],
        )


def _basis(rng: random.Random, to: Person, deed: Basis) -> Basis:
    """Who thanks for effort often means the result as well, and seldom the other way round."""
    if to.team.climate == "results-only":
        return deed
    also = {"effort": BOTH_FOR_EFFORT, "result": BOTH_FOR_RESULT, "both": 1.0}[deed]
    return "both" if rng.random() < also else deed


def _giver(story: Story, to: Person, at: datetime) -> Person | None:
    groups = dict(givers(story, to, at))
    draw = story.rng.random()
    wanted = "lead" if draw < FROM_LEAD else "peer" if draw < FROM_LEAD + FROM_PEER else "neighbour"
    group = groups.get(wanted) or groups.get("peer") or []
    return story.rng.choice(group) if group else None


def _thanked_this_week(
    story: Story, team: Team, begin: datetime, waiting: "_Unanswered", last_thanked: dict[str, datetime]
) -> list[Person]:
    """Those who are thanked this week: by chance, more likely after a deed, and after a long silence."""
    members = [p for p in story.team_at_work(team, begin.date()) if p.part != "newcomer"]
    if team.climate == "unthanked":
        return []
    if team.climate == "outside":
        return story.rng.sample(members, 1) if story.rng.random() < OUTSIDE_WEEK_SHARE else []
    if team.climate == "results-only":
        members = [p for p in members if waiting.of(p, begin)]
    count = min(len(members), round(len(members) * story.rng.uniform(*COVERAGE)))
    weight = {
        p.employee: (1 + (begin - last_thanked.get(p.employee, story.start - WEEK)) / WEEK) ** 1.6
        * (3 if waiting.of(p, begin) else 1)
        for p in members
    }  # fmt: skip
    return sorted(members, key=lambda p: -weight[p.employee] * story.rng.random())[:count]


def _reasons(story: Story, person: Person, begin: datetime, waiting: "_Unanswered") -> list[Done | None]:
    """The deeds a person is thanked for in the week from `begin` on; None stands for no deed in particular."""
    deeds = waiting.of(person, begin)
    if not deeds:
        return [None] if story.rng.random() < WITHOUT_DEED_SHARE else []
    return [*deeds[: 2 if story.rng.random() < SECOND_NOTE_SHARE else 1]]


def _moment(story: Story, team: Team, earliest: datetime, latest: datetime) -> datetime | None:
    """Some time between the two, during a shift."""
    days = [earliest.date() + timedelta(days=n - 1) for n in range((latest - earliest).days + 3)]
    story.rng.shuffle(days)
    moments = (at for day in days if (at := story.moment(team, day)) and earliest <= at < latest)
    return next(moments, None)


def _relation(giver: Person, to: Person) -> str:
    if giver.employee == to.lead:
        return "lead"
    return "peer" if giver.team is to.team else "neighbour"


class _Unanswered:
    """Deeds by person that nobody has said thank you for."""

    def __init__(self, done: list[Done]) -> None:
        self._done: dict[str, list[Done]] = {}
        for one in sorted(done, key=lambda d: d.at):
            self._done.setdefault(one.by.employee, []).append(one)

    def of(self, person: Person, begin: datetime) -> list[Done]:
        """Those a note in the week from `begin` on may answer in time; where only results count, only those."""
        return [
            one
            for one in self._done.get(person.employee, [])
            if begin - ANSWERED_WITHIN + timedelta(days=2) <= one.at < begin + WEEK - timedelta(days=1)
            and (person.team.climate != "results-only" or one.deed.basis == "result")
        ]

    def take(self, one: Done) -> None:
        """It is answered now."""
        self._done[one.by.employee].remove(one)
