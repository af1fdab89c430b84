"""Each batch of entries gets its proof in the transaction that stores it: leaves, root, and the tree's new head."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from services.kit.batch import Item, Span
from services.kit.sql import AnyConnection, Queries
from services.ledger.decode import ENTRIES
from services.ledger.domain import Decoded
from services.ledger.proof import encoding
from services.ledger.proof.merkle import Frontier, leaf_hash, root

QUERIES = Queries(Path(__file__).parent.parent / "sql" / "proof.sql")


async def seal(connection: AnyConnection, spans: Sequence[Span], items: Sequence[Item[Decoded]]) -> None:
    """Append one leaf per span of the entries topic to its partition's tree. The caller holds the fence."""
    sealed = [span for span in spans if span.position.partition.topic == ENTRIES]
    if not sealed:
        return
    leaves: dict[int, list[bytes]] = defaultdict(list)
    for item in items:
        if item.evidence is not None:
            leaves[item.record.partition].append(item.evidence)
    numbers = [span.position.partition.partition for span in sealed]
    rows = await connection.fetch(QUERIES["read_frontiers"], numbers)
    frontiers = {row["partition"]: Frontier(row["tree_index"] + 1, row["peaks"]) for row in rows}
    records = []
    for span in sealed:
        number = span.position.partition.partition
        frontier = frontiers.get(number) or Frontier()
        index = frontier.size
        top = root(leaves[number])
        frontier.append(leaf_hash(encoding.batch_data(span, len(leaves[number]), top)))
        joined = b"".join(leaves[number])
        records.append((number, index, span.first_offset, joined, top, frontier.head, frontier.peaks))
    await connection.execute(QUERIES["insert_proofs"], *zip(*records, strict=True))
