"""What a person gets out of an event: deeds, recognitions and growth."""

from collections.abc import Container
from datetime import date

from schemas.fields import Contract
from schemas.models.achievements import AchievementV1
from schemas.models.assignments import AssignmentV1
from schemas.models.corrections import WithdrawalV1
from schemas.models.entries import (
    AssignmentNotedV1,
    DeedV1,
    GrowthV1,
    RecognitionV1,
    RecognitionWithdrawnV1,
)
from schemas.models.goals import GoalStepV1, GoalV1, ReflectionV1, SelfRatingV1
from schemas.models.milestones import MilestoneV1, TrainingV1
from schemas.models.thank_you_notes import ThankYouNoteV1
from services.kit import ids
from services.recognition.domain.facts import Entry, Fact, Part
from services.recognition.domain.people import Person

TITLE_CHARS_MAX = 200
_TYPE_NAMES: dict[type[Contract], str] = {
    DeedV1: "deed",
    RecognitionV1: "recognition",
    GrowthV1: "growth",
    AssignmentNotedV1: "assignment-noted",
}


def entries_of(part: Part, recipient: Person, *, covered_since: date, erased: Container[str]) -> list[Entry]:
    """Entries for one recipient, in the order in which they are published; none for what is not told.

    recipient: known, and as they were before this event. covered_since: firsts count for people who started on
    this day or later, because only of them do we know all they did. erased: others who are no longer named.
    """
    body = part.fact.body
    match body:
        case AchievementV1() if part.is_help:
            return [_entry(part, _help(part, body, recipient))]
        case AchievementV1():
            return _achievement(part, body, recipient, covered_since, erased)
        case ThankYouNoteV1():
            return [_entry(part, _thanks(part, body, recipient))]
        case MilestoneV1():
            return [_entry(part, _milestone(part, body, recipient))]
        case AssignmentV1():
            return _assignment(part, body, recipient)
        case _:
            growth = _growth(part.fact, body)
            return [_entry(part, growth)] if growth is not None else []


def withdrawal_of(fact: Fact, body: WithdrawalV1, *, entry_id: str, employee: str, type_name: str) -> Entry:
    """The entry that takes back an earlier one of that employee."""
    id_ = ids.derive(fact.time, f"recognition-withdrawn/{entry_id}", fact.source, fact.id, employee)
    withdrawn = RecognitionWithdrawnV1.model_validate({
        "employee": employee,
        "cause": fact.ref,
        "withdraws": entry_id,
        "withdraws_kind": type_name,
        "reason": body.reason,
    })  # fmt: skip
    return Entry(id_, "recognition-withdrawn", employee, withdrawn, fact)


def _entry(part: Part, body: Contract, *, variant: str = "") -> Entry:
    """variant: tells apart two entries of one type that one event brings to one person."""
    type_name = _TYPE_NAMES[type(body)]
    fact = part.fact
    id_ = ids.derive(fact.time, type_name + variant, fact.source, fact.id, part.recipient)
    return Entry(id_, type_name, part.recipient, body, fact)


def _achievement(
    part: Part, body: AchievementV1, person: Person, covered_since: date, erased: Container[str]
) -> list[Entry]:
    found = [_entry(part, _deed(part, body, person, erased))]
    if body.size != "small":
        found.append(_entry(part, _by_size(part, body, person)))
    started_on = person.started_on
    fresh = person.new_skills(body.skills)
    if fresh and started_on is not None and started_on >= covered_since:
        skills = ", ".join(fresh)
        growth = GrowthV1(
            employee=person.employee,
            cause=part.fact.ref,
            kind="first-skill",
            title=_line("First use of ", skills),
            skills=fresh,
            goal=body.goal,
        )
        found.append(_entry(part, growth))
        if person.skills:
            found.append(_entry(part, _courage(part, body, person, fresh), variant="/courage"))
    return found


def _deed(part: Part, body: AchievementV1, person: Person, erased: Container[str]) -> DeedV1:
    return DeedV1(
        employee=person.employee,
        cause=part.fact.ref,
        title=body.title,
        description=body.description,
        basis=body.basis,
        size=body.size,
        skills=body.skills,
        goal=body.goal,
        value=body.value,
        links=body.links,
        helped_by=tuple(e for e in dict.fromkeys(body.helped_by) if e != body.employee and e not in erased),
        accepted_by=body.accepted_by if body.accepted_by not in erased else None,
        visibility=person.narrowed(body.visibility),
    )


def _by_size(part: Part, body: AchievementV1, person: Person) -> RecognitionV1:
    """Notable and major achievements are recognised by rule."""
    return RecognitionV1(
        employee=person.employee,
        cause=part.fact.ref,
        by="rule",
        kind="achievement",
        title=body.title,
        words=body.description,
        basis=body.basis,
        size=body.size,
        skills=body.skills,
        goal=body.goal,
        value=body.value,
        answers=part.fact.ref,
        visibility=person.narrowed(body.visibility),
    )


