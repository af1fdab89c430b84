"""The baseline of `make bench` commits as often as what it is compared with."""

from tests.bench.ways import BATCH_RECORDS, Rows, in_batches


def test_plain_copy_commits_once_for_as_many_events_as_the_write_path() -> None:
    events = 2 * BATCH_RECORDS + 1
    entries = Rows("entry", ("id",), [(number,) for number in range(events)])
    standing = Rows("standing", ("employee",), [(f"e-{number}",) for number in range(7)])
    transactions = in_batches([entries, standing], events)
    assert len(transactions) == 3
    assert [[rows.table for rows in tables] for tables in transactions] == [["entry", "standing"]] * 3
    for place, whole in enumerate((entries, standing)):
        assert [row for tables in transactions for row in tables[place].records] == list(whole.records)
