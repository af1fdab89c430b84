"""Routes of the person page: a signed link sets a cookie, the cookie shows the page. No script, nothing loaded."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Annotated, get_args
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from fastapi import Path as PathParameter
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from services.kit.web import problem_response
from services.ledger import reading
from services.ledger.identity import Reader
from services.ledger.links import COOKIE, COOKIE_SECONDS, RECORD_DAYS, Carry, Signer
from services.ledger.pages import timeline

PAGE_ENTRIES = 200
_FOLDER = Path(__file__).parent
# Our own file: escaping would break its quotes.
_STYLE = Markup((_FOLDER / "style.css").read_text(encoding="utf-8"))  # noqa: S704
_ENVIRONMENT = Environment(
    loader=FileSystemLoader(_FOLDER),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters["named"] = timeline.named
_ENVIRONMENT.filters["month_year"] = lambda day: f"{day:%B %Y}"

Employee = Annotated[str, PathParameter(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]


def render(name: str, status: int = 200, **values: object) -> HTMLResponse:
    """A page with the headers that keep it inert and to itself."""
    nonce = secrets.token_urlsafe(16)
    html = _ENVIRONMENT.get_template(name).render(nonce=nonce, style=_STYLE, **values)
    return HTMLResponse(
        html,
        status,
        headers={
            "Content-Security-Policy": f"default-src 'none'; style-src 'nonce-{nonce}'; img-src data:;"
            " base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
        },
    )


def router(
    reader: Reader, signer: Signer | None, now: Callable[[], datetime], *, records: bool = False
) -> APIRouter:
    """Routes under `/people`. signer: None keeps every page shut. now: UTC. records: the page offers the record."""
    routes = APIRouter(tags=["pages"], include_in_schema=False)

    @routes.get("/people/{employee}/open")
    async def open_page(
        request: Request,
        employee: Employee,
        expires: Annotated[int, Query(ge=0, le=10**11)] = 0,
        signature: Annotated[str, Query(max_length=128)] = "",
    ) -> Response:
        if signer is None or not signer.link_is_good(employee, expires, signature, now()):
            return _closed(request)
        answer = RedirectResponse(f"/people/{employee}", 303, {"Cache-Control": "no-store"})
        answer.set_cookie(
            COOKIE,
            signer.cookie_value(employee, now()),
            max_age=COOKIE_SECONDS,
            path=f"/people/{employee}",
            secure=signer.cookie_secure or request.url.scheme == "https",
            httponly=True,
            samesite="lax",
        )
        return answer

    @routes.get("/people/{employee}")
    async def person_page(request: Request, employee: Employee, before: UUID | None = None) -> Response:
        cookie = request.cookies.get(COOKIE, "")
        if signer is None or not signer.cookie_is_good(employee, cookie, now()):
            return _closed(request)
        async with reader.as_employee(employee) as connection:
            person = await reading.person(connection, employee, now().date())
            page = reading.Page(limit=PAGE_ENTRIES, before=before)
            entries = await reading.own_history(connection, employee, page)
        if person is None:
            person = reading.Person(employee, "Your page", None, None, "UTC")
        earlier = f"/people/{employee}?before={entries[-1].id}" if len(entries) == PAGE_ENTRIES else None
        shown = timeline.build(entries, zone_of(person.timezone))
        record = {
            carry: f"/records/{employee}?{signer.record_query(employee, carry, now(), RECORD_DAYS)}"
            for carry in (get_args(Carry) if records else ())
        }
        return render("person.html", person=person, timeline=shown, earlier=earlier, record=record)

    return routes


def zone_of(name: str) -> tzinfo:
    """A time zone by its IANA name; UTC for one this machine does not know."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError):
        return UTC


def _closed(request: Request) -> Response:
    """The same answer for a forged, a stale and a missing signature, whether the person exists or not."""
    detail = (
        "This page opens by a link made for you, which works for a few minutes."
        " Ask whoever keeps Waystone in your company for a new one."
    )
    if "text/html" in request.headers.get("accept", ""):
        return render("closed.html", 401, title="This link no longer opens", detail=detail)
    return problem_response(401, "LINK_BAD", detail)
