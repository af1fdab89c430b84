"""Entries as recognition would publish them: the same for every round, drawn from a seed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aiokafka import ConsumerRecord

from schemas.fields import EventRef
from schemas.models.entries import DeedV1, RecognitionV1
from schemas.registry import BY_NAME
from services.kit import ids
from services.kit.cloudevents import Event, Header, encode

TOPIC = "recognition.entries.v1"
_SOURCE = "urn:bench"
_SKILLS = ("care", "rust", "public-speaking", "databases", "mentoring", "patience", "design", "welding")
_WORDS = (
    "You stayed with the problem when it stopped being interesting, wrote down what you found, and made sure the "
    "next person would not have to find it again. I noticed, and so did the night shift."
)


@dataclass(frozen=True, slots=True)
class Published:
    """One record of the entries topic."""

    partition: int
    key: bytes
    value: bytes
    headers: list[Header]


def entries(count: int, *, people: int, partitions: int, seed: int = 1) -> Iterator[Published]:
    """`count` deeds and recognitions of `people` employees over the last half year, keyed by employee."""
    draw = random.Random(seed)
    now = datetime.now(UTC).replace(microsecond=0)
    employee = 0
    for number in range(count):
        # A deed, then somebody's thanks for it.
        employee = employee if number % 2 else draw.randrange(people)
        at = now - timedelta(seconds=draw.randrange(180 * 86_400), milliseconds=draw.randrange(1000))
        name = "recognition" if number % 2 else "deed"
        kind = BY_NAME[name]
        body = _recognition(number, employee, people, draw) if number % 2 else _deed(number, employee, draw)
        id_ = f"{number:09}"
        event = Event(
            str(ids.derive(at, name, _SOURCE, id_, f"e-{employee}")),
            "urn:waystone:recognition",
            kind.type,
            at,
            body.model_dump_json(exclude_defaults=True).encode(),
            dataschema=kind.dataschema,
            partitionkey=f"e-{employee}",
            correlationid=id_,
            causationid=id_,
        )
        key, value, headers = encode(event)
        yield Published(employee % partitions, key, value, headers)


def _deed(number: int, employee: int, draw: random.Random) -> Any:
    return DeedV1(
        employee=f"e-{employee}",
        cause=EventRef(source=_SOURCE, id=f"{number:09}"),
        title=f"Mended the import of ledger {number}",
        description=_WORDS,
        basis=draw.choice(("effort", "result", "both")),
        size=draw.choice(("small", "small", "small", "notable")),
        skills=tuple(draw.sample(_SKILLS, 2)),
    )


def _recognition(number: int, employee: int, people: int, draw: random.Random) -> Any:
    return RecognitionV1(
        employee=f"e-{employee}",
        cause=EventRef(source=_SOURCE, id=f"{number:09}"),
        by="person",
        kind="thanks",
        giver=f"e-{(employee + 1 + draw.randrange(people - 1)) % people}",
        title="Thanks from a colleague",
        words=_WORDS,
        skills=tuple(draw.sample(_SKILLS, 1)),
        answers=EventRef(source=_SOURCE, id=f"{number - 1:09}"),
    )


def as_records(published: list[Published]) -> list[ConsumerRecord]:
    """The same as a consumer would hand them out, offsets rising by partition."""
    offsets: dict[int, int] = {}
    records = []
    for one in published:
        offset = offsets.get(one.partition, 0)
        offsets[one.partition] = offset + 1
        records.append(
            ConsumerRecord(
                TOPIC, one.partition, offset, 0, 0, one.key, one.value, None, len(one.key), len(one.value),
                tuple(one.headers),
            )
        )  # fmt: skip
    return records
