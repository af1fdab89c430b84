"""Kafka record → event with a body that keeps its contract, or why it is refused. Pure and total."""

from dataclasses import dataclass
from datetime import datetime

from aiokafka import ConsumerRecord

from schemas.fields import Contract
from schemas.registry import EventType, SchemaError, read_body
from services.kit import metrics
from services.kit.cloudevents import Event, decode
from services.kit.errors import Code, Refusal, Stage


@dataclass(frozen=True, slots=True)
class Received:
    """An event as it came, and its body as the contract's model."""

    event: Event
    event_type: EventType
    body: Contract


def receive(record: ConsumerRecord, now: datetime) -> Received | Refusal:
    """Decode and validate one record. now: UTC, bounds the event's time."""
    event = decode(record, now)
    if isinstance(event, Refusal):
        return event
    try:
        body = read_body(event.type, event.dataschema, event.data, topic=record.topic)
    except SchemaError as error:
        return Refusal(Code.SCHEMA_BAD, Stage.VALIDATE, str(error))
    if body.fields_ignored:
        metrics.FIELDS_IGNORED.labels(record.topic).inc(body.fields_ignored)
    return Received(event, body.event_type, body.value)
