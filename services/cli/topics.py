"""`waystone topics`: what each Kafka topic carries, as its topic file says."""

from dataclasses import asdict

from schemas.topic_files import Topic, read_topics
from services.cli.output import JsonOption, print_json, print_table

_COLUMNS = ("topic", "key", "partitions", "retention", "types")


def topics(as_json: JsonOption = False) -> None:
    """List the topics: name, key, partitions, clean-up, retention, types."""
    files = read_topics().values()
    if as_json:
        print_json([asdict(topic) for topic in files])
        return
    print_table(_COLUMNS, [_row(topic) for topic in files])


def _row(topic: Topic) -> tuple[object, ...]:
    retention = f"{topic.retention_days} days" if topic.retention_days is not None else "unlimited"
    names = (type_.removeprefix("dev.waystone.") for type_ in topic.types)
    return (
        topic.topic,
        topic.key,
        topic.partitions,
        retention if topic.cleanup == "delete" else "newest of each key",
        ", ".join(names) or "(as they came)",
    )
