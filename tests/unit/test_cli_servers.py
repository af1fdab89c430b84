"""Which servers a command works on: all that the environment names, or all of the local stack's, never some of each."""

import pytest

from services.cli import servers
from services.cli.errors import CliError
from services.cli.servers import find_servers, with_brokers

LOCAL = {
    "running": True,
    "bootstrap_servers": "local:9092",
    "database_urls": {"ledger": "postgresql://local/ledger"},
}


@pytest.fixture(autouse=True)
def _a_local_stack_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "_local_state", lambda: LOCAL)


def test_where_nothing_is_named_the_local_stack_is_used() -> None:
    found = find_servers({})
    assert found.databases == {"ledger": "postgresql://local/ledger"}
    assert found.need_kafka()["bootstrap_servers"] == ["local:9092"]
    assert with_brokers({"LANES": "3"}) == {"LANES": "3", "KAFKA_BOOTSTRAP_SERVERS": "local:9092"}


def test_databases_that_are_named_are_not_compared_with_the_local_stacks_kafka() -> None:
    named = {"LEDGER_DATABASE_URL": "postgresql://other/ledger"}
    found = find_servers(named)
    assert found.databases == {"ledger": "postgresql://other/ledger"}
    assert not found.kafka
    assert with_brokers(named) == named


def test_a_kafka_that_is_named_is_not_compared_with_the_local_stacks_databases() -> None:
    named = {"KAFKA_BOOTSTRAP_SERVERS": "other:9092"}
    found = find_servers(named)
    assert found.need_kafka()["bootstrap_servers"] == ["other:9092"]
    assert with_brokers(named) == named
    with pytest.raises(CliError, match="set no server at all and start the local stack"):
        found.need_databases()


def test_brokers_named_in_a_file_are_named() -> None:
    named = {"KAFKA_BOOTSTRAP_SERVERS_FILE": "/run/brokers"}
    assert with_brokers(named) == named
