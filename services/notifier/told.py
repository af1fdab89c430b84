"""What was told before this database began: the notifier's own deliveries, read back from the log.

A database that was rebuilt or restored does not know what was sent meanwhile; the log does. Deliveries are read to
their end before any entry, and nothing is told until then.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from schemas.models.deliveries import DeliveryV1
from services.kit.sql import AnyConnection
from services.notifier.queries import QUERIES

Place = tuple[UUID, str]
"""A recognition and the person it is told to."""


def place_of(delivery: DeliveryV1) -> Place:
    """What a delivery is about."""
    return UUID(delivery.recognition), delivery.employee


async def keep(connection: AnyConnection, told: Sequence[DeliveryV1], now: datetime) -> set[Place]:
    """Remember what has no intent here, end what has not ended; returns where either happened. now: UTC."""
    recognitions, employees = [UUID(d.recognition) for d in told], [d.employee for d in told]
    kept = await connection.fetch(QUERIES["keep_told"], recognitions, employees)
    channels = [d.channel for d in told]
    ended = await connection.fetch(QUERIES["end_told"], recognitions, employees, channels, now)
    return {(row["recognition"], row["employee"]) for row in (*kept, *ended)}


async def take(connection: AnyConnection, places: Sequence[Place]) -> set[Place]:
    """Those of these recognitions that were told before; the next to know of them is their intent."""
    rows = await connection.fetch(QUERIES["take_told"], [r for r, _ in places], [e for _, e in places])
    return {(row["recognition"], row["employee"]) for row in rows}
