"""A small world to try the rules of recognition in."""

import hashlib
from datetime import UTC, date, datetime, timedelta
from typing import Any

from schemas.fields import Contract
from schemas.models.entries import GrowthV1, RecognitionV1, RecognitionWithdrawnV1
from schemas.registry import BY_NAME
from services.kit.errors import Refusal
from services.recognition.domain import fold
from services.recognition.domain.facts import Entry, Fact, Removal
from services.recognition.domain.people import Person
from services.recognition.domain.state import Limits, State

START = date(2025, 1, 1)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
SOURCE = "urn:test"


class World:
    """A state in which everybody is a stub until the directory brings them."""

    def __init__(self, *known: str, person_max: int = 1_000, all_max: int = 1_000_000) -> None:
        self.state = State(START, Limits(person_max, all_max), people={})
        self._number = 0
        for employee in known:
            self.bring(employee)

    def happens(self, name: str, /, id_: str | None = None, at: datetime = NOON, **data: Any) -> Any:
        """Take in an event; return the verdict, or the code of the refusal."""
        self._number += 1
        fact = fact_of(name, id_ or f"auto-{self._number}", at, **data)
        return self.take(fact)

    def take(self, happened: Fact | Removal) -> Any:
        self.mention(happened)
        verdict = fold.step(self.state, happened)
        return str(verdict.code) if isinstance(verdict, Refusal) else verdict

    def mention(self, happened: Fact | Removal) -> None:
        body = happened.body if isinstance(happened, Fact) else happened
        named = [getattr(body, name, None) for name in ("employee", "giver", "accepted_by", "by")]
        named += [*getattr(body, "to", ()), *getattr(body, "helped_by", ()), *getattr(body, "formerly", ())]
        for employee in named:
            if employee is not None:
                self.state.people.setdefault(employee, Person(employee))

    def bring(self, employee: str, at: datetime = NOON, **record: Any) -> Any:
        return self.happens("person", at=at, **(person(employee) | record))

    def entries(self, employee: str | None = None) -> list[Entry]:
        found = self.state.changes.entries
        return [e for e in found if employee is None or e.employee == employee]

    def told(self, employee: str | None = None) -> list[str]:
        return [kind_of(entry) for entry in self.entries(employee)]

    @property
    def waiting(self) -> int:
        return sum(len(queue) for queue in self.state.waiting.queues.values())


def person(employee: str, since: date = date(2025, 6, 1)) -> dict[str, Any]:
    return {
        "employee": employee,
        "name": "Somebody",
        "teams": [{"since": since, "team": "a-team"}],
        "statuses": [{"since": since, "status": "active"}],
    }


def fact_of(name: str, id_: str, at: datetime, /, **data: Any) -> Fact:
    body = BY_NAME[name].model.model_validate(tuples(data))
    digest = hashlib.sha256(body.model_dump_json().encode()).digest()
    return Fact(SOURCE, id_, at, body, digest, correlation=id_)


def tuples(value: Any) -> Any:
    """Lists as the strict models want them when built in Python."""
    if isinstance(value, list | tuple):
        return tuple(tuples(item) for item in value)
    if isinstance(value, dict):
        return {name: tuples(item) for name, item in value.items()}
    return value


def kind_of(entry: Entry) -> str:
    body: Contract = entry.body
    return f"{entry.type_name}/{body.kind}" if isinstance(body, RecognitionV1 | GrowthV1) else entry.type_name


def body_of(world: World, kind: str, model: type[Any]) -> Any:
    (found,) = (entry.body for entry in world.entries() if kind_of(entry) == kind)
    assert isinstance(found, model)
    return found


def achieved(world: World, employee: str = "ada", **data: Any) -> Any:
    given: dict[str, Any] = {"title": "Mended the pump", "basis": "effort", "size": "small"}
    return world.happens("achievement", employee=employee, **(given | data))


def thanked(world: World, giver: str, *to: str, **data: Any) -> Any:
    given: dict[str, Any] = {"deed": "You stayed.\n <b>Thank you</b>"}
    return world.happens("thank-you-note", **(given | {"from": giver, "to": to} | data))


def leaves(world: World, employee: str, day: date) -> None:
    world.bring(employee, NOON + timedelta(hours=1), statuses=[
        {"since": date(2025, 6, 1), "status": "active"}, {"since": day, "status": "left"},
    ])  # fmt: skip


def takes_back(world: World, original: str, **data: Any) -> Any:
    return world.happens("withdrawal", of={"source": SOURCE, "id": original}, **data)


def withdrawn_ids(world: World) -> list[str]:
    return [e.body.withdraws for e in world.entries() if isinstance(e.body, RecognitionWithdrawnV1)]
