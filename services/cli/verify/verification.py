"""Verification as a whole: snapshots in the right order, then every check, one after the other."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from aiokafka import TopicPartition

from services.cli.errors import CliError
from services.cli.servers import SERVICES, database_complaints, kafka_complaints, reading
from services.cli.verify import between
from services.cli.verify.log import Log, Position, compare, look_at
from services.cli.verify.report import Check, Report
from services.cli.verify.within import ENTRIES, POSITIONS, checks_within
from services.kit.sql import Connection

# Readers first: what the ledger's snapshot holds is in recognition's later one, however busy they are.
_ORDER = ("ledger", "notifier", "recognition")
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Targets:
    """What to look at: URLs of the databases by service."""

    databases: Mapping[str, str]
    kafka: Mapping[str, Any] | None = None
    """Options of a Kafka client; without them the log is not compared."""


@dataclass(slots=True)
class _Scene:
    """What is open. positions: as each service's snapshot has them. committed: as Kafka had them before that."""

    kafka: Mapping[str, Any]
    log: Log | None = None
    databases: dict[str, Connection] = field(default_factory=dict)
    positions: dict[str, dict[TopicPartition, Position]] = field(default_factory=dict)
    committed: dict[str, dict[TopicPartition, int]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    """Why there is no picture of a service, or of `kafka`."""


async def verify(targets: Targets, progress: Progress = lambda _: None) -> Report:
    """Check everything that can be checked of these targets; nothing is written anywhere.

    progress: told the name of each check before it is made. May run beside working services: what must be true only
    when all is read is skipped while it is not, as is what needs a server that is not named or does not answer.
    Raises CliError when a server goes away meanwhile.
    """
    report = Report()
    async with AsyncExitStack() as stack:
        scene = await _open(targets, stack, report)
        for service, connection in scene.databases.items():
            with database_complaints(service):
                report.counts[service] = {
                    row["outcome"]: row["offsets"] for row in await connection.fetch(POSITIONS["outcomes"])
                }
        async for check in _checks(scene, progress):
            report.checks.append(check)
    return report


async def _open(targets: Targets, stack: AsyncExitStack, report: Report) -> _Scene:
    scene = _Scene(targets.kafka or {})
    if not targets.kafka:
        scene.absent["kafka"] = "Kafka is not named"
    else:
        try:
            scene.log = await stack.enter_async_context(look_at(targets.kafka))
            with kafka_complaints(targets.kafka):
                scene.committed = {service: await scene.log.committed(service) for service in _ORDER}
        except CliError as error:
            scene.log, scene.absent["kafka"] = None, error.sentence
            report.unreachable.append(error.sentence)
    for service in _ORDER:
        if service not in targets.databases:
            scene.absent[service] = f"the {service}'s database is not named"
            continue
        try:
            connection = await stack.enter_async_context(reading(service, targets.databases[service]))
            with database_complaints(service):
                scene.positions[service] = await _positions(connection)
            scene.databases[service] = connection
        except CliError as error:
            scene.absent[service] = error.sentence
            report.unreachable.append(error.sentence)
    return scene


async def _positions(connection: Connection) -> dict[TopicPartition, Position]:
    return {
        TopicPartition(row["topic"], row["partition"]): Position(
            row["cluster_id"], row["next_offset"], row["first_offset"]
        )
        for row in await connection.fetch(POSITIONS["positions"])
    }


async def _checks(scene: _Scene, progress: Progress) -> AsyncIterator[Check]:
    # First, while the snapshots are fresh: the log goes on.
    progress("Kafka's own account")
    beside_kafka = {service: await _beside_kafka(scene, service) for service in scene.databases}
    unsettled = {service: await _unsettled(scene, service) for service in ("ledger", "notifier")}
    for service in SERVICES:
        connection = scene.databases.get(service)
        if connection is None:
            yield Check(service, "everything", 0, skipped=scene.absent[service])
            continue
        for check in beside_kafka[service]:
            yield check
        with database_complaints(service):
            async for check in checks_within(service, connection, progress):
                yield check
    async for check in _between(scene, unsettled, progress):
        yield check


async def _between(scene: _Scene, unsettled: Mapping[str, str], progress: Progress) -> AsyncIterator[Check]:
    recognition, ledger, notifier = (scene.databases.get(service) for service in SERVICES)
    if ledger is not None and recognition is not None:
        progress("between recognition and ledger")
        with database_complaints("recognition"):
            async for check in between.entries_as_emitted(recognition, ledger, unsettled["ledger"]):
                yield check
    if ledger is not None and notifier is not None:
        progress("between ledger and notifier")
        with database_complaints("notifier"):
            busy = unsettled["ledger"] or unsettled["notifier"]
            async for check in between.intents_as_recognised(ledger, notifier, busy):
                yield check


async def _beside_kafka(scene: _Scene, service: str) -> list[Check]:
    if scene.log is None:
        return [Check(service, "positions beside Kafka's", 0, skipped=scene.absent["kafka"])]
    with kafka_complaints(scene.kafka):
        return await compare(scene.log, service, scene.positions[service], scene.committed[service])


async def _unsettled(scene: _Scene, service: str) -> str:
    """Why a reader of the entries may not have read all that recognition decided; empty when it has."""
    if service not in scene.databases:
        return scene.absent[service]
    if scene.log is None:
        return scene.absent["kafka"]
    if (recognition := scene.databases.get("recognition")) is not None:
        with database_complaints("recognition"):
            waiting = await recognition.fetchval(POSITIONS["outbox_waiting"])
        if waiting:
            return f"{waiting:,} records wait in recognition's outbox"
    with kafka_complaints(scene.kafka):
        unread = await scene.log.unread(ENTRIES, scene.positions[service])
    return f"the {service} has not read {len(unread)} partitions to their end" if unread else ""
