"""Bodies the API takes and gives about disputes, with examples for its reference page."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from schemas.fields import Words
from services.ledger.api.bodies import ANSWER, ENTRY_EXAMPLE, taken, with_example


class Opening(BaseModel):
    """What disputes an entry."""

    model_config = taken({"reason": "That was Jonas, not me."})

    reason: Words
    """What is wrong with it, for whoever decides. Erasure deletes it."""


class Decision(BaseModel):
    """What ends a dispute."""

    model_config = taken({"accepted": True, "answer": "You are right, it is taken off your history."})

    accepted: bool
    """The person is right: the entry is withdrawn. Otherwise it stays."""
    answer: Words
    """The answer to the person. Erasure deletes it."""


class DisputeAnswer(BaseModel):
    """A dispute, its owner and its end."""

    model_config = with_example(
        {
            "employee": "e-1042",
            "entry": ENTRY_EXAMPLE,
            "owner": "e-1003",
            "reason": "That was Jonas, not me.",
            "opened_at": "2026-11-23T09:30:00Z",
            "due_on": "2026-12-23",
            "state": "open",
            "decided_at": None,
            "answer": None,
        }
    )

    employee: str
    """Whose entry."""
    entry: UUID
    """The entry disputed."""
    owner: str | None
    """Who decides: the lead of the day it was opened; null: HR."""
    reason: str
    """The person's words."""
    opened_at: datetime
    """When."""
    due_on: date
    """Its end: from this day on HR may decide it, too."""
    state: Annotated[str, Field(pattern="^(open|accepted|declined)$")]
    """`open`, `accepted` or `declined`."""
    decided_at: datetime | None
    """When it was decided."""
    answer: str | None
    """The answer to the person."""


class Disputes(BaseModel):
    """Open disputes that wait for the asker's decision, oldest entry first."""

    model_config = ANSWER

    disputes: list[DisputeAnswer]
    """At most `limit` of them."""
    next: str | None
    """Cursor of the following page; null on the last one."""
