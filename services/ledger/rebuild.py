"""Every projection made anew from history while the ledger goes on writing: standing, days, deeds, withdrawals.

A few hundred people at a time, in one short transaction each: lock them as a writer would, fold their entries, write
what differs. Readers see a person's old rows or the new ones. Why this is exact: docs/decisions/0013.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from services.kit.errors import Stop
from services.kit.sql import AnyConnection, Queries

PEOPLE_PER_STEP = 500
# A step loses a deadlock or a lock to a writer now and then; more often in a row means something else is wrong.
_ATTEMPTS_MAX = 20
_LOCK_WAIT = "SET lock_timeout = '10s'"
_SQL = Queries(Path(__file__).parent / "sql" / "rebuild.sql")
# What no longer counts comes first, for everybody: the giver of a withdrawn recognition is folded by it.
_WITHDRAWALS = {
    "withdrawal": ("remove_withdrawals", "add_withdrawals"),
    "standing": ("mark_withdrawn",),
}
_FOLDS = {
    "standing": ("fold_standing",),
    "recognition_day": ("remove_days", "fold_days"),
    "deed": ("remove_deeds", "fold_deeds"),
}
_PASSES = (_WITHDRAWALS, _FOLDS)


@dataclass(slots=True)
class Rebuilt:
    """What a rebuild found. people: looked at. changed: rows written or removed, by table; 0 where all was right."""

    people: int = 0
    changed: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("withdrawal", "standing", "recognition_day", "deed"), 0)
    )


async def rebuild(
    connection: AnyConnection,
    *,
    progress: Callable[[int], None] = lambda _: None,
    people_per_step: int = PEOPLE_PER_STEP,
) -> Rebuilt:
    """Rebuild all projections. connection: the owner's, outside a transaction. progress: told people done, per step.

    Everybody is gone through twice. Broken off, it leaves right what it has done; begin again.
    Raises Stop `REBUILD_RUNNING` when another one is under way.
    """
    if not await connection.fetchval(_SQL["hold_lock"]):
        raise Stop("REBUILD_RUNNING", "another rebuild of this database is under way")
    try:
        await connection.execute(_LOCK_WAIT)
        result = Rebuilt()
        for statements in _PASSES:
            result.people = 0
            after = ""
            while people := await _next_people(connection, after, people_per_step):
                await _step(connection, people, statements, result)
                after = people[-1]
                result.people += len(people)
                progress(len(people))
        return result
    finally:
        with suppress(asyncpg.InterfaceError, asyncpg.PostgresError, OSError):
            await connection.execute("RESET lock_timeout")
            await connection.execute(_SQL["release_lock"])


async def people_to_pass(connection: AnyConnection) -> int:
    """About how many people `progress` will be told of in all."""
    return len(_PASSES) * int(await connection.fetchval(_SQL["count_people"]))


async def _next_people(connection: AnyConnection, after: str, limit: int) -> list[str]:
    return [row["employee"] for row in await connection.fetch(_SQL["next_people"], after, limit)]


async def _step(
    connection: AnyConnection, people: Sequence[str], statements: dict[str, tuple[str, ...]], result: Rebuilt
) -> None:
    await connection.execute(_SQL["add_missing"], people)
    for attempt in range(_ATTEMPTS_MAX):
        try:
            async with connection.transaction(isolation="read_committed"):
                await connection.fetch(_SQL["lock_people"], people)
                changed = {
                    table: [_rows(await connection.execute(_SQL[name], people)) for name in names]
                    for table, names in statements.items()
                }
        except (asyncpg.DeadlockDetectedError, asyncpg.LockNotAvailableError):
            if attempt == _ATTEMPTS_MAX - 1:
                raise
        else:
            for table, counts in changed.items():
                result.changed[table] += sum(counts)
            return


def _rows(status: str) -> int:
    """Rows a statement touched, from its command tag: `UPDATE 3`, `INSERT 0 3`, `DELETE 3`."""
    return int(status.rsplit(" ", 1)[-1])
