"""One event after another: decide, change what is known, release what waited for it."""

import hmac

from schemas.models.achievements import AchievementV1
from schemas.models.corrections import WithdrawalV1
from schemas.models.erasures import ErasureV1
from schemas.models.goals import SupportRequestV1
from schemas.models.people import PersonV1
from schemas.models.preferences import PreferencesV1
from schemas.models.purpose import ImpactV1, OrganisationGoalV1
from schemas.models.thank_you_notes import ThankYouNoteV1
from services.kit.errors import Refusal
from services.recognition.domain import erasing
from services.recognition.domain.entries import entries_of, withdrawal_of
from services.recognition.domain.facts import (
    Code,
    EventKey,
    Fact,
    Part,
    Removal,
    Verdict,
    parts_of,
)
from services.recognition.domain.people import Person
from services.recognition.domain.state import State, refuse
from services.recognition.domain.waiting import Parked


def step(state: State, happened: Fact | Removal) -> Verdict | Refusal:
    """Take in one event; `state` is changed unless the event is refused or a duplicate."""
    if isinstance(happened, Removal):
        return _remove(state, happened)
    fact = happened
    seen = state.inbox.get(fact.key)
    if seen is not None:
        if hmac.compare_digest(seen, fact.digest):
            return Verdict.DUPLICATE
        return refuse(Code.ID_CONFLICT, "the same source and id came before with another body")
    verdict = _take(state, fact)
    if not isinstance(verdict, Refusal):
        state.receive(fact)
        take_back(state, fact.key)
    return verdict


def release(state: State, employee: str) -> None:
    """Decide what waited for this person, in the order in which it came."""
    if not state.person(employee).known:
        return
    for parked in state.releasable(employee):
        if parked not in state.waiting:  # its event was refused for another part
            continue
        state.unpark(parked)
        part = parked.part
        refusal = _judge_part(state, part)
        if refusal is not None:
            if part.is_help:
                _leave_uncredited(state, refusal)
            else:
                state.bury(part.fact, refusal)
            continue
        waits_for = _awaited(state, part, released=employee)
        if waits_for is None:
            _give(state, part)
        elif (full := state.room_for([(part, waits_for)])) is not None:
            state.bury(part.fact, full)
        else:
            state.park(Parked(part, waits_for, parked.since))


def take_back(state: State, original: EventKey) -> None:
    """Carry out the withdrawals that waited for this event."""
    for awaiting in list(state.awaiting.get(original, {}).values()):
        state.stop_awaiting(original, awaiting)
        _withdraw_what_followed(state, original, awaiting.fact)


def _take(state: State, fact: Fact) -> Verdict | Refusal:
    match fact.body:
        case PersonV1() | PreferencesV1():
            return _describe(state, fact)
        case ErasureV1() as body:
            return erasing.erase(state, fact, body)
        case WithdrawalV1() as body:
            return _withdraw(state, fact, body)
        case SupportRequestV1() | OrganisationGoalV1() | ImpactV1():
            return Verdict.IGNORED
        case _:
            return _credit(state, fact)


# --- the directory --------------------------------------------------------------------------------------------


def _describe(state: State, fact: Fact) -> Verdict | Refusal:
    body, version = fact.body, (fact.time, fact.id)
    assert isinstance(body, PersonV1 | PreferencesV1)
    person = state.person(body.employee)
    if person.erased:
        erasing.hear_of_erased(state, fact, person, body)
        return _erased()
    if isinstance(body, PersonV1):
        return _replace(state, person, person.described(body, version))
    return _replace(state, person, person.wishing(body, version))


def _remove(state: State, removal: Removal) -> Verdict:
    person = state.person(removal.employee)
    version = (removal.time, "")
    if person.erased:
        return Verdict.IGNORED
    if removal.of is PersonV1:
        return _replace(state, person, person.undescribed(version))
    return _replace(state, person, person.unwishing(version))


def _replace(state: State, old: Person, new: Person) -> Verdict:
    """Put in what is newer; an older record is ignored."""
    if new is old:
        return Verdict.IGNORED
    state.put_person(new)
    release(state, new.employee)
    return Verdict.APPLIED


# --- credit ---------------------------------------------------------------------------------------------------


def _credit(state: State, fact: Fact) -> Verdict | Refusal:
    """Give everybody concerned their part; park the parts of those the directory has not brought yet."""
    refusal = _judge_whole(state, fact)
    if refusal is not None:
        if refusal.code == Code.PERSON_ERASED:
            state.close(fact.key)
        return refusal
    ready: list[Part] = []
    waiting: list[tuple[Part, str]] = []
    for part in parts_of(fact):
        if part.is_help and (helper_refusal := _judge(state, fact, (part.recipient,))) is not None:
            _leave_uncredited(state, helper_refusal)
        elif (waits_for := _awaited(state, part)) is not None:
            waiting.append((part, waits_for))
        else:
            ready.append(part)
    if waiting and (full := state.room_for(waiting)) is not None:
        return full
    told = [_give(state, part) for part in ready]
    for part, waits_for in waiting:
        state.park(Parked(part, waits_for))
    if waiting:
        return Verdict.PARKED
    return Verdict.APPLIED if any(told) else Verdict.IGNORED


