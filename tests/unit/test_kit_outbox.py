"""The outbox keeps records in order, bytes untouched, in rows of a bounded size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kit import outbox
from services.kit.batch import Outgoing
from services.kit.outbox import ROW_BYTES_MAX

_OUTGOING = st.builds(
    Outgoing,
    topic=st.text(st.characters(exclude_categories=["Cs"]), max_size=10),
    key=st.none() | st.binary(max_size=10),
    value=st.none() | st.binary(max_size=50),
    headers=st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=5), st.none() | st.binary(max_size=5)
        ),
        max_size=4,
    ),
)


@given(st.lists(_OUTGOING, max_size=10))
def test_what_is_packed_is_unpacked_in_order_and_unchanged(records: list[Outgoing]) -> None:
    assert outbox.unpack(outbox.pack(records)) == records


def _of_size(size: int) -> Outgoing:
    return Outgoing("t", b"k", b"x" * size, [])


@given(st.lists(st.integers(0, ROW_BYTES_MAX // 2), min_size=1, max_size=12))
def test_rows_hold_every_record_once_in_order_and_keep_their_bound(sizes: list[int]) -> None:
    records = [_of_size(size) for size in sizes]
    chunks = list(outbox._chunks(records))
    assert [record for chunk in chunks for record in chunk] == records
    assert all(chunks)
    assert all(len(outbox.pack(chunk)) <= ROW_BYTES_MAX for chunk in chunks)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_record_larger_than_a_row_has_one_of_its_own(place: int) -> None:
    records = [_of_size(10), _of_size(10)]
    records.insert(place, _of_size(ROW_BYTES_MAX + 1))
    chunks = list(outbox._chunks(records))
    assert [record for chunk in chunks for record in chunk] == records
    assert [records[place]] in chunks


def test_records_with_many_headers_keep_the_bound_of_a_row_too() -> None:
    heavy = Outgoing("t", b"k", b"", [(f"h{n}", b"x" * 8192) for n in range(64)])
    chunks = list(outbox._chunks([heavy] * 20))
    assert all(len(outbox.pack(chunk)) <= ROW_BYTES_MAX for chunk in chunks)
