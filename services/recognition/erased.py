"""Typed calls an erasure needs beside those of every batch, one query each."""

from collections.abc import Iterable

from services.kit.sql import AnyConnection
from services.recognition import store
from services.recognition.domain.facts import EventKey


async def read_formers(connection: AnyConnection, employees: Iterable[str]) -> set[str]:
    """Ids these people had before."""
    return {row["former"] for row in await connection.fetch(store.SQL["read_formers"], sorted(employees))}


async def find_awaited_by(connection: AnyConnection, employees: Iterable[str]) -> set[EventKey]:
    """Originals that these people take back and that have not come."""
    rows = await connection.fetch(store.SQL["find_awaited_by"], sorted(employees))
    return {(row["of_source"], row["of_id"]) for row in rows}


async def close_originals(connection: AnyConnection, keys: Iterable[EventKey]) -> None:
    """These were refused because somebody was erased: nothing waits for them, now or later."""
    await connection.execute(store.SQL["close_originals"], *store.columns(keys))
