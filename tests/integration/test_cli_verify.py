"""`waystone verify` on databases filled by the real services: clean as they are, and each tampering named."""

import asyncio
import itertools
import json
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest
import pytest_asyncio

from deploy.local.databases import login_url, with_database
from deploy.local.stack import Stack
from services.cli.__main__ import run
from services.cli.servers import SERVICES
from services.cli.verify.report import Report
from services.cli.verify.verification import Targets, verify
from tests.conftest import Database
from tests.integration.cli_rig import House, story
from tests.integration.cli_tamperings import NEED_KAFKA, TAMPERINGS

_numbers = itertools.count(1)
Tamper = Callable[..., Awaitable[Report]]


@pytest_asyncio.fixture
async def tampered(stack: Stack, house: House) -> AsyncIterator[Tamper]:
    """`await tampered("ledger", "DELETE …")` → report on a clone in which a superuser did that, triggers disabled."""
    admin = await asyncpg.connect(stack.database_url("postgres"))
    made: list[str] = []

    async def tamper(service: str, *statements: str, beside_kafka: bool = False) -> Report:
        name = f"tampered_{os.getpid()}_{next(_numbers)}"
        await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{house.names[service]}"')
        made.append(name)
        assert stack.postgres is not None
        connection = await asyncpg.connect(with_database(stack.postgres.admin_url, name))
        await connection.execute("SET session_replication_role = replica")
        for statement in statements:
            status = await connection.execute(statement)
            assert not status.endswith(" 0"), f"nothing was tampered with: {statement}"
        await connection.close()
        urls = {**house.urls, service: stack.database_url(name)}
        return await verify(Targets(urls, house.kafka if beside_kafka else None, [house.signer.raw]))

    yield tamper
    for name in made:
        await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await admin.close()


def fault_of(report: Report, name: str) -> str:
    """The first fault of the checks of this name, in words."""
    faults = [fault for check in report.checks if check.name == name for fault in check.faults]
    assert faults, f"{name} found nothing; others: {[(c.name, c.faults) for c in report.checks if c.faults]}"
    return f"{faults[0].place}: {faults[0].expected}; {faults[0].found}"


async def test_what_the_services_stored_is_clean_and_everything_was_checked(house: House) -> None:
    report = await verify(house.targets)
    assert [(c.name, c.faults, c.skipped) for c in report.checks if c.faults or c.skipped] == []
    assert report.clean
    assert report.complete
    figures = {(check.service, check.name): check.figures for check in report.checks}
    # A withdrawal that overtakes its original is parked instead of applied.
    outcomes = re.fullmatch(
        r"2\d applied, (?:(\d+) control, )?1 duplicate, ([\d,]+) ignored, [123] parked, 1 rejected",
        figures["recognition", "every offset has one outcome"],
    )
    assert outcomes, figures
    markers = int(outcomes[1] or "0")  # of the transactions that the two tombstones of the erasure came in
    others = int(
        outcomes[2].replace(",", "")
    )  # these tombstones, and what other tests have left in the topics
    assert others >= 2
    assert figures["recognition", "every offset has a batch, once"].startswith(
        f"{25 + markers + others:,} offsets, "
    )
    assert figures["ledger", "entries = applied offsets"] == "21 entries"
    assert figures["ledger", "words there unless erased"] == "20 for 21 entries"
    assert figures["notifier", "intents = messages + suppressed + due"] == "10 = 1 + 9 + 0"


@pytest.mark.parametrize(("service", "statements", "check", "says"), TAMPERINGS)
async def test_a_tampering_is_named(
    tampered: Tamper, service: str, statements: list[str], check: str, says: str
) -> None:
    report = await tampered(service, *statements, beside_kafka=check in NEED_KAFKA)
    assert not report.clean
    assert re.search(says, fault_of(report, check))


async def test_every_check_can_find_a_fault(house: House) -> None:
    report = await verify(house.targets)
    assert {check.name for check in report.checks} == {check for _, _, check, _ in TAMPERINGS}


async def test_faults_of_one_kind_are_counted(tampered: Tamper) -> None:
    report = await tampered("ledger", "DELETE FROM entry WHERE kind = 2")
    [check] = [check for check in report.checks if check.name == "entries = applied offsets"]
    assert check.faults_count == 10
    assert len(check.faults) == 1


