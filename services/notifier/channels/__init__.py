"""Ways to reach people. Each is set up once, sends one parcel at a time or many side by side, and is stopped."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from services.notifier.letter import Letter


@dataclass(frozen=True, slots=True)
class Sent:
    """The server took the message."""

    code: str = "ok"


@dataclass(frozen=True, slots=True)
class Temporary:
    """The server did not take it now. retry_after_seconds: how long it asks the whole channel to wait."""

    code: str
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Permanent:
    """The server will never take it."""

    code: str


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """All of it was handed over and no answer came: it may have arrived."""

    code: str


Result = Sent | Temporary | Permanent | Ambiguous
"""`code` is short, of the protocol, and never holds what a server said: that may repeat an address."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message to one address. The same `message` always gives the same Message-ID."""

    message: UUID
    address: str
    letter: Letter
    reply_to: str | None = None
    page_url: str | None = None


class Channel(Protocol):
    """One way to reach people. `send` raises nothing that is to be expected of a network: results are values."""

    async def set_up(self) -> None:
        """Prepare; does not wait for the server."""

    async def send(self, parcel: Parcel) -> Result:
        """Hand one message over."""
        ...

    async def stop(self) -> None:
        """Let go of connections."""
