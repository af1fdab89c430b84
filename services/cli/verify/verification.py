"""Verification as a whole: snapshots in the right order, then every check, one after the other."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from aiokafka import TopicPartition

from services.cli.errors import CliError
from services.cli.servers import SERVICES, database_complaints, kafka_complaints, reading
from services.cli.verify import archives, between, proof
from services.cli.verify.checkpoints import CHECKPOINTS
from services.cli.verify.log import Log, Position, compare, look_at
from services.cli.verify.report import Check, Report
from services.cli.verify.within import ENTRIES, POSITIONS, checks_within
from services.kit.sql import Connection

# Readers first: what the ledger's snapshot holds is in recognition's later one, however busy they are.
_ORDER = ("ledger", "notifier", "recognition")
Progress = Callable[[str], None]


def _nothing(_: object) -> None: ...


@dataclass(frozen=True, slots=True)
class Targets:
    """What to look at: URLs of the databases by service."""

    databases: Mapping[str, str]
    kafka: Mapping[str, Any] | None = None
    """Options of a Kafka client; without them the log is not compared."""
    keys: Sequence[bytes] = ()
    """Public keys of checkpoints that are trusted, 32 bytes each; without them those the ledger names itself."""
    archive: Path | None = None
    """Folder of the ledger's archived months; needed when there are any."""


@dataclass(slots=True)
class _Scene:
    """What is open. positions: as each service's snapshot has them. committed: as Kafka had them before that."""

    kafka: Mapping[str, Any]
    log: Log | None = None
    databases: dict[str, Connection] = field(default_factory=dict)
    positions: dict[str, dict[TopicPartition, Position]] = field(default_factory=dict)
    committed: dict[str, dict[TopicPartition, int]] = field(default_factory=dict)
    checkpoint_ends: dict[TopicPartition, int] = field(default_factory=dict)
    """Where the topic of checkpoints ended before the ledger's snapshot."""
    archives: list[Check] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)
    """Why there is no picture of a service, or of `kafka`."""


async def verify(
    targets: Targets,
    progress: Progress = _nothing,
    begin: Callable[[int], None] = _nothing,
    done: proof.Done = _nothing,
) -> Report:
    """Check everything that can be checked of these targets; nothing is written anywhere.

    progress: told the name of each check before it is made. begin: told how many entries will be hashed; done: how
    many more were. May run beside working services: what must be true only
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
        walking = await _walk(scene, targets, begin, done)
        try:
            async for check in _checks(scene, targets, walking, progress):
                report.checks.append(check)
        finally:
            if walking is not None:
                walking.cancel()
                await asyncio.gather(walking, return_exceptions=True)
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
                scene.checkpoint_ends = await _ends(scene.log, CHECKPOINTS)
        except CliError as error:
            scene.log, scene.absent["kafka"] = None, error.sentence
            report.unreachable.append(error.sentence)
    for service in _ORDER:
        if service not in targets.databases:
            scene.absent[service] = f"the {service}'s database is not named"
            continue
        try:
            prepare = partial(_take_in, scene, targets.archive) if service == "ledger" else None
            connection = await stack.enter_async_context(
                reading(service, targets.databases[service], prepare=prepare)
            )
            with database_complaints(service):
                scene.positions[service] = await _positions(connection)
            scene.databases[service] = connection
        except CliError as error:
            if error.code == "ARCHIVE_MISSING":
                raise
            scene.absent[service] = error.sentence
            report.unreachable.append(error.sentence)
    return scene


async def _ends(log: Log, topic: str) -> dict[TopicPartition, int]:
    bounds = await log.bounds(await log.partitions([topic]))
    return {partition: end for partition, (_, end) in bounds.items()}


async def _walk(
    scene: _Scene, targets: Targets, begin: Callable[[int], None], done: proof.Done
) -> asyncio.Future[list[Check]] | None:
    """Begin to hash the ledger's history, beside everything else and on the same snapshot.

    Archived months are in that one connection's own tables: with them it is hashed there, before everything else.
    """
    connection = scene.databases.get("ledger")
    if connection is None:
        return None
    with database_complaints("ledger"):
        begin(await proof.entries_count(connection))
        if scene.archives:
            walked: asyncio.Future[list[Check]] = asyncio.get_running_loop().create_future()
            walked.set_result(await proof.walk_on(connection, targets.keys, done))
            return walked
        snapshot = str(await connection.fetchval(POSITIONS["export_snapshot"]))
    return asyncio.create_task(
        proof.walk(proof.Proof(targets.databases["ledger"], snapshot, targets.keys), done)
    )


async def _take_in(scene: _Scene, folder: Path | None, connection: Connection) -> None:
    if (check := await archives.take_in(connection, folder)) is not None:
        scene.archives.append(check)


async def _positions(connection: Connection) -> dict[TopicPartition, Position]:
    return {
        TopicPartition(row["topic"], row["partition"]): Position(
            row["cluster_id"], row["next_offset"], row["first_offset"]
        )
        for row in await connection.fetch(POSITIONS["positions"])
    }


async def _checks(
    scene: _Scene, targets: Targets, walking: asyncio.Future[list[Check]] | None, progress: Progress
) -> AsyncIterator[Check]:
    # First, while the snapshots are fresh: the log goes on.
    progress("Kafka's own account")
    beside_kafka = {service: await _beside_kafka(scene, service) for service in scene.databases}
    unsettled = {service: await _unsettled(scene, service) for service in ("ledger", "notifier")}
    for service in SERVICES:
        connection = scene.databases.get(service)
        if connection is None:
            yield Check(service, "everything", 0, skipped=scene.absent[service])
            continue
        for check in (*beside_kafka[service], *(scene.archives if service == "ledger" else ())):
            yield check
        with database_complaints(service):
            async for check in checks_within(service, connection, progress):
                yield check
        if service == "ledger" and walking is not None:
            progress("ledger: digests, roots, heads")
            for check in await walking:
                yield check
            progress("ledger: beside the log")
            for check in await _proof_beside_kafka(scene, targets):
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


async def _proof_beside_kafka(scene: _Scene, targets: Targets) -> list[Check]:
    if scene.log is None:
        return [Check("ledger", "proof beside Kafka's log", 0, skipped=scene.absent["kafka"])]
    connection = scene.databases["ledger"]
    with database_complaints("ledger"), kafka_complaints(scene.kafka):
        waiting = await connection.fetchval(POSITIONS["outbox_waiting"])
        return await proof.beside_log(
            connection, scene.log, scene.checkpoint_ends, targets.keys, int(waiting)
        )


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
