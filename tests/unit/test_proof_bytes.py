"""Two programs write the bytes that are hashed: the ledger, and the verifier after the document. They must agree."""

import hashlib
import re
from datetime import UTC, date, datetime, timedelta

from aiokafka import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from services.cli.verify import digests, tree
from services.kit.batch import Outcome, Position, Span
from services.ledger.domain import Entry, Words
from services.ledger.proof import encoding, merkle
from tests.conftest import ROOT

_texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=300)
_times = st.datetimes(datetime(2000, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda t: t.replace(microsecond=t.microsecond // 1000 * 1000)
)
_codes = st.none() | st.integers(0, 63)
_lists = st.none() | st.lists(_texts, min_size=1, max_size=20).map(tuple)
_numbers = st.integers(0, 2**63 - 1)
_hashes = st.binary(min_size=32, max_size=32)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    columns = [draw(_times), draw(_numbers), draw(st.integers(0, 65_535))]
    columns += [draw(st.none() | st.dates(date(1, 1, 1), date(9999, 12, 31))), draw(st.integers(1, 6))]
    columns += [draw(_codes) for _ in range(5)] + [draw(st.booleans()) for _ in range(3)]
    columns += [str(draw(st.uuids())), draw(_texts), draw(_texts), draw(_texts), draw(_hashes)]
    columns += [draw(st.none() | _texts) for _ in range(8)] + [draw(_lists), draw(_lists)]
    return Entry(*columns)


@given(entries(), _hashes)
def test_both_programs_hash_an_entry_alike(entry: Entry, words: bytes) -> None:
    assert tuple(digests.ENTRY_COLUMNS) == Entry._fields
    ours = digests.entry_leaf(entry.id, digests.of_columns(entry), words)
    assert ours == encoding.entry_leaf(entry, words)


@given(st.binary(min_size=16, max_size=16), st.lists(st.none() | _texts, min_size=4, max_size=4), _lists)
def test_both_programs_hash_words_alike(
    salt: bytes, said: list[str | None], links: tuple[str, ...] | None
) -> None:
    title, words, impact, lines = said
    row = Words(datetime.now(UTC), "id", "e-1", title, words, impact, links, lines)
    assert tuple(digests.WORDS_COLUMNS) == Words._fields[3:]
    assert digests.of_words(salt, row[3:]) == encoding.words_digest(salt, row)


@given(st.lists(st.sampled_from(Outcome), min_size=1, max_size=400), _numbers.map(lambda n: n // 2), _hashes)
def test_both_programs_write_a_batch_alike(outcomes: list[Outcome], first: int, root: bytes) -> None:
    span = Span(Position(TopicPartition("t", 7), 3, first), first, first + len(outcomes))
    for place, outcome in enumerate(outcomes):
        span.add(outcome, first + place, first + place + 1)
    assert tuple(Outcome) == digests.OUTCOMES
    told = digests.of_outcomes([span.offsets.get(outcome, []) for outcome in Outcome])
    count = outcomes.count(Outcome.APPLIED)
    ours = digests.batch_data(7, 3, first, span.next_offset, told, count, root)
    assert ours == encoding.batch_data(span, count, root)


@given(
    st.integers(0, 65_535), _numbers, _hashes, _times, st.text("0123456789abcdef", min_size=1, max_size=64)
)
def test_both_programs_write_a_checkpoint_alike(
    partition: int, size: int, head: bytes, signed_at: datetime, key: str
) -> None:
    assert digests.checkpoint_data(partition, size, head, signed_at, key) == encoding.checkpoint_data(
        partition, size, head, signed_at, key
    )


def test_every_integer_and_length_is_written_in_its_shortest_form() -> None:
    for power in range(63):
        for size in {2**power - 1, 2**power, 2**power + 1}:
            at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=min(size, 2**33))
            assert digests.checkpoint_data(
                size, size, b"", at, "k" * min(size, 70_000)
            ) == encoding.checkpoint_data(size, size, b"", at, "k" * min(size, 70_000))


# Leaves and heads of the Certificate Transparency test tree.
_CT_LEAVES = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]
_CT_HEADS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


def test_trees_are_those_of_certificate_transparency() -> None:
    leaves = [merkle.leaf_hash(bytes.fromhex(text)) for text in _CT_LEAVES]
    for size, expected in _CT_HEADS.items():
        assert merkle.root(leaves[:size]).hex() == expected
        assert tree.head(leaves[:size]).hex() == expected
    assert merkle.root([]) == tree.head([]) == hashlib.sha256(b"").digest()


@given(st.integers(1, 300))
def test_a_tree_that_grows_is_the_tree_made_at_once(size: int) -> None:
    leaves = [merkle.leaf_hash(bytes([n % 256, n // 256])) for n in range(size)]
    frontier, growing = merkle.Frontier(), tree.Growing()
    for place, one in enumerate(leaves):
        frontier = merkle.Frontier(place, frontier.peaks)  # as it is read back for the next batch
        frontier.append(one)
        growing.grow(one)
    assert frontier.head == growing.head == merkle.root(leaves) == tree.head(leaves)
    assert frontier.peaks == growing.peaks


@given(st.data(), st.integers(1, 300))
def test_an_audit_path_leads_to_the_head_and_no_other_leaf_has_it(data: st.DataObject, size: int) -> None:
    leaves = [tree.leaf(bytes([n % 256, n // 256])) for n in range(size)]
    index, other = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size - 1))
    hashes = tree.path(leaves, index)
    assert len(hashes) == tree.path_length(index, size)
    assert tree.climb(leaves[index], index, size, hashes) == tree.head(leaves)
    if other != index:
        assert tree.climb(leaves[other], index, size, hashes) != tree.head(leaves)


def _example() -> dict[str, bytes]:
    """The bytes printed in docs/proof.md, by name."""
    found: dict[str, str] = {}
    name = ""
    for line in (
        (ROOT / "docs" / "proof.md").read_text(encoding="utf-8").split("## An example")[1].splitlines()
    ):
        if match := re.fullmatch(r"([a-z ]{15}|)\s*([0-9a-f ]+)", line):
            name = match[1].strip() or name
            found[name] = found.get(name, "") + match[2]
    return {name: bytes.fromhex(text) for name, text in found.items()}


def test_the_documents_example_can_be_followed_with_a_hash_function_alone() -> None:
    example = _example()
    sha256 = hashlib.sha256
    assert sha256(bytes(range(16)) + example["words"]).digest() == example["words digest"]
    assert sha256(b"waystone/entry/1" + example["columns"]).digest() == example["columns digest"]
    id_ = b"01a11115-befa-8000-8000-000000000001"
    leaf = sha256(b"\x00" + id_ + example["columns digest"] + example["words digest"]).digest()
    assert leaf == example["entry leaf"]
    assert sha256(example["outcomes"]).digest() in example["batch"]
    assert sha256(b"\x00waystone/batch/1" + example["batch"]).digest() == example["head"]
    assert example["head"] in example["checkpoint"]


def test_the_documents_example_is_what_the_ledger_writes() -> None:
    example = _example()
    at = datetime(2026, 10, 6, 12, 0, 0, 250_000, tzinfo=UTC)
    entry = Entry(
        at, 4711, 3, None, 2, 21, 1, 1, 2, 1, True, False, False, "01a11115-befa-8000-8000-000000000001", "e-1042",
        "urn:tracker", "note-7", bytes(range(32)), "e-77", None, "calm-nights", None, None, None, None, None,
        ("release-management",), None,
    )  # fmt: skip
    words = Words(at, entry.id, "e-1042", "Thanks", "You stopped the release.", None, None, None)
    digest = encoding.words_digest(bytes(range(16)), words)
    leaf = encoding.entry_leaf(entry, digest)
    assert (digest, leaf) == (example["words digest"], example["entry leaf"])
    span = Span(Position(TopicPartition("t", 3), 12, 4710), 4710, 4712)
    span.add(Outcome.DUPLICATE, 4710, 4711)
    span.add(Outcome.APPLIED, 4711, 4712)
    data = encoding.batch_data(span, 1, merkle.root([leaf]))
    assert data == b"waystone/batch/1" + example["batch"]
    signed_at = datetime(2026, 10, 6, 12, 10, tzinfo=UTC)
    signed = encoding.checkpoint_data(3, 1, merkle.leaf_hash(data), signed_at, "4f0c6ad1c2d8f0b1")
    assert signed == b"waystone/checkpoint/1" + example["checkpoint"]
