"""A person's rights over HTTP: everything held about them, and being forgotten.

The person exports their own data with their words (scope `self`). HR (scope `hr`) erases, sees the receipt, and
exports without words: words of a private note are for its giver and its recipient, and for nobody else.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import uuid4

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from schemas.models.erasures import ErasureV1
from schemas.registry import BY_NAME
from services.kit import cloudevents, logs, outbox
from services.kit.auth import Principal
from services.kit.batch import Outgoing
from services.kit.web import Problem
from services.ledger import erasing, export
from services.ledger.api.access import Access, Employee, not_found, require, router
from services.ledger.domain import ERASURE_SCOPES
from services.ledger.receipt import Receipt, receipt_of

SOURCE = "urn:waystone:ledger"
_ERASURE = BY_NAME["erasure"]
_log = logs.get("privacy")


class ErasureRequest(BaseModel):
    """How far an erasure is to reach."""

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={"examples": [{"scope": "received", "request": "case-2026-031"}]},
    )

    scope: Literal["received", "given"] = "received"
    """`received`: words they received go, words they gave stay under "a former colleague". `given`: those go, too."""
    request: Annotated[str, Field(max_length=200, pattern=r"^[A-Za-z0-9._/#:-]*$")] = ""
    """Reference of the request, e.g. a case number. No personal data."""


class ErasureAccepted(BaseModel):
    """The erasure is on its way to the three services."""

    model_config = ConfigDict(
        frozen=True,
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [
                {"employee": "e-0931", "scope": "received", "event": "0b0f6b7e-4a4e-4f0e-9a57-6a0b8c8f4a52"}
            ]
        },
    )

    employee: str
    """Who."""
    scope: Literal["received", "given"]
    """How far: never less far than before."""
    event: str
    """Id of the erasure event, which the reports name."""


def routes(access: Access) -> APIRouter:
    """For HR and for the person. They read as the writer: a receipt and an export are of people nobody here leads."""
    found = router("privacy", 403, 409)
    pool = access.writer
    Asker = Annotated[Principal, Depends(access.asker)]  # noqa: N806 - a type

    @found.post("/people/{id}/erasure", status_code=202, summary="Forget a person, in all three services.")
    async def erase(
        employee: Employee, asker: Asker, wanted: ErasureRequest, response: Response
    ) -> ErasureAccepted:
        """Needs scope `hr`. It cannot be taken back. `FORMER_ID` (409): erase the person under their present id,
        which erases their former ones as well."""
        require(asker, "hr")
        event_id = str(uuid4())
        async with pool.acquire() as connection, connection.transaction():
            if (present := await erasing.present_id(connection, employee)) is not None:
                raise Problem(
                    409, "FORMER_ID", f"This is a former id of {present}: erase them under that one."
                )
            known = await erasing.read_known(connection, employee)
            before = max((one.scope or 0 for one in known if one.employee == employee), default=0)
            # The log keeps a person's newest erasure only, so it never asks for less than one before.
            scope = "given" if before == ERASURE_SCOPES["given"] else wanted.scope
            erasure = ErasureV1(employee=employee, scope=scope, request=wanted.request)
            await outbox.append(connection, [_event(erasure, event_id, access.now())])
        _log.info("an erasure was asked for", route="/v1/people/{id}/erasure", event_id=event_id)
        response.headers["Location"] = f"/v1/people/{employee}/erasure"
        return ErasureAccepted(employee=employee, scope=scope, event=event_id)

    @found.get("/people/{id}/erasure", summary="The receipt of an erasure.")
    async def receipt(employee: Employee, asker: Asker) -> Receipt:
        """Needs scope `hr`. Complete when all three services have reported, for the person and each former id; then
        it names the last days on which Kafka and backups may still hold something."""
        require(asker, "hr")
        async with pool.acquire() as connection, connection.transaction(readonly=True):
            told = receipt_of(employee, await erasing.read_known(connection, employee))
        if told is None:
            raise not_found()
        return told

    @found.get("/people/{id}/export", summary="Everything the ledger holds about a person.")
    async def export_person(employee: Employee, asker: Asker) -> export.Export:
        """For the person (scope `self`), words included; for HR (scope `hr`) without words. What the other two
        services hold is added by an operator: `waystone export`."""
        own = "self" in asker.scopes and asker.subject == employee
        if not own and "hr" not in asker.scopes:
            raise not_found()
        async with access.reader.as_employee(employee) as theirs:
            history = await export.own_history(theirs, employee)
        async with pool.acquire() as connection, connection.transaction(readonly=True):
            held = await export.gather(connection, employee, history, words=own)
        _log.info("an export was made", route="/v1/people/{id}/export", status=200)
        return held

    return found


def _event(erasure: ErasureV1, event_id: str, now: datetime) -> Outgoing:
    event = cloudevents.Event(
        id=event_id,
        source=SOURCE,
        type=_ERASURE.type,
        time=now,
        data=erasure.model_dump_json().encode(),
        dataschema=_ERASURE.dataschema,
        partitionkey=erasure.employee,
    )
    return Outgoing(_ERASURE.topic, *cloudevents.encode(event))
