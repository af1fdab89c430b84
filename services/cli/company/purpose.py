"""Purpose: the organisation's goals, and success stories of what the work changed."""

from datetime import timedelta

from schemas.models.purpose import ImpactV1, OrganisationGoalV1
from services.cli.company.story import Story
from services.cli.company.words import read_file

FIRST_IMPACT_DAYS_AGO = 120
DAYS_BETWEEN_IMPACTS = 38
CONTRIBUTORS = 4


def tell_purpose(story: Story) -> None:
    """The goals on the first day; later, one after the other, what came of them and whose work it was."""
    content = read_file("purpose")
    for goal in content["goals"]:
        story.add("organisation-goal", OrganisationGoalV1(**goal), story.start)
    for number, impact in enumerate(content["impacts"]):
        days_ago = FIRST_IMPACT_DAYS_AGO - DAYS_BETWEEN_IMPACTS * number
        at = story.now - timedelta(days=days_ago, hours=3)
        served = [done for done in story.done if done.deed.goal == impact["goal"] and done.at < at]
        chosen = story.rng.sample(served, min(CONTRIBUTORS, len(served)))
        people = dict.fromkeys(done.by.employee for done in chosen)
        story.add("impact", ImpactV1(**impact, contributors=tuple(people)), at)
