"""Topics, messages and who sends or receives them, as one AsyncAPI 3.0 document."""

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.example_files import Example
from schemas.generate import Schema, map_schemas
from schemas.registry import BY_TYPE, EventType
from schemas.topic_files import Topic

ASYNCAPI_VERSION = "3.0.0"
BINDING_VERSION = "0.5.0"
DOCUMENT_VERSION = "1.0.0"
"""Version of this document's form; each contract carries its own."""
_DLQ_HEADERS = {
    "dlq_topic": "Topic the record came from.",
    "dlq_partition": "Its partition there.",
    "dlq_offset": "Its offset there.",
    "dlq_group": "Consumer group that refused it.",
    "dlq_stage": "Where on its way it was refused.",
    "dlq_code": "Why, as a stable code.",
    "dlq_detail": "Why, in one line that repeats nothing of the record.",
    "dlq_attempts": "How often it was tried.",
    "dlq_first_at": "When it was first refused, RFC 3339.",
    "dlq_digest": "HMAC of the value.",
    "dlq_value": "Only where the value is not the record's: `null`, or `left out` for one over 4 MiB.",
}


def asyncapi(
    topics: Mapping[str, Topic], schemas: Mapping[str, Schema], examples: Sequence[Example]
) -> dict[str, Any]:
    """The document. schemas: JSON Schema of every type by its name; topics: by their name."""
    return {
        "asyncapi": ASYNCAPI_VERSION,
        "info": {
            "title": "Waystone",
            "version": DOCUMENT_VERSION,
            "description": "Recognition as events: what people did, who thanked them, and where thanks are "
            "missing. CloudEvents 1.0 on Kafka; sent in binary mode, accepted in binary and structured mode.",
        },
        "defaultContentType": "application/json",
        "channels": {name: _channel(topic) for name, topic in sorted(topics.items())},
        "operations": dict(
            operation for _, topic in sorted(topics.items()) for operation in _operations(topic)
        ),
        "components": {
            "schemas": {"cloud-event-headers": _cloud_event_headers(), **_component_schemas(schemas)},
            "messages": {
                "dead-letter": _dead_letter(),
                **{
                    event.name: _message(event, topics[event.topic], examples)
                    for event in BY_TYPE.values()
                    if event.topic in topics
                },
            },
        },
    }


def _channel(topic: Topic) -> dict[str, Any]:
    names = [BY_TYPE[type_].name for type_ in topic.types if type_ in BY_TYPE] or ["dead-letter"]
    return {
        "address": topic.topic,
        "description": topic.description,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {
            "kafka": {
                "topic": topic.topic,
                "partitions": topic.partitions,
                "topicConfiguration": {
                    "cleanup.policy": [topic.cleanup],
                    "retention.ms": topic.retention_ms,
                    "max.message.bytes": topic.max_message_bytes,
                    **topic.config,
                },
                "bindingVersion": BINDING_VERSION,
            }
        },
    }


def _operations(topic: Topic) -> list[tuple[str, dict[str, Any]]]:
    return [
        (
            f"{principal}.{action}.{topic.topic}",
            {
                "action": action,
                "channel": {"$ref": f"#/channels/{topic.topic}"},
                "summary": f"{principal} {action}s on {topic.topic}",
                "tags": [{"name": principal}],
            },
        )
        for action, principals in (("send", topic.producers), ("receive", topic.consumers))
        for principal in principals
    ]


def _message(event: EventType, topic: Topic, examples: Sequence[Example]) -> dict[str, Any]:
    own = {"ce_type": {"const": event.type}, "ce_dataschema": {"const": event.dataschema}}
    return {
        "name": event.type,
        "title": event.name,
        "summary": (event.model.__doc__ or "").strip().splitlines()[0],
        "contentType": "application/json",
        "headers": {
            "type": "object",
            "allOf": [{"$ref": "#/components/schemas/cloud-event-headers"}],
            "properties": own,
        },
        "payload": {"$ref": f"#/components/schemas/{event.name}"},
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": topic.key},
                "bindingVersion": BINDING_VERSION,
            }
        },
        "examples": [
            {"name": example.path.stem, "payload": example.envelope.get("data", {})}
            for example in examples
            if example.dataschema == event.dataschema
        ],
    }


def _dead_letter() -> dict[str, Any]:
    return {
        "name": "dead-letter",
        "title": "dead-letter",
        "summary": "A record that was refused: key, value and headers untouched, with headers that say why.",
        "contentType": "application/octet-stream",
        "headers": {
            "type": "object",
            "properties": {
                name: {"type": "string", "description": meaning} for name, meaning in _DLQ_HEADERS.items()
            },
        },
    }


def _cloud_event_headers() -> Schema:
    attributes = {
        "id": "Unique within its source.",
        "source": "URI reference of the system it comes from.",
        "type": "Names the contract and its major version.",
        "time": "When it happened, RFC 3339 with a time zone.",
        "dataschema": "Names the contract, its major and minor version.",
        "partitionkey": "The record's key.",
        "correlationid": "Id of the event at the root of the chain.",
        "causationid": "Id of the event this one follows from.",
        "traceparent": "W3C trace context.",
    }
    texts = {
        f"ce_{name}": {"type": "string", "minLength": 1, "maxLength": 256, "description": meaning}
        for name, meaning in attributes.items()
    }
    return {
        "type": "object",
        "properties": {
            "ce_specversion": {"const": "1.0"},
            **texts,
            "content-type": {"const": "application/json"},
        },
        "required": ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time"],
    }


def _component_schemas(schemas: Mapping[str, Schema]) -> dict[str, Schema]:
    """Every schema and what it defines, side by side; a name that two of them define means the same in both."""
    components: dict[str, Schema] = {}
    for name, schema in schemas.items():
        # `$id` would be the base that `#/components` is read against; examples stand at the message.
        kept = {k: v for k, v in schema.items() if k not in {"$schema", "$id", "$defs", "examples"}}
        for component, body in {name: kept, **schema.get("$defs", {})}.items():
            moved = _refer_to_components(body)
            if components.setdefault(component, moved) != moved:
                raise ValueError(f"two contracts define {component} differently")
    return components


def _refer_to_components(schema: Schema) -> Schema:
    schema = map_schemas(schema, _refer_to_components)
    if "$ref" in schema:
        schema["$ref"] = schema["$ref"].replace("#/$defs/", "#/components/schemas/")
    return schema