async def test_without_kafka_what_depends_on_rest_is_skipped_and_said(house: House) -> None:
    report = await verify(Targets(house.urls))
    skipped = {check.name: check.skipped for check in report.checks if check.skipped}
    assert skipped["emitted entries are in the ledger, alike"] == "Kafka is not named"
    assert report.clean
    assert not report.complete


async def test_a_database_alone_is_checked_alone(house: House) -> None:
    report = await verify(Targets({"ledger": house.urls["ledger"]}))
    assert {check.service for check in report.checks if not check.skipped} == {"ledger"}
    assert report.clean


async def test_servers_that_do_not_answer_are_named(house: House) -> None:
    nowhere = {"bootstrap_servers": ["127.0.0.1:1"], "request_timeout_ms": 1_000}
    urls = {**house.urls, "ledger": "postgresql://nobody:secret@127.0.0.1:1/ledger"}
    report = await verify(Targets(urls, nowhere))
    assert len(report.unreachable) == 2
    assert not any("secret" in sentence for sentence in report.unreachable)
    assert report.clean
    assert not report.complete


async def test_a_database_without_the_schema_is_an_error_that_says_what_to_do(stack: Stack) -> None:
    report = await verify(Targets({"ledger": stack.database_url("postgres")}))
    assert ["python -m services.ledger migrate" in sentence for sentence in report.unreachable] == [True]


async def test_a_role_that_would_see_part_of_it_verifies_nothing(house: House) -> None:
    report = await verify(Targets({"ledger": login_url(house.urls["ledger"], "ledger", "reader")}))
    assert ["row security hides rows of" in sentence for sentence in report.unreachable] == [True]
    assert not any(check.checked for check in report.checks)


async def test_the_writer_s_rights_are_enough_to_verify_all_of_it(house: House) -> None:
    whole = await verify(Targets({"ledger": house.urls["ledger"]}, keys=[house.signer.raw]))
    report = await verify(
        Targets({"ledger": login_url(house.urls["ledger"], "ledger", "writer")}, keys=[house.signer.raw])
    )
    assert report.clean
    assert not report.unreachable
    assert [(c.name, c.checked) for c in report.checks] == [(c.name, c.checked) for c in whole.checks]


async def test_the_command_prints_a_line_a_check_and_ends_with_0(
    house_in_environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await asyncio.to_thread(run, ["verify"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["service", "check", "result", "figures"]
    assert lines[-1] == "clean"
    assert any(re.fullmatch(r"ledger +entries = applied offsets +ok +21 entries", line) for line in lines)


async def test_the_command_names_a_fault_and_ends_with_1(
    house_in_environment: pytest.MonkeyPatch,
    tampered: Tamper,
    stack: Stack,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await tampered("ledger", "UPDATE standing SET received_count = 9 WHERE employee = 'e-1'")
    house_in_environment.setenv(
        "LEDGER_DATABASE_URL", stack.database_url(f"tampered_{os.getpid()}_{next(_numbers) - 1}")
    )
    assert await asyncio.to_thread(run, ["verify"]) == 1
    fault = "FAULT ledger, standing = fold of entries: employee e-1: expected received 2; found received 9"
    assert capsys.readouterr().out.splitlines()[-1] == fault
    assert await asyncio.to_thread(run, ["verify", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["clean"] is False
    assert [fault["place"] for check in told["checks"] for fault in check["faults"]] == ["employee e-1"]


async def test_a_named_server_that_does_not_answer_ends_with_3(
    house_in_environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    house_in_environment.setenv("NOTIFIER_DATABASE_URL", "postgresql://nobody:secret@127.0.0.1:1/notifier")
    assert await asyncio.to_thread(run, ["verify"]) == 3
    captured = capsys.readouterr()
    assert "waystone: UNREACHABLE: the notifier's database does not answer" in captured.err
    assert "secret" not in captured.err + captured.out


# Last, for it moves the groups' committed offsets beyond what the house has stored.
async def test_working_services_are_not_accused(stack: Stack, database: Database) -> None:
    at_work = House(stack, {service: await database(service) for service in SERVICES})
    await at_work.start()
    signing = asyncio.create_task(at_work.checkpoints().run())
    try:
        sending = asyncio.create_task(at_work.send(*story(), *story()))
        for _ in range(6):
            report = await verify(at_work.targets)
            assert [check for check in report.checks if check.faults] == []
        await sending
        await at_work.at_rest()
        report = await verify(at_work.targets)
        assert report.clean
        assert report.counts["recognition"]["duplicate"] >= len(story())
    finally:
        signing.cancel()
        await at_work.stop()
