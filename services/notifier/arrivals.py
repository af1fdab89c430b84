"""Kafka record → what arrived, or why it is refused; and what a handler asks of it."""

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from aiokafka import ConsumerRecord

from schemas.fields import Contract
from schemas.models.entries import RecognitionV1
from schemas.models.people import PersonV1
from schemas.models.preferences import PreferencesV1
from services.kit.batch import Item
from services.kit.cloudevents import Event
from services.kit.errors import Code, Refusal, Stage
from services.kit.receive import Received, receive
from services.kit.tombstone import Tombstone, read_tombstone

_REMOVABLE: dict[str, type[Contract]] = {
    "recognition.people.v1": PersonV1,
    "recognition.preferences.v1": PreferencesV1,
}
_ENTRY_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.ASCII)

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Removal:
    """A record of this model was taken away."""

    of: type[Contract]
    gone: Tombstone


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event or a removal, and when it arrived here (UTC). The same on every try to store its batch.

    digest: HMAC-SHA-256 of an event's body, which tells another body under a known id; empty of a removal.
    """

    happened: Received | Removal
    arrived_at: datetime
    digest: bytes = b""


def arrive(record: ConsumerRecord, now: datetime, digest_key: bytes) -> Arrival | Refusal:
    """Record → event or removal with its arrival, or why it is refused. Pure and total. now: UTC.

    digest_key: of the HMAC over bodies; short words could be guessed from a plain digest.
    """
    if not record.value and (model := _REMOVABLE.get(record.topic)):
        gone = read_tombstone(record, now)
        return gone if isinstance(gone, Refusal) else Arrival(Removal(model, gone), now)
    received = receive(record, now)
    if isinstance(received, Refusal):
        return received
    if isinstance(received.body, RecognitionV1) and not _ENTRY_ID.fullmatch(received.event.id):
        return Refusal(Code.SCHEMA_BAD, Stage.VALIDATE, "id of a recognition is not a UUIDv8")
    return Arrival(received, now, hmac.digest(digest_key, received.event.data, "sha256"))


Items = Sequence[Item[Arrival]]


def body_of(item: Item[Arrival]) -> object:
    """The event's body, or the removal."""
    happened = arrival_of(item).happened
    return happened if isinstance(happened, Removal) else happened.body


def removes(body: object, of: type[Contract]) -> bool:
    """Is it the removal of such a record?"""
    return isinstance(body, Removal) and body.of is of


def expect(item: Item[Arrival], model: type[R]) -> R:
    """Its body, known to be of this model."""
    body = body_of(item)
    assert isinstance(body, model)
    return body


def arrival_of(item: Item[Arrival]) -> Arrival:
    """What an item brings."""
    assert isinstance(item.decoded, Arrival), "the kit hands over accepted items only"
    return item.decoded


def event_of(item: Item[Arrival]) -> Event:
    """The event an item brings."""
    happened = arrival_of(item).happened
    assert isinstance(happened, Received), "a removal is no event"
    return happened.event
