"""What people want to be told and who may see it; and what was taken back."""

from datetime import timedelta

from schemas.models.corrections import WithdrawalV1
from schemas.models.preferences import PreferencesV1, QuietHours
from schemas.models.thank_you_notes import ThankYouNoteV1
from services.cli.company.deeds import achievement
from services.cli.company.people import Person
from services.cli.company.story import Done, Story

TAKEN_BACK_DAYS_AGO = 12.0


def tell_wishes(story: Story) -> None:
    """About thirty people have wishes of their own; one wants nothing celebrated at all."""
    people = [p for p in story.people if p.part == "member" and p.at_work(story.now.date())]
    chosen = story.rng.sample(people, 30)
    for number, person in enumerate(chosen):
        at = story.start + timedelta(hours=2 + number)
        if person.joined > at.date():
            continue
        story.add("preferences", _wishes(number, person), at)


def _wishes(number: int, person: Person) -> PreferencesV1:
    if number == 0:
        return PreferencesV1(employee=person.employee, celebrate="not-at-all", channels=())
    if number < 6:
        return PreferencesV1(employee=person.employee, celebrate="private")
    if number < 14:
        return PreferencesV1(employee=person.employee, celebrate="public", channels=("chat", "email"))
    if number < 19:
        return PreferencesV1(employee=person.employee, channels=("chat",))
    if number < 24:
        return PreferencesV1(employee=person.employee, rhythm="digest", send_at="08:30")
    if number < 28:
        return PreferencesV1(employee=person.employee, quiet=QuietHours(start="20:00", end="07:00"))
    return PreferencesV1(employee=person.employee, muted=("digest", "calendar"))


def tell_corrections(story: Story) -> None:
    """A note sent to the wrong person is withdrawn; a deed booked to the wrong one is corrected."""
    at = story.now - timedelta(days=TAKEN_BACK_DAYS_AGO)
    members = [
        p for p in story.people if p.team.climate == "healthy" and p.part == "member" and p.at_work(at.date())
    ]
    giver, wrong, right, writer = story.rng.sample(members, 4)
    words = "Thank you for driving me to the depot in the rain. I would have missed the handover without you."
    note = ThankYouNoteV1(giver=giver.employee, to=(wrong.employee,), deed=words, basis="effort")
    ref = story.add("thank-you-note", note, at)
    reason = "It was meant for somebody else with the same first name."
    story.add("withdrawal", WithdrawalV1(of=ref, by=giver.employee, reason=reason), at + timedelta(hours=2))
    story.add(
        "thank-you-note",
        note.model_copy(update={"to": (right.employee,)}),
        at + timedelta(hours=2, minutes=3),
    )
    _correct_deed(story, writer)


def _correct_deed(story: Story, writer: Person) -> None:
    """The newest suitable deed is told again, of another person of the team."""
    before = story.now - timedelta(days=TAKEN_BACK_DAYS_AGO)
    candidates = [
        d for d in story.done if d.at < before and d.by.team.climate == "healthy" and d.by.part == "member"
    ]
    wrong: Done = max(candidates, key=lambda d: d.at)
    at = wrong.at + timedelta(days=1)
    mates = [
        p for p in story.team_at_work(wrong.by.team, at.date()) if p is not wrong.by and p.part == "member"
    ]
    right = story.rng.choice(mates)
    withdrawal = WithdrawalV1(of=wrong.ref, by=writer.employee, reason="Booked to the wrong colleague.")
    story.add("withdrawal", withdrawal, at)
    story.done.remove(wrong)
    body = achievement(story, right, wrong.deed, at.date())
    ref = story.add("achievement", body, at + timedelta(minutes=2))
    story.done.append(Done(ref, right, wrong.deed, at + timedelta(minutes=2)))
