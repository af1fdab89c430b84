"""A contract's body → the CloudEvent that carries it."""

from datetime import datetime

from schemas.fields import Contract
from schemas.registry import BY_NAME
from services.kit.cloudevents import Event


def compose(name: str, body: Contract, *, id_: str, source: str, time: datetime) -> Event:
    """Build the event of type `name` (e.g. `achievement`) around `body`.

    id_, source: 1–256 printable characters, unique together. time: when it happened, with time zone.
    Fields left at their default are not written.
    """
    event_type = BY_NAME[name]
    return Event(
        id=id_,
        source=source,
        type=event_type.type,
        time=time,
        data=body.model_dump_json(exclude_defaults=True).encode(),
        dataschema=event_type.dataschema,
        partitionkey=event_type.key(body),
    )
