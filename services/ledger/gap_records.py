"""Gap events as records of `recognition.gaps.v1`."""

from datetime import datetime
from uuid import UUID

from schemas.fields import Contract
from schemas.registry import BY_NAME
from services.kit import cloudevents, ids
from services.kit.batch import Outgoing

SOURCE = "urn:waystone:ledger"


def record(
    name: str, body: Contract, *parts: str, team: str, at: datetime, correlation: str | None = None
) -> Outgoing:
    """One event. name: of its type. parts: with `name` and `at` (UTC) they make its id, always the same."""
    type_ = BY_NAME[name]
    event = cloudevents.Event(
        id=str(ids.derive(at, name, SOURCE, *parts)),
        source=SOURCE,
        type=type_.type,
        time=at,
        data=body.model_dump_json(exclude_none=True).encode(),
        dataschema=type_.dataschema,
        partitionkey=team,
        correlationid=correlation,
    )
    return Outgoing(type_.topic, *cloudevents.encode(event))


def gap_id(opened_at: datetime, metric: str, team: str, employee: str) -> UUID:
    """Id of a gap, which follows from what it is and since when: told again after a rebuild it is the same gap."""
    return ids.derive(opened_at, "gap", metric, team, employee)
