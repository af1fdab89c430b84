"""Examples are events that others can send and read as they stand."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from jsonschema import Draft7Validator

from schemas.check import example_faults
from schemas.example_files import Example
from schemas.registry import BY_NAME
from services.kit.cloudevents import Event, decode_structured
from services.kit.ids import id_time_ms, time_ms
from tests.contract.contract_bodies import published

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def test_an_example_keeps_its_contract_in_every_respect(example: Example) -> None:
    assert list(example_faults(example, published(BY_NAME[example.name]))) == []


def test_an_example_is_a_cloudevent_to_the_cloudevents_library(example: Example) -> None:
    event = JSONFormat().read(CloudEvent, example.path.read_bytes())
    assert (event.get_type(), event.get_id()) == (BY_NAME[example.name].type, example.envelope["id"])
    assert event.get_extension("partitionkey") == example.envelope["partitionkey"]
    assert event.get_data() == example.envelope["data"]


def test_an_example_is_an_event_to_the_services(example: Example) -> None:
    event = decode_structured(example.path.read_bytes(), NOW)
    assert isinstance(event, Event)
    assert json.loads(event.data) == example.envelope["data"]


def test_the_id_of_an_emitted_example_carries_its_time(example: Example) -> None:
    envelope = example.envelope
    if envelope["source"].startswith("urn:waystone:"):
        assert id_time_ms(UUID(envelope["id"])) == time_ms(datetime.fromisoformat(envelope["time"]))


def test_no_two_examples_are_the_same_event(schemas_folder: Any) -> None:
    files = [json.loads(path.read_text()) for path in (schemas_folder / "examples").rglob("*.json")]
    assert len({(e["source"], e["id"]) for e in files}) == len(files)


def test_every_reference_in_the_asyncapi_document_leads_somewhere(schemas_folder: Any) -> None:
    document = json.loads((schemas_folder / "asyncapi.json").read_text())
    assert document["asyncapi"] == "3.0.0"
    for reference in references(document):
        target: Any = document
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]
        assert target


def test_a_payload_in_the_asyncapi_document_reads_its_own_examples(schemas_folder: Any) -> None:
    document = json.loads((schemas_folder / "asyncapi.json").read_text())
    messages = [m for m in document["components"]["messages"].values() if "payload" in m]
    assert len(messages) == len(BY_NAME)
    for message in messages:
        validator = Draft7Validator({**message["payload"], "components": document["components"]})
        assert message["examples"]
        for example in message["examples"]:
            assert validator.is_valid(example["payload"]), message["name"]


def references(node: Any) -> list[str]:
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    own = [node["$ref"]] if isinstance(node, dict) and isinstance(node.get("$ref"), str) else []
    return own + [reference for child in children for reference in references(child)]
