"""The topic files keep the promises of the architecture, and the keys in code are the keys they name."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from schemas.models.corrections import WithdrawalV1
from schemas.registry import EVENT_TYPES, EventType, read_body
from schemas.topic_files import SERVICES, Topic
from services.kit.erasure import KAFKA_FORGETS_AFTER
from tests.contract.contract_bodies import encode, example_bodies

KEYS: dict[str, Callable[[Any], str]] = {
    "employee": lambda body: body["employee"],
    "first recipient": lambda body: body["to"][0],
    "goal": lambda body: body["goal"],
    "team": lambda body: body["team"],
    "partition": lambda body: str(body["partition"]),
    "what it corrects": lambda body: f"{body['of']['source']} {body['of']['id']}",
}
KEPT_WITHOUT_LIMIT = {"purpose", "people", "preferences", "erasures", "erasure-reports", "checkpoints"}
COMPACTED = {"people", "preferences", "erasures"}
INPUTS = {
    "achievements", "thank-you-notes", "milestones", "assignments", "goals", "purpose", "people", "preferences",
    "corrections", "erasures",
}  # fmt: skip
READ_BY = {
    "recognition": INPUTS,
    "ledger": {"entries", "people", "preferences", "erasures", "erasure-reports", "deliveries"},
    "notifier": {"entries", "gaps", "people", "preferences", "erasures", "deliveries"},
}
WRITTEN_BY = {
    "recognition": INPUTS | {"entries", "erasure-reports"},
    "ledger": {"gaps", "checkpoints", "erasures", "erasure-reports"},
    "notifier": {"deliveries", "erasure-reports", "preferences", "goals"},
    "systems": INPUTS,
}


def short(topic: Topic) -> str:
    return topic.topic.removeprefix("recognition.").removesuffix(".v1")


def test_a_types_key_is_the_one_its_topic_file_names(event_type: EventType, topics: dict[str, Topic]) -> None:
    topic = topics[event_type.topic]
    for body in example_bodies(event_type):
        value = read_body(event_type.type, None, encode(body)).value
        assert event_type.key(value) == KEYS[topic.key](body)


def test_a_withdrawal_of_an_event_with_a_long_name_still_has_a_key_of_its_own() -> None:
    [withdrawal] = [event for event in EVENT_TYPES if event.name == "withdrawal"]

    def key(id_: str) -> str:
        return withdrawal.key(WithdrawalV1.model_validate({"of": {"source": "s" * 256, "id": id_}}))

    assert len(key("a" * 256)) == 64
    assert key("a" * 256) != key("b" * 256)


def test_a_topic_file_holds_exactly_the_types_that_belong_there(topic_file: Topic) -> None:
    assert sorted(topic_file.types) == sorted(e.type for e in EVENT_TYPES if e.topic == topic_file.topic)


def test_a_topic_is_kept_as_long_as_the_architecture_says(topic_file: Topic) -> None:
    name = short(topic_file)
    assert topic_file.retention_days == (None if name in KEPT_WITHOUT_LIMIT else 30)
    assert topic_file.cleanup == ("compact" if name in COMPACTED else "delete")


def test_a_topic_holds_the_largest_record_and_its_headers(topic_file: Topic) -> None:
    value_mib = 4 if ".dlq." in topic_file.topic else 1
    assert topic_file.max_message_bytes == value_mib * 1024 * 1024 + 64 * 1024
    assert topic_file.partitions == 8


def test_retention_counts_from_arrival_so_that_a_backfill_stays(topic_file: Topic) -> None:
    assert topic_file.config["message.timestamp.type"] == "LogAppendTime"


def test_what_was_replaced_in_a_directory_is_gone_within_a_day(topics: dict[str, Topic]) -> None:
    for name in ("people", "preferences"):
        assert topics[f"recognition.{name}.v1"].config["max.compaction.lag.ms"] == "86400000"


def test_who_reads_and_who_writes_is_as_the_rights_say(topic_file: Topic) -> None:
    name = short(topic_file)
    if name.startswith("dlq."):
        assert topic_file.producers == (name.removeprefix("dlq."),)
        return
    assert set(topic_file.producers) == {who for who, topics in WRITTEN_BY.items() if name in topics}
    services = {who for who, topics in READ_BY.items() if name in topics}
    assert set(topic_file.consumers) & set(SERVICES) == services


def test_each_service_has_its_own_dead_letters(topics: dict[str, Topic]) -> None:
    assert {f"recognition.dlq.{name}" for name in SERVICES} == {name for name in topics if ".dlq." in name}


def test_a_receipt_of_erasure_counts_every_topic_with_words_to_its_end(topic_file: Topic) -> None:
    """After its retention a record waits for its segment to be closed, and for the broker to look."""
    if topic_file.retention_days is None:
        return
    segment = timedelta(milliseconds=int(topic_file.config["segment.ms"]))
    assert timedelta(days=topic_file.retention_days) + segment + timedelta(hours=1) <= KAFKA_FORGETS_AFTER
