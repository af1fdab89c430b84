"""Processes and servers are killed under load: nothing is lost, doubled or reordered, and each mail arrives once.

`make test` kills three times each; `make test-faults` twenty times each, by other seeds. Seed, timeline and figures
of each run are kept under `.local/faults/`.
"""

import random
from functools import partial

import pytest

from tests.faults.scenario import Account, Fault, kill_service, restart_broker, restart_postgres, run

KILLS: list[tuple[str, Fault]] = [
    (f"SIGKILL {service}", partial(kill_service, service))
    for service in ("recognition", "ledger", "notifier")
]
SERVERS: list[tuple[str, Fault]] = [
    ("Postgres restart", restart_postgres),
    ("broker restart", restart_broker),
]


def check(account: Account) -> None:
    result = account.result
    assert result is not None
    assert result.lost == set(), account.timeline
    assert result.invented == set(), account.timeline
    assert result.reordered == [], account.timeline
    assert result.unmailed == set(), account.timeline
    # Mail cannot be exactly once: a send cut off by a kill is repeated once, under the same Message-ID.
    assert sum(count - 1 for count in result.mailed_twice.values()) <= result.doubts, account.timeline


@pytest.mark.timeout(900)
async def test_services_killed_three_times_each_and_servers_restarted_lose_nothing() -> None:
    faults = KILLS * 3
    random.Random(1).shuffle(faults)
    check(await run("faults", 1, [*faults, *SERVERS], events=6_000, per_second=200))


@pytest.mark.faults
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", [11, 12])
async def test_services_killed_twenty_times_each_lose_nothing(seed: int) -> None:
    faults = KILLS * 10
    random.Random(seed).shuffle(faults)
    check(await run("kills", seed, faults, events=30_000, per_second=200))


@pytest.mark.faults
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", [21, 22])
async def test_servers_restarted_twenty_times_each_lose_nothing(seed: int) -> None:
    faults = SERVERS * 10
    random.Random(seed).shuffle(faults)
    check(await run("restarts", seed, faults, events=30_000, per_second=200))
