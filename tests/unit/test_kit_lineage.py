"""A database server that was failed over from is told by its timeline, whoever remembers the higher one."""

from typing import Any

import pytest

from services.kit.errors import Stop
from services.kit.lineage import Lineage

SYSTEM = 7_300_000_000_000_000_000


class Server:
    """What a server says of itself."""

    def __init__(self, system: int, timeline: int) -> None:
        self._row = {"system": system, "timeline": timeline}

    async def fetchrow(self, _: str) -> dict[str, int]:
        return self._row


async def check(lineage: Lineage, system: int, timeline: int) -> None:
    server: Any = Server(system, timeline)
    await lineage.check(server)


async def test_a_promoted_standby_is_followed_and_the_former_primary_refused() -> None:
    lineage = Lineage()
    await check(lineage, SYSTEM, 1)
    await check(lineage, SYSTEM, 2)
    with pytest.raises(Stop, match="DATABASE_FENCED"):
        await check(lineage, SYSTEM, 1)
    await check(lineage, SYSTEM, 2)


async def test_a_new_process_learns_from_what_was_kept() -> None:
    before = Lineage()
    await check(before, SYSTEM, 3)
    lineage = Lineage()
    for kept in ("", before.text, Lineage(SYSTEM, 2).text, "postgres 1 timeline 9"):
        lineage.learn(kept)
    assert lineage == Lineage(SYSTEM, 3)
    with pytest.raises(Stop, match="DATABASE_FENCED"):
        await check(lineage, SYSTEM, 2)


async def test_a_database_restored_from_a_dump_is_another_system_and_no_failover() -> None:
    lineage = Lineage(SYSTEM, 5)
    await check(lineage, SYSTEM + 1, 1)
    assert lineage == Lineage(SYSTEM + 1, 1)


@pytest.mark.parametrize(
    "kept", ["timeline 3", "postgres x timeline 1", "postgres 1 timeline 2 ", "postgres ١ timeline 1"]
)
def test_what_others_kept_beside_their_offsets_is_no_news(kept: str) -> None:
    lineage = Lineage()
    lineage.learn(kept)
    assert lineage == Lineage()
    assert not lineage.text
