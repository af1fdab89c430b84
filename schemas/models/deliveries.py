"""Events of `recognition.deliveries.v1`: what became of a message."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.fields import Contract, EmployeeId, EntryId


class DeliveryV1(Contract):
    """A message to a person reached a final state. No words, no address."""

    employee: EmployeeId
    """To whom, and the key of the record."""
    recognition: EntryId
    """The entry it told of."""
    channel: Literal["email", "chat"]
    """By which way."""
    state: Literal["sent", "suppressed", "failed", "ambiguous"]
    """How it ended."""
    reason: Annotated[str, Field(max_length=64, pattern=r"^[a-z_]*$")] = ""
    """Why, when it was not sent."""
    attempts: Annotated[int, Field(ge=0, le=1000)] = 0
    """How often it was tried."""
