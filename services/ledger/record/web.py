"""Routes of the record a person takes along: the page, the credential, the issuer and its keys. No login: the link is
the key, works for years, and ends with an erasure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Query, Request
from fastapi import Path as PathParameter
from fastapi.responses import JSONResponse, Response

from services.kit.sql import Pool
from services.kit.web import Problem, problem_response
from services.ledger import erasing, reading, view
from services.ledger.domain import VISIBILITIES
from services.ledger.identity import Reader
from services.ledger.links import Carry, Signer
from services.ledger.pages import timeline
from services.ledger.pages.web import render, zone_of
from services.ledger.problems import responses
from services.ledger.record.credential import Issuer, credential, signed
from services.ledger.record.keys import IssuerKeys

ENTRIES_MAX = 1_000
MEDIA_TYPE = "application/vc+jwt"
_CLOSED = "This link no longer opens: it has ended, was changed on its way, or the record was taken out."

Employee = Annotated[str, PathParameter(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]


class KeyResponse(JSONResponse):
    """A key as RFC 7517 writes it."""

    media_type = "application/jwk+json"


@dataclass(frozen=True, slots=True)
class Recorder:
    """Who issues records, with which keys, opened by whose links."""

    issuer: Issuer
    keys: IssuerKeys
    signer: Signer


@dataclass(frozen=True, slots=True)
class Carried:
    """What a person carries. left_out: recognitions of a narrower circle than they chose, which stay behind."""

    person: reading.Person
    moments: Sequence[timeline.Moment]
    shown: timeline.Timeline
    left_out: int


def router(pool: Pool, reader: Reader, recorder: Recorder | None, now: Callable[[], datetime]) -> APIRouter:
    """Routes under `/records`. pool: of a role that sees all erasures. recorder: None keeps every record shut.

    now: UTC.
    """
    routes = APIRouter(prefix="/records", tags=["record"], responses=responses(404, 422))
    Key = Annotated[str, PathParameter(max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]  # noqa: N806 - a type

    @routes.get("/issuer", summary="Who issues records of recognition, as an Open Badges profile.")
    async def issuer() -> dict[str, Any]:
        return _need(recorder).issuer.profile

    @routes.get("/keys", summary="The issuer's public keys (JWKS).")
    async def keys() -> dict[str, Any]:
        return {"keys": _need(recorder).keys.public()}

    @routes.get(
        "/keys/{key}", response_class=KeyResponse, summary="The public key that a record's `kid` names."
    )
    async def key_of(key: Key) -> Response:
        found = _need(recorder).keys.find(key)
        if found is None:
            raise _nothing()
        return KeyResponse(found)

    @routes.get("/{employee}", include_in_schema=False)
    async def page(
        request: Request,
        employee: Employee,
        carry: Carry = "team",
        expires: Annotated[int, Query(ge=0, le=10**11)] = 0,
        signature: Annotated[str, Query(max_length=128)] = "",
    ) -> Response:
        carried = await _open(pool, reader, recorder, employee, carry, expires, signature, now())
        if carried is None:
            return _closed(request)
        return render(
            "record.html",
            person=carried.person,
            timeline=carried.shown,
            left_out=carried.left_out,
            issuer=_need(recorder).issuer,
            credential=f"/records/{employee}/credential?{request.url.query}",
        )

    @routes.get("/{employee}/credential", include_in_schema=False)
    async def credential_of(
        request: Request,
        employee: Employee,
        carry: Carry = "team",
        expires: Annotated[int, Query(ge=0, le=10**11)] = 0,
        signature: Annotated[str, Query(max_length=128)] = "",
    ) -> Response:
        carried = await _open(pool, reader, recorder, employee, carry, expires, signature, now())
        if carried is None or recorder is None:
            return _closed(request)
        payload = credential(recorder.issuer, carried.person.name, carried.moments, id_=uuid4(), now=now())
        return Response(
            signed(payload, recorder.keys),
            media_type=MEDIA_TYPE,
            headers={
                "Content-Disposition": 'attachment; filename="record-of-recognition.jwt"',
                "Cache-Control": "no-store",
                "X-Content-Type-Options": "nosniff",
            },
        )

    return routes


async def _open(
    pool: Pool,
    reader: Reader,
    recorder: Recorder | None,
    employee: str,
    carry: Carry,
    expires: int,
    signature: str,
    now: datetime,
) -> Carried | None:
    """What a link opens; None for a bad link and after an erasure alike."""
    if recorder is None or not recorder.signer.record_is_good(employee, carry, expires, signature, now):
        return None
    async with pool.acquire() as connection, connection.transaction(readonly=True):
        if any(one.scope for one in await erasing.read_known(connection, employee)):
            return None
    async with reader.as_employee(employee) as theirs:
        person = await reading.person(theirs, employee, now.date())
        page = reading.Page(limit=ENTRIES_MAX, kind="recognition")
        entries = await reading.own_history(theirs, employee, page)
    return _carried(person or reading.Person(employee, employee, None, None, "UTC"), entries, carry)


def _carried(person: reading.Person, entries: Sequence[view.Entry], carry: Carry) -> Carried:
    standing = [e for e in entries if not (e.withdrawn or e.erased or e.kept_from_others)]
    wide = [e for e in standing if VISIBILITIES[e.visibility or "private"] >= VISIBILITIES[carry]]
    shown = timeline.build([_without_private_name(entry) for entry in wide], zone_of(person.timezone))
    moments = [moment for month in shown.months for moment in month.moments]
    return Carried(person, moments, shown, len(standing) - len(wide))


def _without_private_name(entry: view.Entry) -> view.Entry:
    """Who wrote in private agreed to be read by one person: others may read the words, not whose they are."""
    if not entry.private:
        return entry
    return entry.model_copy(update={"giver": None, "giver_name": None, "giver_is_manager": False})


def _need(recorder: Recorder | None) -> Recorder:
    if recorder is None:
        raise _nothing()
    return recorder


def _nothing() -> Problem:
    return Problem(404, "NOT_FOUND", "There is nothing here.")


def _closed(request: Request) -> Response:
    if "text/html" in request.headers.get("accept", ""):
        return render("closed.html", 404, title="There is no record here", detail=_CLOSED)
    return problem_response(404, "LINK_BAD", _CLOSED)
