"""The demo wants a Kafka of its own: made-up people do not go among real ones."""

from schemas.topic_files import read_topics
from services.cli.errors import CliError
from services.cli.servers import find_servers, kafka_reader, partitions_of


async def expect_empty(bootstrap_servers: str) -> None:
    """Raise CliError NOT_EMPTY when one of our topics has ever had a record."""
    topics = list(read_topics())
    options = find_servers({"KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers}).need_kafka()
    async with kafka_reader(options) as consumer:
        partitions = await partitions_of(consumer, topics)
        ends = await consumer.end_offsets(partitions) if partitions else {}
    used = sorted({partition.topic for partition, end in ends.items() if end > 0})
    if used:
        raise CliError(
            "NOT_EMPTY",
            f"{used[0]} at {bootstrap_servers} has records already: the demo wants servers of its own"
            " (unset KAFKA_BOOTSTRAP_SERVERS and DATABASE_URL, and it starts them)",
        )
