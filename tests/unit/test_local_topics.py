"""Topic files as the local stack reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local.errors import StackError
from deploy.local.topics import read_topic, read_topics

TOPIC = """
topic: recognition.example.v1
partitions: 8
cleanup: {cleanup}
retention_days: {retention_days}
max_message_bytes: 1114112
config: {config}
"""


def topic_file(
    folder: Path, cleanup: str = "delete", retention_days: str = "30", config: str = "null"
) -> Path:
    path = folder / "example.yaml"
    path.write_text(TOPIC.format(cleanup=cleanup, retention_days=retention_days, config=config))
    return path


def test_retention_in_days_reaches_the_broker_in_milliseconds(tmp_path: Path) -> None:
    assert read_topic(topic_file(tmp_path)).broker_config() == {
        "cleanup.policy": "delete",
        "retention.ms": "2592000000",
        "max.message.bytes": "1114112",
    }


def test_no_retention_means_for_ever(tmp_path: Path) -> None:
    assert read_topic(topic_file(tmp_path, retention_days="null")).broker_config()["retention.ms"] == "-1"


def test_further_settings_are_written_as_kafka_reads_them(tmp_path: Path) -> None:
    config = "{preallocate: true, segment.ms: 3600000}"
    settings = read_topic(topic_file(tmp_path, cleanup="compact", config=config)).broker_config()
    assert settings["preallocate"] == "true"
    assert settings["segment.ms"] == "3600000"


@pytest.mark.parametrize("content", ["", "topic: a", "[1, 2]", "topic: {", "topic: a\npartitions: many"])
def test_a_file_that_is_no_topic_file_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(content)
    with pytest.raises(StackError, match=r"broken\.yaml") as caught:
        read_topic(path)
    assert caught.value.code == "TOPIC_FILE_BAD"


def test_every_topic_file_of_the_contracts_can_be_read() -> None:
    topics = read_topics()
    assert "recognition.achievements.v1" in [topic.name for topic in topics]
    assert all(topic.partitions > 0 for topic in topics)
