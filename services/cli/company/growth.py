"""Growth: milestones, trainings, assignments, goals and the steps toward them."""

from datetime import date, datetime, timedelta

from schemas.models.assignments import AssignmentV1
from schemas.models.goals import (
    GoalStepV1,
    GoalV1,
    ReflectionV1,
    SelfRatingV1,
    SupportRequestV1,
)
from schemas.models.milestones import MilestoneV1, TrainingV1
from services.cli.company.people import Person
from services.cli.company.story import Story
from services.cli.company.words import read_words

MILESTONES_PER_WEEK = 5
TRAININGS_PER_WEEK = 3
ASSIGNMENTS_PER_WEEK = 3
GOALS = 36
STEP_EVERY_DAYS = (14, 45)


def tell_growth(story: Story) -> None:
    """Milestones, trainings and assignments week by week; goals from spring on."""
    for begin in story.days()[::7]:
        for _ in range(MILESTONES_PER_WEEK):
            _milestone(story, begin)
        for _ in range(TRAININGS_PER_WEEK):
            _training(story, begin)
        for _ in range(ASSIGNMENTS_PER_WEEK):
            _assignment(story, begin)
    for person in story.people:
        _anniversary(story, person)
    for number in range(GOALS):
        _goal(story, with_support=number % 6 == 0, with_rating=number % 4 == 0)


def _someone(story: Story, day: date) -> Person:
    """Somebody at work whose growth is seen; neither the newcomer nor the night shift."""
    return story.rng.choice(
        [p for p in story.people if p.at_work(day) and p.part != "newcomer" and p.team.climate != "unthanked"]
    )


def _when(story: Story, person: Person, around: date) -> datetime | None:
    return story.moment(person.team, around + timedelta(days=story.rng.randint(0, 6)))


def _milestone(story: Story, begin: date) -> None:
    person = _someone(story, begin)
    own, any_ = read_words(person.team.kinds[0]).milestones, read_words("everyday").milestones
    fields = story.rng.choice(own if story.rng.random() < 0.8 else any_)
    title = fields["title"]
    if story.told[person.employee][title] or not (at := _when(story, person, begin)):
        return
    story.told[person.employee][title] += 1
    body = MilestoneV1(
        employee=person.employee, kind=fields["kind"], title=title, skills=tuple(fields["skills"])
    )
    story.add("milestone", body, at)


def _anniversary(story: Story, person: Person) -> None:
    if person.part == "newcomer" or person.team.climate == "unthanked":
        return
    joined = person.joined
    for day in story.days():
        years = day.year - joined.year
        if not years or (day.month, day.day) != (joined.month, joined.day) or not person.at_work(day):
            continue
        if at := story.moment(person.team, day):
            title = f"{years} year{'s' if years > 1 else ''} at Tarnwood"
            story.add("milestone", MilestoneV1(employee=person.employee, kind="anniversary", title=title), at)


def _training(story: Story, begin: date) -> None:
    person = _someone(story, begin)
    own, any_ = read_words(person.team.kinds[0]).trainings, read_words("everyday").trainings
    fields = story.rng.choice(own + any_)
    if story.told[person.employee][fields["title"]] or not (at := _when(story, person, begin)):
        return
    story.told[person.employee][fields["title"]] += 1
    ends = story.moment(person.team, at.date() + timedelta(days=story.rng.randint(10, 30)))
    for status, when in (("started", at), ("completed", ends)):
        if when is not None and person.at_work(when.date()):
            body = TrainingV1(
                employee=person.employee,
                title=fields["title"],
                status="started" if status == "started" else "completed",
                skills=tuple(fields["skills"]),
                provider=fields["provider"],
            )
            story.add("training", body, when)


def _assignment(story: Story, begin: date) -> None:
    person = _someone(story, begin)
    own, any_ = read_words(person.team.kinds[0]).assignments, read_words("everyday").assignments
    fields = story.rng.choice(own * 2 + any_)
    if story.told[person.employee][fields["title"]] or not (at := _when(story, person, begin)):
        return
    story.told[person.employee][fields["title"]] += 1
    body = AssignmentV1(
        employee=person.employee,
        title=fields["title"],
        status="assigned",
        assigned_by=person.lead,
        kind=fields["kind"],
        skills=tuple(fields["skills"]),
        lead=fields.get("lead", False),
        stretch=fields.get("stretch", False),
        reluctance=story.rng.choice((None, None, None, "dont-know-how", "dont-see-the-use")),
    )
    story.add("assignment", body, at)
    done = story.moment(person.team, at.date() + timedelta(days=story.rng.randint(12, 40)))
    if done is not None and person.at_work(done.date()):
        story.add("assignment", body.model_copy(update={"status": "completed", "reluctance": None}), done)


def _goal(story: Story, *, with_support: bool, with_rating: bool) -> None:
    begin = story.start.date() + timedelta(days=story.rng.randint(3, 70))
    person = _someone(story, begin)
    fields = story.rng.choice(read_words(person.team.kinds[0]).goals + read_words("everyday").goals)
    goal = f"{fields['goal']}-{person.employee}"
    if story.told[person.employee][goal] or not (at := _when(story, person, begin)):
        return
    story.told[person.employee][goal] += 1
    skills: tuple[str, ...] = tuple(fields["target_skills"])
    due = story.now.date() + timedelta(days=90)
    body = GoalV1(
        employee=person.employee,
        goal=goal,
        title=fields["title"],
        target_skills=skills,
        due=due,
        serves=fields["serves"],
    )
    story.add("goal", body, at)
    if with_support and person.lead and at + timedelta(hours=1) <= story.now:
        request = "I would like to spend one day a week beside somebody who already knows this."
        support = SupportRequestV1(
            employee=person.employee,
            request=request,
            owner=person.lead,
            due=begin + timedelta(days=40),
            goal=goal,
        )
        story.add("support-request", support, at + timedelta(hours=1))
    if with_rating:
        rating = SelfRatingV1(employee=person.employee, skill=skills[0], rating=2, moment="before")
        story.add("self-rating", rating, at + timedelta(minutes=5))
    _steps(story, person, body, fields["steps"], at, rated=with_rating)


def _steps(
    story: Story, person: Person, goal: GoalV1, steps: list[str], at: datetime, *, rated: bool
) -> None:
    skills = goal.target_skills
    day = at.date()
    for number, title in enumerate(steps, start=1):
        day += timedelta(days=story.rng.randint(*STEP_EVERY_DAYS))
        when = story.moment(person.team, day)
        if when is None or not person.at_work(day):
            return
        step = GoalStepV1(
            employee=person.employee,
            goal=goal.goal,
            title=title,
            skills=skills[:1],
            steps_done=number,
            steps_total=len(steps),
        )
        ref = story.add("goal-step", step, when)
        last = number == len(steps)
        if rated and last and when + timedelta(minutes=9) <= story.now:
            rating = SelfRatingV1(
                employee=person.employee, skill=skills[0], rating=4, moment="after", about=ref
            )
            story.add("self-rating", rating, when + timedelta(minutes=7))
            answer = "I used to hand this on to others. Last week somebody came to me with it."
            question = "What is different now from half a year ago?"
            reflection = ReflectionV1(employee=person.employee, question=question, answer=answer, about=ref)
            story.add("reflection", reflection, when + timedelta(minutes=9))
