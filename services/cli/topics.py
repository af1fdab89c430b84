"""`waystone topics`: what each Kafka topic carries, as its topic file says."""

from importlib import resources
from typing import Any

import yaml

from services.cli.output import JsonOption, print_json, print_table

_COLUMNS = ("topic", "key", "partitions", "cleanup", "retention", "types")


def topics(as_json: JsonOption = False) -> None:
    """List the topics: name, key, partitions, clean-up, retention, types."""
    files = read_topic_files()
    if as_json:
        print_json(files)
        return
    print_table(_COLUMNS, [_row(topic) for topic in files])


def read_topic_files() -> list[dict[str, Any]]:
    """All topic files, by name of the topic."""
    folder = resources.files("schemas") / "topics"
    texts = [file.read_text(encoding="utf-8") for file in folder.iterdir() if file.name.endswith(".yaml")]
    return sorted((yaml.safe_load(text) for text in texts), key=lambda topic: str(topic["topic"]))


def _row(topic: dict[str, Any]) -> tuple[object, ...]:
    days = topic["retention_days"]
    retention = f"{days} days" if days is not None else "unlimited"
    names = (type_.removeprefix("dev.waystone.") for type_ in topic["types"])
    return (
        topic["topic"],
        topic["key"],
        topic["partitions"],
        topic["cleanup"],
        retention if topic["cleanup"] == "delete" else "newest of each key",
        ", ".join(names) or "(as they came)",
    )