def _courage(part: Part, body: AchievementV1, person: Person, fresh: tuple[str, ...]) -> RecognitionV1:
    """Somebody with skills of their own tried a new one: outside the comfort zone."""
    return RecognitionV1(
        employee=person.employee,
        cause=part.fact.ref,
        by="rule",
        kind="courage",
        title=_line("Dared something new: ", ", ".join(fresh)),
        basis="effort",
        size=body.size,
        skills=fresh,
        goal=body.goal,
        value=body.value,
        answers=part.fact.ref,
        visibility=person.narrowed(body.visibility),
    )


def _help(part: Part, body: AchievementV1, helper: Person) -> RecognitionV1:
    return RecognitionV1(
        employee=helper.employee,
        cause=part.fact.ref,
        by="rule",
        kind="help",
        title=_line("Helped with: ", body.title),
        basis="effort",
        size=body.size,
        goal=body.goal,
        value=body.value,
        visibility=helper.narrowed(body.visibility),
    )


def _thanks(part: Part, body: ThankYouNoteV1, recipient: Person) -> RecognitionV1:
    """The title names nobody and quotes nothing: it may stand in a subject line, the words may be private."""
    led = recipient.is_led_by(body.giver, part.fact.day)
    return RecognitionV1(
        employee=recipient.employee,
        cause=part.fact.ref,
        by="person",
        kind="thanks",
        giver=body.giver,
        giver_is_manager=led,
        title="Thanks from your lead" if led else "Thanks from a colleague",
        words=body.deed,
        impact=body.impact,
        basis=body.basis,
        skills=body.skills,
        goal=body.goal,
        value=body.value,
        answers=body.about,
        visibility=recipient.narrowed(body.visibility),
    )


def _milestone(part: Part, body: MilestoneV1, person: Person) -> RecognitionV1:
    """An anniversary comes round by itself; any other milestone was reached."""
    anniversary = body.kind == "anniversary"
    return RecognitionV1(
        employee=person.employee,
        cause=part.fact.ref,
        by="calendar" if anniversary else "rule",
        kind="anniversary" if anniversary else "milestone",
        title=body.title,
        words=body.description,
        skills=body.skills,
        goal=body.goal,
        value=body.value,
        visibility=person.narrowed(body.visibility),
    )


def _assignment(part: Part, body: AssignmentV1, person: Person) -> list[Entry]:
    ref = part.fact.ref
    noted = AssignmentNotedV1(
        employee=person.employee,
        cause=ref,
        title=body.title,
        status=body.status,
        lead=body.lead,
        stretch=body.stretch,
        skills=body.skills,
        goal=body.goal,
    )
    found = [_entry(part, noted)]
    if body.status == "assigned" and body.stretch:
        stretch = GrowthV1(
            employee=person.employee,
            cause=ref,
            kind="stretch",
            title=body.title,
            skills=body.skills,
            goal=body.goal,
        )
        found.append(_entry(part, stretch))
    if body.status == "completed" and (body.lead or body.stretch):
        completed = RecognitionV1(
            employee=person.employee,
            cause=ref,
            by="rule",
            kind="milestone",
            title=_line("Carried to its end: ", body.title),
            words=body.description,
            skills=body.skills,
            goal=body.goal,
            visibility=person.narrowed("team"),
        )
        found.append(_entry(part, completed))
    return found


def _growth(fact: Fact, body: Contract) -> GrowthV1 | None:
    """Growth an event tells of by itself; None when it tells of none."""
    match body:
        case TrainingV1():
            title = body.title if body.status == "completed" else _line("Began: ", body.title)
            return GrowthV1(employee=body.employee, cause=fact.ref, kind="training", title=title,
                            skills=body.skills, goal=body.goal)  # fmt: skip
        case GoalV1() if body.status != "dropped":
            title = body.title if body.status == "open" else _line("Reached: ", body.title)
            return GrowthV1(employee=body.employee, cause=fact.ref, kind="goal", title=title,
                            skills=body.target_skills, goal=body.goal)  # fmt: skip
        case GoalStepV1():
            return GrowthV1(employee=body.employee, cause=fact.ref, kind="goal-step", title=body.title,
                            skills=body.skills, goal=body.goal)  # fmt: skip
        case ReflectionV1():
            return GrowthV1(employee=body.employee, cause=fact.ref, kind="reflection", title=body.question,
                            note=body.answer)  # fmt: skip
        case SelfRatingV1():
            title = f"{body.skill}: {body.rating} of 5, {body.moment}"
            return GrowthV1(employee=body.employee, cause=fact.ref, kind="self-rating", title=title,
                            note=body.note, skills=(body.skill,))  # fmt: skip
    return None


def _line(prefix: str, text: str) -> str:
    """One title, cut to what a title may hold."""
    line = prefix + text
    return line if len(line) <= TITLE_CHARS_MAX else line[: TITLE_CHARS_MAX - 1] + "…"
