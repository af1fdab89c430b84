"""Where partitions stand, in Postgres: claimed by epoch, advanced under a fence, compared with the log."""

from collections.abc import Mapping, Sequence

from aiokafka import TopicPartition

from services.kit.batch import Outcome, Position, Span
from services.kit.errors import Stop
from services.kit.lineage import Lineage
from services.kit.sql import PLUMBING, AnyConnection


async def claim(
    connection: AnyConnection,
    partitions: Sequence[TopicPartition],
    *,
    cluster_id: str,
    beginnings: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
    lineage: Lineage | None = None,
) -> list[Position]:
    """Claim newly assigned partitions and say where each goes on.

    beginnings, ends: first and next offset of the log. Raises Stop `CLUSTER_CHANGED` when the position was stored
    against another Kafka cluster, `OFFSET_LOST` when the log no longer has (or never had) the stored offset,
    `DATABASE_FENCED` when the database is not the one that `lineage` knows as the newest.
    """
    ordered = sorted(partitions)
    lineage = lineage or Lineage()
    async with connection.transaction():
        rows = await connection.fetch(
            PLUMBING["claim_positions"],
            [p.topic for p in ordered],
            [p.partition for p in ordered],
            cluster_id,
            [beginnings[p] for p in ordered],
        )
        await lineage.check(connection)
        positions = []
        for row in rows:
            partition = TopicPartition(row["topic"], row["partition"])
            where, stored = f"{partition.topic}[{partition.partition}]", row["next_offset"]
            if row["cluster_id"] != cluster_id:
                raise Stop("CLUSTER_CHANGED", f"{where}: the stored offset belongs to another Kafka cluster")
            if not beginnings[partition] <= stored <= ends[partition]:
                raise Stop(
                    "OFFSET_LOST",
                    f"{where}: next offset {stored} is outside the log "
                    f"[{beginnings[partition]}, {ends[partition]}]; restore the log or reset the position by hand",
                )
            positions.append(Position(partition, row["epoch"], stored, lineage=lineage))
    return positions


async def advance(connection: AnyConnection, spans: Sequence[Span]) -> list[Span]:
    """Move the stored offsets over these spans; return the spans whose fence did not hold.

    Raises Stop `DATABASE_FENCED` when this server was failed over from.
    """
    await spans[0].position.lineage.check(connection)
    rows = await connection.fetch(
        PLUMBING["advance_positions"],
        [s.position.partition.topic for s in spans],
        [s.position.partition.partition for s in spans],
        [s.position.epoch for s in spans],
        [s.first_offset for s in spans],
        [s.next_offset for s in spans],
    )
    held = {(row["topic"], row["partition"]) for row in rows}
    return [s for s in spans if tuple(s.position.partition) not in held]


async def resolve(connection: AnyConnection, spans: Sequence[Span]) -> None:
    """Why did a fence not hold? Same epoch: an earlier commit, thought lost, is there. Another epoch: lost.

    Raises Stop `POSITION_REWOUND` when the stored offset went back (a restored database): what lies between was
    fetched before and would be missed. A new start reads it again.
    """
    rows = await connection.fetch(
        PLUMBING["read_positions"],
        [s.position.partition.topic for s in spans],
        [s.position.partition.partition for s in spans],
    )
    stored = {(row["topic"], row["partition"]): row for row in rows}
    for span in spans:
        row = stored.get(tuple(span.position.partition))
        if row is None or row["epoch"] != span.position.epoch:
            span.position.lost = True
        elif row["next_offset"] < span.first_offset:
            partition = span.position.partition
            where = f"{partition.topic}[{partition.partition}]"
            raise Stop("POSITION_REWOUND", f"{where}: the database stands at {row['next_offset']} again")
        else:
            # Another task may have moved on since the row was read.
            span.position.next_offset = max(span.position.next_offset, row["next_offset"])


async def record_batches(connection: AnyConnection, spans: Sequence[Span]) -> None:
    """Write the `batch` rows: one per partition, with the outcome of every offset."""
    await connection.execute(
        PLUMBING["insert_batches"],
        [s.position.partition.topic for s in spans],
        [s.position.partition.partition for s in spans],
        [s.position.epoch for s in spans],
        [s.first_offset for s in spans],
        [s.next_offset for s in spans],
        *([s.multirange(outcome) for s in spans] for outcome in Outcome),
    )