def _judge_whole(state: State, fact: Fact) -> Refusal | None:
    """Whether the event may stand at all. Helpers are judged one by one: the deed stands without them."""
    body = fact.body
    if isinstance(body, ThankYouNoteV1):
        if any(_is_same(state, body.giver, recipient) for recipient in body.to):
            return _self_recognition()
        return _judge(state, fact, (body.giver, *body.to))
    return _judge(state, fact, (parts_of(fact)[0].recipient,))


def _judge_part(state: State, part: Part) -> Refusal | None:
    """Once somebody it waited for is known: whether it may stand."""
    if part.giver is not None and _is_same(state, part.giver, part.recipient):
        return _self_recognition()
    return _judge(state, part.fact, (part.recipient, part.giver))


def _is_same(state: State, one: str, other: str) -> bool:
    """Is it one person, be it under a former id?"""
    return one == other or one in state.person(other).formerly or other in state.person(one).formerly


def _judge(state: State, fact: Fact, employees: tuple[str | None, ...]) -> Refusal | None:
    """On the event's day: nobody erased, nobody who had left. Those not known yet are judged when they are."""
    people = [state.person(employee) for employee in employees if employee is not None]
    if any(person.erased for person in people):
        return _erased()
    if any(person.left_before(fact.day) for person in people):
        return refuse(Code.PERSON_LEFT, "somebody concerned had left before that day")
    return None


def _awaited(state: State, part: Part, *, released: str | None = None) -> str | None:
    """Whom the part must wait for: the recipient, then the giver.

    A known recipient for whom older parts still wait is waited for too, so that nothing overtakes those.
    released: whose queue the part comes from.
    """
    recipient = state.person(part.recipient)
    if not recipient.known or (recipient.waiting and recipient.employee != released):
        return recipient.employee
    if part.giver is not None and not state.person(part.giver).known:
        return part.giver
    return None


def _give(state: State, part: Part) -> bool:
    """Publish what the recipient gets; False when it is nothing."""
    body = part.fact.body
    recipient = state.person(part.recipient)
    erased = frozenset(e for e in part.named if state.person(e).erased)
    entries = entries_of(part, recipient, covered_since=state.covered_since, erased=erased)
    state.emit(entries)
    if isinstance(body, AchievementV1) and not part.is_help:
        state.learn(part.recipient, recipient.new_skills(body.skills))
    return bool(entries)


def _leave_uncredited(state: State, refusal: Refusal) -> None:
    code = Code(refusal.code)
    state.changes.uncredited[code] = state.changes.uncredited.get(code, 0) + 1


# --- taking back ----------------------------------------------------------------------------------------------


def _withdraw(state: State, fact: Fact, body: WithdrawalV1) -> Verdict | Refusal:
    original = (body.of.source, body.of.id)
    if body.by is not None and state.person(body.by).erased:
        return _erased()
    if _withdraw_what_followed(state, original, fact):
        if state.inbox.get(original) is None and original not in state.closed:
            # The original was refused after a part of it was given: redriven, all of it is taken back again.
            state.await_original(original, fact)
        return Verdict.APPLIED
    if original in state.closed or state.inbox.get(original) is not None or state.emitted.get(original):
        return Verdict.IGNORED
    return state.await_original(original, fact) or Verdict.PARKED


def _withdraw_what_followed(state: State, original: EventKey, fact: Fact) -> bool:
    """Take back every entry that still stands, drop what is still parked; False when there was nothing."""
    assert isinstance(fact.body, WithdrawalV1)
    parked = state.waiting.of_event(original)
    for waiting in parked:
        state.unpark(waiting)
    standing = [e for e in state.emitted.get(original, {}).values() if not e.withdrawn]
    for emission in standing:
        entry = withdrawal_of(
            fact,
            fact.body,
            entry_id=str(emission.entry),
            employee=emission.employee,
            type_name=emission.type_name,
        )
        state.emit([entry])
        state.mark_withdrawn(original, emission)
    return bool(parked or standing)


def _self_recognition() -> Refusal:
    return refuse(Code.SELF_RECOGNITION, "the giver is among the recipients")


def _erased() -> Refusal:
    return refuse(Code.PERSON_ERASED, "somebody concerned was erased")
