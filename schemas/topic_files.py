"""Topic files: one YAML file per topic, which the local stack, deployments, tests and documents read.

Only the generator and the tests come here; services run without YAML, so it is imported where it is read.
"""

from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Literal, get_args

Principal = Literal["recognition", "ledger", "notifier", "systems", "reader"]
"""Who writes or reads: the three services, the systems around them, and whoever only looks."""
SERVICES: tuple[str, ...] = ("recognition", "ledger", "notifier")
FOLDER = Path(__file__).parent / "topics"
DAY_MS = 24 * 60 * 60 * 1000
_CLEANUPS = ("delete", "compact")


class TopicFileError(ValueError):
    """A topic file does not say what it must; the message names the file and the key."""


@dataclass(frozen=True, slots=True)
class Topic:
    """What a topic promises. `schemas/README.md` explains each key."""

    topic: str
    description: str
    types: tuple[str, ...]
    key: str
    partitions: int
    cleanup: str
    retention_days: int | None
    max_message_bytes: int
    dlq: str | None
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    config: dict[str, str] = field(default_factory=dict)

    @property
    def retention_ms(self) -> int:
        """Retention as Kafka has it; -1 is without limit."""
        return -1 if self.retention_days is None else self.retention_days * DAY_MS


def read_topics(folder: Path = FOLDER) -> dict[str, Topic]:
    """Every topic file of a folder, by topic. Raises TopicFileError at the first that is not one."""
    topics = [read_topic(path) for path in sorted(folder.glob("*.yaml"))]
    return {topic.topic: topic for topic in topics}


def read_topic(path: Path) -> Topic:
    """One topic file. Raises TopicFileError."""
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        raise TopicFileError(f"topics/{path.name}: not YAML") from None
    if not isinstance(content, dict):
        raise TopicFileError(f"topics/{path.name}: not a mapping")
    required = {f.name for f in fields(Topic) if f.default_factory is MISSING}
    for missing in sorted(required - content.keys()):
        raise TopicFileError(f"topics/{path.name}: {missing} is missing")
    for unknown in sorted(content.keys() - required - {"config"}):
        raise TopicFileError(f"topics/{path.name}: {unknown} is not a key of a topic file")
    for name in ("types", "producers", "consumers"):
        if not isinstance(content[name], list):
            raise TopicFileError(f"topics/{path.name}: {name} is not a list")
        content[name] = tuple(content[name])
    topic = Topic(**content)
    _check(topic, path)
    return topic


def _check(topic: Topic, path: Path) -> None:
    faults = {
        "topic is not the file's name": topic.topic != path.stem,
        f"cleanup is none of {', '.join(_CLEANUPS)}": topic.cleanup not in _CLEANUPS,
        "partitions is not a number from 1": not _is_count(topic.partitions),
        "max_message_bytes is not a number from 1": not _is_count(topic.max_message_bytes),
        "retention_days is neither null nor a number from 1": topic.retention_days is not None
        and not _is_count(topic.retention_days),
        "a compacted topic has no retention_days": topic.cleanup == "compact"
        and topic.retention_days is not None,
        "config holds something other than strings": not isinstance(topic.config, dict)
        or not all(isinstance(value, str) for value in topic.config.values()),
        "nobody produces": not topic.producers,
        "nobody consumes": not topic.consumers,
        "a producer or consumer is not a principal": not {*topic.producers, *topic.consumers}
        <= set(get_args(Principal)),
    }
    for fault, found in faults.items():
        if found:
            raise TopicFileError(f"topics/{path.name}: {fault}")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
