"""Dead letters as they lie in Kafka: read from the beginning, or from a time on, to where the topics end now."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from services.cli.errors import EXIT_FAULTS, EXIT_UNREACHABLE, CliError
from services.cli.servers import partitions_of

PREFIX = "dlq_"
FETCH_RECORDS_MAX = 500
FETCH_MS = 500
SILENCE_FETCHES_MAX = 60


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One refused record. `record` is the dead letter itself; the rest is what its `dlq_` headers say."""

    record: ConsumerRecord
    of_topic: str
    of_partition: str
    of_offset: str
    group: str
    stage: str
    code: str
    detail: str
    attempts: str
    first_at: str

    @property
    def at(self) -> datetime:
        """When it arrived in its topic, UTC."""
        return datetime.fromtimestamp(self.record.timestamp / 1000, UTC)


def topic_of(service: str) -> str:
    """The dead-letter topic of a service."""
    return f"recognition.dlq.{service}"


def dead_letter_of(record: ConsumerRecord) -> DeadLetter:
    """Read the headers; what is missing is empty."""
    said = {
        name.removeprefix(PREFIX): value.decode("utf-8", "replace")
        for name, value in record.headers
        if name.startswith(PREFIX) and value is not None
    }
    return DeadLetter(
        record,
        of_topic=said.get("topic", ""),
        of_partition=said.get("partition", ""),
        of_offset=said.get("offset", ""),
        **{name: said.get(name, "") for name in ("group", "stage", "code", "detail", "attempts", "first_at")},
    )


async def count_dead_letters(
    consumer: AIOKafkaConsumer, topics: Sequence[str], since: datetime | None = None
) -> int:
    """About how many offsets `read_dead_letters` will pass."""
    starts, ends = await _bounds(consumer, topics, since)
    return sum(ends[partition] - start for partition, start in starts.items())


async def read_dead_letters(
    consumer: AIOKafkaConsumer, topics: Sequence[str], since: datetime | None = None
) -> AsyncIterator[DeadLetter]:
    """Every dead letter of these topics from `since` (time of arrival, UTC) to their present ends.

    Raises CliError TOPIC_MISSING, or KAFKA_STALLED when nothing comes for half a minute.
    """
    positions, ends = await _bounds(consumer, topics, since)
    consumer.assign(list(positions))
    for partition, offset in positions.items():
        consumer.seek(partition, offset)
    silence = 0
    while unread := [p for p in positions if positions[p] < ends[p]]:
        consumer.pause(*(p for p in positions if p not in unread))
        batch = await consumer.getmany(*unread, timeout_ms=FETCH_MS, max_records=FETCH_RECORDS_MAX)
        silence = 0 if batch else silence + 1
        if silence > SILENCE_FETCHES_MAX:
            raise CliError("KAFKA_STALLED", "the broker sends nothing more", EXIT_UNREACHABLE)
        for partition, records in batch.items():
            for record in records:
                if record.offset < ends[partition]:
                    yield dead_letter_of(record)
        for partition in unread:
            # Past the last record may come markers of transactions, which are never handed out.
            positions[partition] = await consumer.position(partition)


async def read_dead_letter(consumer: AIOKafkaConsumer, topic: str, number: int, offset: int) -> DeadLetter:
    """The dead letter at one place. Raises CliError NOT_THERE when there is none."""
    starts, ends = await _bounds(consumer, [topic], None)
    partition = TopicPartition(topic, number)
    if partition not in starts:
        raise CliError("NOT_THERE", f"{topic} has no partition {number}", EXIT_FAULTS)
    if not starts[partition] <= offset < ends[partition]:
        raise CliError(
            "NOT_THERE",
            f"{topic}[{number}] holds offsets {starts[partition]} to before {ends[partition]}",
            EXIT_FAULTS,
        )
    consumer.assign([partition])
    consumer.seek(partition, offset)
    for _ in range(SILENCE_FETCHES_MAX):
        batch = await consumer.getmany(partition, timeout_ms=FETCH_MS, max_records=1)
        for record in batch.get(partition, []):
            if record.offset == offset:
                return dead_letter_of(record)
        if await consumer.position(partition) > offset:
            raise CliError("NOT_THERE", f"no record lies at {topic}[{number}] {offset}", EXIT_FAULTS)
    raise CliError("KAFKA_STALLED", "the broker sends nothing more", EXIT_UNREACHABLE)


async def _bounds(
    consumer: AIOKafkaConsumer, topics: Sequence[str], since: datetime | None
) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int]]:
    """Where to begin and where to end, per partition."""
    known = await consumer.topics()
    for topic in topics:
        if topic not in known:
            raise CliError("TOPIC_MISSING", f"the cluster has no topic {topic}", EXIT_UNREACHABLE)
    partitions = await partitions_of(consumer, topics)
    starts = dict(await consumer.beginning_offsets(partitions))
    ends = dict(await consumer.end_offsets(partitions))
    if since is not None:
        found = await consumer.offsets_for_times(
            {partition: int(since.timestamp() * 1000) for partition in partitions}
        )
        starts = {p: ends[p] if found[p] is None else max(starts[p], found[p].offset) for p in partitions}
    return starts, ends
