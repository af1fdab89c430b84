"""A batch covers each partition's offsets from where the store stood to behind its last record, each exactly once."""

import itertools
import random
from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from services.kit.batch import Item, Outcome, Position, Span, spans
from services.kit.errors import Refusal, Stage

_OF_RECORDS = [outcome for outcome in Outcome if outcome is not Outcome.CONTROL]
# Of one partition: where the store stands, then (gap before the record, its outcome) for each record.
_STRETCH = st.tuples(
    st.integers(0, 10**12),
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from(_OF_RECORDS)), min_size=1, max_size=30),
)


def _item(position: Position, offset: int, outcome: Outcome) -> Item[Any]:
    record: Any = SimpleNamespace(offset=offset)
    return Item(position, record, None, outcome)


def _items(partition: int, stretch: tuple[int, list[tuple[int, Outcome]]]) -> list[Item[Any]]:
    start, steps = stretch
    position = Position(TopicPartition("t", partition), 1, start)
    items, offset = [], start
    for gap, outcome in steps:
        offset += gap
        items.append(_item(position, offset, outcome))
        offset += 1
    return items


def _outcomes(span: Span) -> dict[int, list[Outcome]]:
    found: dict[int, list[Outcome]] = {}
    for outcome, ranges in span.offsets.items():
        for start, end in ranges:
            for offset in range(start, end):
                found.setdefault(offset, []).append(outcome)
    return found


@given(st.lists(_STRETCH, min_size=1, max_size=4), st.randoms())
def test_every_offset_has_exactly_one_outcome(
    stretches: list[tuple[int, list[tuple[int, Outcome]]]], order: random.Random
) -> None:
    queues = [_items(partition, stretch) for partition, stretch in enumerate(stretches)]
    mixed: list[Item[Any]] = []
    while queues:  # partitions interleave as they like, each in its own order
        queue = order.choice(queues)
        mixed.append(queue.pop(0))
        queues = [queue for queue in queues if queue]
    found = spans(mixed)
    assert [span.position.partition.partition for span in found] == list(range(len(stretches)))
    for span, (start, _) in zip(found, stretches, strict=True):
        own = {item.record.offset: item.outcome for item in mixed if item.position is span.position}
        assert span.first_offset == start
        assert span.next_offset == max(own) + 1
        assert _outcomes(span) == {
            offset: [own.get(offset, Outcome.CONTROL)] for offset in range(start, span.next_offset)
        }


@given(_STRETCH)
def test_neighbours_of_one_outcome_are_one_range(stretch: tuple[int, list[tuple[int, Outcome]]]) -> None:
    [span] = spans(_items(0, stretch))
    for ranges in span.offsets.values():
        assert all(end < start for (_, end), (start, _) in itertools.pairwise(ranges))


def test_a_range_is_written_as_postgres_reads_it() -> None:
    position = Position(TopicPartition("t", 0), 1, 5)
    [span] = spans([_item(position, offset, Outcome.APPLIED) for offset in (5, 6, 9)])
    assert span.multirange(Outcome.APPLIED) == "{[5,7),[9,10)}"
    assert span.multirange(Outcome.CONTROL) == "{[7,9)}"
    assert span.multirange(Outcome.PARKED) == "{}"


def test_a_refused_item_is_rejected_and_says_why() -> None:
    item = _item(Position(TopicPartition("t", 0), 1, 0), 0, Outcome.APPLIED)
    item.refuse(Refusal("RULE_NO", Stage.RULES, "no"))
    assert item.outcome is Outcome.REJECTED
    assert item.refusal is not None
