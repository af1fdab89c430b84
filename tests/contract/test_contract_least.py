"""What every sender must say, type by type: `least_bodies.json` holds the least that is accepted of each."""

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.registry import BY_NAME, EventType, SchemaError, read_body
from tests.contract.contract_bodies import encode, places, removed

LEAST: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "least_bodies.json").read_text())


def test_there_is_a_least_body_of_every_type_and_of_nothing_else() -> None:
    assert LEAST.keys() == BY_NAME.keys()


def test_the_least_body_is_accepted_and_nothing_of_it_may_be_missing(event_type: EventType) -> None:
    least = LEAST[event_type.name]
    read_body(event_type.type, event_type.dataschema, encode(least))
    for place, _ in places(least):
        if place:
            with pytest.raises(SchemaError):
                read_body(event_type.type, event_type.dataschema, encode(removed(least, place)))
