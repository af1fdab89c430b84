"""Finds what is missing, stale or altered among the contracts; one line per fault."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from schemas.example_files import Example, ExampleError
from schemas.generate import Schema, digest, file_name, schemas_below
from schemas.published import RELEASED, Contracts, read_contracts
from schemas.registry import BY_NAME, BY_TYPE, EVENT_TYPES, SchemaError, read_body
from schemas.topic_files import SERVICES, Topic, TopicFileError

TRACKING = re.compile(
    r"hours?|minutes?|seconds?|duration|overtime|timesheet|clock(ed)?|keystrokes?|typing|mouse|clicks?"
    r"|screen(shot)?s?|presence|present|online|idle|login|logins|attendance|absence|location|gps|webcam"
    r"|productivity|score|rank|salary|bonus",
    re.IGNORECASE,
)
"""Words in a field's name that mean watching or ranking people. Such a contract is refused."""
TESTS = "tests/contract/least_bodies.json"
"""Beside `schemas/`: the least body of every type, which the contract tests try."""
_REQUIRED = ("id", "source", "type", "time", "dataschema", "partitionkey")


def faults(root: Path, *, releasing: bool = False) -> list[str]:
    """Every fault in the folder `schemas/`, each as one line that names the file. Empty means sound.

    releasing: what is about to be released need not be on record yet.
    """
    try:
        contracts = read_contracts(root)
    except (TopicFileError, ExampleError) as error:
        return [str(error)]
    return [
        *_release_faults(contracts),
        *([] if releasing else _missing_releases(contracts)),
        *_file_faults(contracts),
        *_topic_faults(contracts.topics),
        *_tracking_faults(contracts),
        *_example_faults(contracts),
        *_test_faults(root.parent / TESTS),
    ]


def altered_line(name: str) -> str:
    """What to tell somebody who changed a released contract."""
    return f"json/{file_name(name)}: version is released and may not change; add a new minor version"


def _release_faults(contracts: Contracts) -> Iterator[str]:
    yield from map(altered_line, contracts.altered())
    for name, released in contracts.released.items():
        path = contracts.root / "json" / file_name(name)
        if not path.exists():
            yield f"json/{path.name}: missing, although the version is released"
        elif name not in contracts.schemas and digest(_read(path)) != released:
            yield altered_line(name)


def _missing_releases(contracts: Contracts) -> Iterator[str]:
    for name in contracts.unreleased():
        yield f"{RELEASED}: {name} is missing; a version is released before it is used, and for good"


def _file_faults(contracts: Contracts) -> Iterator[str]:
    for relative, text in contracts.generated().items():
        path = contracts.root / relative
        if not path.exists():
            yield f"{relative}: missing; run `make schemas`"
        elif path.read_text(encoding="utf-8") != text:
            yield f"{relative}: stale; run `make schemas`"
    for path in sorted((contracts.root / "json").glob("*.json")):
        if path.name not in contracts.kept():
            yield f"json/{path.name}: belongs to no type; run `make schemas`"


def _topic_faults(topics: dict[str, Topic]) -> Iterator[str]:
    for event in EVENT_TYPES:
        if event.topic not in topics:
            yield f"topics/{event.topic}.yaml: missing, {event.type} belongs there"
        elif event.type not in topics[event.topic].types:
            yield f"topics/{event.topic}.yaml: {event.type} is missing from its types"
    for topic in topics.values():
        for type_ in topic.types:
            if type_ not in BY_TYPE:
                yield f"topics/{topic.topic}.yaml: {type_} is not a known type"
            elif BY_TYPE[type_].topic != topic.topic:
                yield f"topics/{topic.topic}.yaml: {type_} belongs to {BY_TYPE[type_].topic}"
        reading = [name for name in topic.consumers if name in SERVICES]
        wanted = [f"recognition.dlq.{name}" for name in reading]
        if topic.dlq != (wanted[0] if wanted else None):
            yield f"topics/{topic.topic}.yaml: dlq is not that of the first service that consumes it"
        for dlq in wanted:
            if dlq not in topics:
                yield f"topics/{dlq}.yaml: missing, a consumer of {topic.topic} rejects into it"


def _tracking_faults(contracts: Contracts) -> Iterator[str]:
    for name, schema in contracts.schemas.items():
        for field, _ in schemas_below(schema):
            if any(TRACKING.fullmatch(word) for word in field.split("_")):
                yield f"json/{file_name(name)}: field {field} is activity tracking or ranking, not recognition"


def _example_faults(contracts: Contracts) -> Iterator[str]:
    shown = {example.dataschema for example in contracts.examples}
    for event in EVENT_TYPES:
        if event.dataschema not in shown:
            yield f"examples/{event.name}/{event.major}.{event.minor}: no example"
    for example in contracts.examples:
        if example.dataschema not in contracts.schemas.keys() | contracts.released.keys():
            yield f"{example.label}: its folder names no known type and version"
            continue
        path = contracts.root / "json" / file_name(example.dataschema)
        if path.exists():
            for fault in example_faults(example, _read(path)):
                yield f"{example.label}: {fault}"


def _test_faults(path: Path) -> Iterator[str]:
    """Types without a test of their own. Where the tests are not at hand (an installed package), none."""
    if not path.parent.exists():
        return
    tested = _read(path) if path.exists() else {}
    for event in EVENT_TYPES:
        if event.name not in tested:
            yield f"{TESTS}: {event.name} is missing, the least that is accepted of it is not tested"


def example_faults(example: Example, schema: Schema) -> Iterator[str]:
    """What is wrong with one example, by the envelope, by the model and by the published JSON Schema."""
    from jsonschema import Draft202012Validator

    event = BY_NAME[example.name]
    envelope = example.envelope
    for name in _REQUIRED:
        if not isinstance(envelope.get(name), str):
            yield f"{name} is missing"
            return
    if envelope.get("specversion") != "1.0" or envelope.get("datacontenttype") != "application/json":
        yield "not a CloudEvent of specversion 1.0 that carries JSON"
    if envelope["dataschema"] != example.dataschema or envelope["type"] != event.type:
        yield "type or dataschema is not that of its folder"
    if not _is_moment(envelope["time"]):
        yield "time has no time zone or is no time"
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    for error in validator.iter_errors(envelope.get("data")):
        yield f"data breaks the JSON Schema at {error.json_path}: {error.validator}"
    try:
        data = json.dumps(envelope.get("data"), ensure_ascii=False).encode()
        body = read_body(envelope["type"], envelope["dataschema"], data, topic=event.topic)
    except SchemaError as error:
        yield f"data breaks the model: {error}"
        return
    if envelope["partitionkey"] != event.key(body.value):
        yield "partitionkey is not the key of its body"


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
