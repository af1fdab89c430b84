"""Every contract test that asks for an `event_type`, an `example` or a `topic_file` runs once for each of them."""

from pathlib import Path

import pytest

from schemas.example_files import read_examples
from schemas.registry import EVENT_TYPES
from schemas.topic_files import Topic, read_topics

SCHEMAS = Path(__file__).parents[2] / "schemas"
EXAMPLES = read_examples(SCHEMAS / "examples")
TOPICS = read_topics(SCHEMAS / "topics")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "event_type" in metafunc.fixturenames:
        metafunc.parametrize("event_type", EVENT_TYPES, ids=[event.name for event in EVENT_TYPES])
    if "example" in metafunc.fixturenames:
        names = [f"{example.name}-{example.path.stem}" for example in EXAMPLES]
        metafunc.parametrize("example", EXAMPLES, ids=names)
    if "topic_file" in metafunc.fixturenames:
        metafunc.parametrize("topic_file", TOPICS.values(), ids=list(TOPICS))


@pytest.fixture(scope="session")
def schemas_folder() -> Path:
    return SCHEMAS


@pytest.fixture(scope="session")
def topics() -> dict[str, Topic]:
    return TOPICS
