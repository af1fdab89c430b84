"""What the broker is told of a topic file."""

from dataclasses import replace
from pathlib import Path

import pytest

from deploy.local import topics
from deploy.local.errors import StackError
from schemas import topic_files
from schemas.topic_files import Topic

TOPIC = Topic(
    topic="recognition.example.v1", description="", types=(), key="", partitions=8, cleanup="delete", retention_days=30,
    max_message_bytes=1_114_112, dlq=None, producers=(), consumers=(),
)  # fmt: skip


def test_retention_in_days_reaches_the_broker_in_milliseconds() -> None:
    assert topics.broker_config(TOPIC) == {
        "cleanup.policy": "delete",
        "retention.ms": "2592000000",
        "max.message.bytes": "1114112",
    }


def test_no_retention_means_for_ever() -> None:
    assert topics.broker_config(replace(TOPIC, retention_days=None))["retention.ms"] == "-1"


def test_further_settings_reach_the_broker_as_they_are() -> None:
    told = topics.broker_config(replace(TOPIC, config={"max.compaction.lag.ms": "86400000"}))
    assert told["max.compaction.lag.ms"] == "86400000"


async def test_a_file_that_is_no_topic_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.yaml").write_text("topic: {")
    monkeypatch.setattr(topics, "read_topics", lambda: topic_files.read_topics(tmp_path))
    with pytest.raises(StackError, match=r"broken\.yaml") as caught:
        await topics.create_topics("nowhere:1")
    assert caught.value.code == "TOPIC_FILE_BAD"
