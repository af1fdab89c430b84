"""What an erasure does to everything a batch knows, and what is heard of the erased afterwards."""

from collections.abc import Iterable
from dataclasses import replace

from schemas.models.erasures import ErasureV1
from schemas.models.people import PersonV1
from schemas.models.preferences import PreferencesV1
from services.recognition.domain.facts import Erased, Fact, FormerErasure, Verdict
from services.recognition.domain.people import Person
from services.recognition.domain.state import State


def hear_of_erased(state: State, fact: Fact, person: Person, body: PersonV1 | PreferencesV1) -> None:
    """The record is refused; its topic forgets it, and ids it tells of that were not known are erased as well."""
    state.changes.told_of_erased.add(person.employee)
    if isinstance(body, PersonV1) and (formers := person.known_as(body.formerly)) != person.formers:
        state.put_person(replace(person, formers=formers))
        _erase_formers(state, fact, formers, given=person.given_erased)


def erase(state: State, fact: Fact, body: ErasureV1) -> Verdict:
    """Whatever waits and says something about them goes, words and all: it has not been given yet."""
    employee, given = body.employee, body.scope == "given"
    person = state.person(employee)
    if person.erased_as_far(given=given):
        return Verdict.APPLIED
    parked = state.waiting.mentioning(employee)
    for part in parked:
        state.unpark(part)
    taken_back = [
        (original, awaiting)
        for original, waiting in state.awaiting.items()
        for awaiting in waiting.values()
        if awaiting.by == employee
    ]
    for original, awaiting in taken_back:
        state.stop_awaiting(original, awaiting)
    gone = {
        "directory-record": int(person.known),
        "preferences": int(person.wishes_version is not None),
        "parked-events": len(parked),
        "waiting-withdrawals": len(taken_back),
    }
    state.forget(employee, given=given)
    state.changes.erased[employee] = Erased(employee, given, fact, gone, person.formers)
    _erase_formers(state, fact, person.formers, given=given)
    return Verdict.APPLIED


def _erase_formers(state: State, cause: Fact, formerly: Iterable[str], *, given: bool) -> None:
    """By events of their own: the log of erasures must name them, too, or a replay would bring them back."""
    for former in formerly:
        if not state.person(former).erased_as_far(given=given):
            state.changes.erased_formers[former] = FormerErasure(former, given, cause)
