"""A body that keeps its contract → rows. Bodies are pydantic models, or structs generated from them: same fields."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from schemas.models.entries import (
    AssignmentNotedV1,
    CareerPictureV1,
    DeedV1,
    GrowthV1,
    RecognitionV1,
    RecognitionWithdrawnV1,
)
from schemas.models.erasures import ErasureReportV1
from schemas.models.people import PersonV1
from services.ledger.domain import (
    ASSIGNMENT,
    BASES,
    BY,
    DEED,
    ERASURE_SCOPES,
    GROWTH,
    PICTURE,
    RECOGNITION,
    SIZES,
    SUBKINDS,
    VISIBILITIES,
    WITHDRAWN,
    Entry,
    Noted,
    Person,
    Report,
    Words,
)


class Origin(NamedTuple):
    """What an entry has from its envelope and its place in the log. digest: of the body's bytes."""

    occurred_at: datetime
    offset: int
    partition: int
    id: str
    digest: bytes


def _noted_deed(body: DeedV1, origin: Origin) -> Noted:
    entry = Entry(
        origin.occurred_at, origin.offset, origin.partition, None,
        DEED, None, None, BASES[body.basis], SIZES[body.size], VISIBILITIES[body.visibility],
        False, False, False, origin.id, body.employee, body.cause.source, body.cause.id, origin.digest,
        None, body.accepted_by, body.goal, body.value, None, None, None, None,
        body.skills or None, body.helped_by or None,
    )  # fmt: skip
    return Noted(entry, _words(body, origin, body.description, links=body.links))


def _noted_recognition(body: RecognitionV1, origin: Origin) -> Noted:
    answers = body.answers
    entry = Entry(
        origin.occurred_at, origin.offset, origin.partition, None,
        RECOGNITION, SUBKINDS[body.kind], BY[body.by],
        BASES[body.basis], SIZES[body.size], VISIBILITIES[body.visibility],
        body.giver_is_manager, False, False,
        origin.id, body.employee, body.cause.source, body.cause.id, origin.digest,
        body.giver, None, body.goal, body.value,
        None if answers is None else answers.source, None if answers is None else answers.id,
        body.grant, None, body.skills or None, None,
    )  # fmt: skip
    return Noted(entry, _words(body, origin, body.words, impact=body.impact))


def _noted_withdrawal(body: RecognitionWithdrawnV1, origin: Origin) -> Noted:
    entry = _plain(body, origin, WITHDRAWN, SUBKINDS[body.withdraws_kind])._replace(withdraws=body.withdraws)
    words = Words(origin.occurred_at, origin.id, body.employee, None, body.reason or None, None, None, None)
    return Noted(entry, words)


def _noted_growth(body: GrowthV1, origin: Origin) -> Noted:
    entry = _plain(body, origin, GROWTH, SUBKINDS[body.kind])
    return Noted(entry._replace(goal=body.goal, skills=body.skills or None), _words(body, origin, body.note))


def _noted_assignment(body: AssignmentNotedV1, origin: Origin) -> Noted:
    entry = _plain(body, origin, ASSIGNMENT, SUBKINDS[body.status])._replace(
        lead=body.lead, stretch=body.stretch, goal=body.goal, skills=body.skills or None
    )
    return Noted(entry, _words(body, origin, ""))


def _noted_picture(body: CareerPictureV1, origin: Origin) -> Noted:
    reluctance = None if body.reluctance is None else SUBKINDS[body.reluctance]
    entry = _plain(body, origin, PICTURE, reluctance)._replace(follow_up=body.follow_up)
    lines = [{"skill": line.skill, "outcome": line.outcome, "told": line.told} for line in body.lines]
    return Noted(entry, _words(body, origin, "", lines=msgspec.json.encode(lines).decode()))


NOTED: Mapping[str, Callable[[Any, Origin], Noted]] = {
    "deed": _noted_deed,
    "recognition": _noted_recognition,
    "recognition-withdrawn": _noted_withdrawal,
    "growth": _noted_growth,
    "assignment-noted": _noted_assignment,
    "career-picture": _noted_picture,
}
"""Name of an entry's type → how its rows are made."""


def person(body: PersonV1, occurred_at: datetime, event_id: str, digest: bytes) -> Person:
    """Directory record → row. Nobody as a manager is an empty text."""
    return Person(
        body.employee,
        occurred_at,
        event_id,
        digest,
        body.name,
        body.timezone,
        body.language,
        body.formerly,
        tuple(period.since for period in body.teams),
        tuple(period.team for period in body.teams),
        tuple(period.since for period in body.managers),
        tuple(period.manager or "" for period in body.managers),
        tuple(period.since for period in body.statuses),
        tuple(period.status for period in body.statuses),
    )


def report(body: ErasureReportV1) -> Report:
    """A service's report on an erasure → row."""
    return Report(
        body.employee,
        body.service,
        body.erasure.source,
        body.erasure.id,
        ERASURE_SCOPES[body.scope],
        body.finished_at.astimezone(UTC),
        msgspec.json.encode({gone.what: gone.count for gone in body.gone}).decode(),
        body.formerly,
        body.kafka_until,
        body.backups_until,
    )


def _plain(
    body: RecognitionWithdrawnV1 | GrowthV1 | AssignmentNotedV1 | CareerPictureV1,
    origin: Origin,
    kind: int,
    subkind: int | None,
) -> Entry:
    return Entry(
        origin.occurred_at, origin.offset, origin.partition, None, kind, subkind, None, None, None, None,
        False, False, False, origin.id, body.employee, body.cause.source, body.cause.id, origin.digest,
        None, None, None, None, None, None, None, None, None, None,
    )  # fmt: skip


def _words(
    body: DeedV1 | RecognitionV1 | GrowthV1 | AssignmentNotedV1 | CareerPictureV1,
    origin: Origin,
    words: str,
    *,
    impact: str = "",
    links: Sequence[str] = (),
    lines: str | None = None,
) -> Words:
    return Words(
        origin.occurred_at, origin.id, body.employee, body.title,
        words or None, impact or None, tuple(links) or None, lines,
    )  # fmt: skip
