"""What is done to a small ledger by its superuser, kind by kind, and how verification must name it.

The ledger is that of `proof_story`: its first partition has four batches, the last of them after the checkpoint.
"""

from dataclasses import dataclass

from services.cli.verify.digests import ENTRY_COLUMNS
from tests.integration.proof_forger import UpTo
from tests.integration.proof_rig import ENTRIES, NEW, STRANGER, Signer, entry_id

N1, N2, N3 = entry_id("n1"), entry_id("n2", "e-3"), entry_id("n3")
DIGESTS, WORDS = "entries = their digests", "words = their digests"
ROOTS, HEADS = "batches = their roots", "roots = tree heads"
CHECKPOINTS, SIGNED = "checkpoints = tree heads", "checkpoints are signed"
P0 = rf"{ENTRIES}\[0\]"
TREE = rf"{P0} offset {{}} in the tree of partition 0: "
HASH = "[0-9a-f]{64}"
NOT_SIGNED = "partition 0 checkpoint of size 3: a signature by key .*; one that is not"
NEW_WITHOUT_ITS_SECRET = Signer.pretending(NEW)
FREE_CODES = """ALTER TABLE entry DROP CONSTRAINT codes_are_known, DROP CONSTRAINT recognitions_say_who,
    DROP CONSTRAINT withdrawals_say_what"""
FREE_ID = "ALTER TABLE entry DROP CONSTRAINT id_holds_the_time"
FREE_BATCH = "ALTER TABLE batch DROP CONSTRAINT every_offset_has_an_outcome"
FREE_PROOF = """ALTER TABLE batch_proof DROP CONSTRAINT batch_proof_pkey,
    DROP CONSTRAINT batch_proof_partition_first_offset_key"""
COPY_OF_N1 = f"""INSERT INTO entry SELECT (jsonb_populate_record(e, '{{{{"id": "{N1[:-4]}0000"{{}}}}}}')).*
    FROM entry AS e WHERE id = '{N1}'"""
SECOND = "WHERE partition = 0 AND tree_index = 1"
SECOND_BATCH = f"WHERE topic = '{ENTRIES}' AND partition = 0 AND first_offset = 3"


@dataclass(frozen=True)
class Tampering:
    """statements: run in order; then the first partition is computed anew `up_to` there, and signed anew `by` a key.

    check, says: which check names it, and how: a pattern of "place: expected; found".
    """

    statements: tuple[str, ...]
    check: str
    says: str
    up_to: UpTo | None = None
    by: Signer | None = None


def did(
    check: str, says: str, *statements: str, up_to: UpTo | None = None, by: Signer | None = None
) -> Tampering:
    """In the order in which one reads it: named here, like this, after that."""
    return Tampering(statements, check, says, up_to, by)


def _edited(column: str, value: str, *free: str) -> Tampering:
    says = rf"entry \S+ at {P0} offset 1: digest {HASH}; digest {HASH}"
    return did(DIGESTS, says, *free, f"UPDATE entry SET {column} = {value} WHERE id = '{N1}'")


_OTHER_ID = "'01a19467-e418-85cd-b2e6-33d02f1ff5e7'"
_EDITS = {
    "occurred_at": ("occurred_at + interval '1 ms'", FREE_ID), "log_offset": ("5000",), "log_partition": ("7",),
    "follow_up": ("'2026-12-01'",), "kind": ("4", FREE_CODES), "subkind": ("22",), "by": ("2",), "basis": ("2",),
    "size": ("3",), "visibility": ("3",), "giver_is_manager": ("true",), "lead": ("true",), "stretch": ("true",),
    "id": (_OTHER_ID, FREE_ID), "employee": ("'e-7'",), "cause_source": ("'urn:elsewhere'",),
    "cause_id": ("'another'",), "digest": (r"'\x00'",), "giver": ("'e-7'",), "accepted_by": ("'e-7'",),
    "goal": ("'g-7'",), "value": ("'trust'",), "answers_source": ("'urn:tracker'",), "answers_id": ("'deed'",),
    "award_grant": ("'g'",), "withdraws": (_OTHER_ID, FREE_CODES), "skills": ("ARRAY['sql']",),
    "helped_by": ("ARRAY['e-7']",), "words_digest": (r"'\x00'",),
}  # fmt: skip
assert tuple(_EDITS) == (*ENTRY_COLUMNS, "words_digest")
_MISSING = rf"{P0} offset 0 to 2: 3 entries under its root; {{}}"
_EDIT = f"UPDATE entry SET giver = 'e-7' WHERE id = '{N1}'"
_TRUNCATE = (
    f"DELETE FROM batch WHERE topic = '{ENTRIES}' AND partition = 0 AND first_offset >= {{0}}",
    "DELETE FROM batch_proof WHERE partition = 0 AND first_offset >= {0}",
    "DELETE FROM words USING entry WHERE entry_id = id AND log_partition = 0 AND log_offset >= {0}",
    "DELETE FROM entry WHERE log_partition = 0 AND log_offset >= {0}",
    f"UPDATE consumer_position SET next_offset = {{0}} WHERE topic = '{ENTRIES}' AND partition = 0",
)


def truncated(offset: int) -> tuple[str, ...]:
    """Everything of the first partition from this offset on cut off, cleanly."""
    return tuple(statement.format(offset) for statement in _TRUNCATE)


# What the last entry had brought to the projections.
WITHOUT_THE_TAIL = (
    """UPDATE standing SET received_count = 0, last_received_at = NULL, last_from_peer_at = NULL
        WHERE employee = 'e-5'""",
    "DELETE FROM recognition_day WHERE employee = 'e-5'",
    "UPDATE standing SET given_count = given_count - 1 WHERE employee = 'e-2'",
    "UPDATE recognition_day SET given_count = given_count - 1 WHERE employee = 'e-2'",
)


KINDS: dict[str, Tampering] = {
    **{f"edit {column}": _edited(column, *how) for column, how in _EDITS.items()},
    # Moved to where no batch is: missed where it was.
    "edit log_offset": did(DIGESTS, _MISSING.format(2), f"UPDATE entry SET log_offset = 5000 WHERE id = '{N1}'"),
    "edit log_partition": did(DIGESTS, _MISSING.format(2), f"UPDATE entry SET log_partition = 7 WHERE id = '{N1}'"),
    # --- entries
    "drop an entry": did(DIGESTS, _MISSING.format(2), f"DELETE FROM entry WHERE id = '{N1}'"),
    "drop all entries of a batch": did(
        DIGESTS, _MISSING.format(0), "DELETE FROM entry WHERE log_partition = 0 AND log_offset < 3"),
    "drop an entry and compute everything anew": did(
        CHECKPOINTS, rf"partition 0 checkpoint of size 3: head {HASH}, as the tree has it; head {HASH}",
        f"DELETE FROM words WHERE entry_id = '{N1}'", f"DELETE FROM entry WHERE id = '{N1}'", up_to=UpTo.HEADS),
    "duplicate an entry": did(DIGESTS, _MISSING.format(4), FREE_ID, COPY_OF_N1.format("")),
    "invent an entry past the end": did(
        DIGESTS, rf"entry {N1[:-4]}0000 at {P0} offset 900: a batch that covers its offset; none",
        FREE_ID, COPY_OF_N1.format(', "log_offset": 900')),
    "swap two entries' places": did(
        DIGESTS, rf"entry {N2} at {P0} offset 1: digest {HASH}; digest {HASH}",
        f"UPDATE entry SET log_offset = 3 - log_offset WHERE id IN ('{N1}', '{N2}')"),
    "swap two entries' employees": did(
        DIGESTS, rf"entry {N1} at {P0} offset 1: digest {HASH}; digest {HASH}",
        f"""UPDATE entry AS e SET employee = o.employee FROM entry AS o WHERE e.id IN ('{N1}', '{N2}')
            AND o.id IN ('{N1}', '{N2}') AND e.id <> o.id"""),
    "swap two months": did(
        "months hold their own", r"table entry_2026_11: 2026-11-01 .*; 2026-10-06 .*",
        "ALTER TABLE entry_2026_10 RENAME TO kept", "ALTER TABLE entry_2026_11 RENAME TO entry_2026_10",
        "ALTER TABLE kept RENAME TO entry_2026_11"),
    "give an award twice": did(
        "one award per grant", "employee e-1 grant twice: one award; 2: ",
        f"UPDATE entry SET award_grant = 'twice' WHERE id IN ('{N1}', '{N2}')", "UPDATE entry SET employee = 'e-1'"),
    # --- an edited row, and the proof computed anew as far as it goes
    "re-hash an edited row": did(ROOTS, rf"{P0} offset 0: root {HASH}, of its entries; root {HASH}",
                                 _EDIT, up_to=UpTo.LEAVES),
    "re-hash an edited row and its batch": did(
        HEADS, TREE.format(0) + f"head {HASH}; head {HASH}", _EDIT, up_to=UpTo.ROOTS),
    "re-hash an edited row and everything after": did(
        CHECKPOINTS, rf"partition 0 checkpoint of size 3: head {HASH}, as the tree has it; head {HASH}",
        _EDIT, up_to=UpTo.HEADS),
    "re-hash everything and put the head into the checkpoint": did(
        SIGNED, rf"partition 0 checkpoint of size 3: a signature by key {NEW.key.public.id}; one that is not",
        _EDIT, up_to=UpTo.HEADS, by=NEW_WITHOUT_ITS_SECRET),
    "re-hash everything and sign it with a key of one's own": did(
        SIGNED, rf"partition 0 checkpoint of size 3: a key of {NEW.key.public.id}; key {STRANGER.key.public.id}",
        _EDIT, up_to=UpTo.HEADS, by=STRANGER),
    # --- batches and their proofs
    "truncate the tail below the checkpoint": did(
        CHECKPOINTS, "partition 0 checkpoint of size 3: a history of 3 batches; 2", *truncated(6)),
    "drop a batch": did(ROOTS, rf"{P0} offset 3: a batch, for there is a proof of it; none",
                        f"DELETE FROM batch {SECOND_BATCH}"),
    "drop a proof": did(ROOTS, rf"{P0} offset 3: a proof of the batch; none", f"DELETE FROM batch_proof {SECOND}"),
    "drop a batch with its entries and its proof": did(
        HEADS, TREE.format(6) + "index 1; index 2", f"DELETE FROM batch_proof {SECOND}",
        f"DELETE FROM batch {SECOND_BATCH}", "DELETE FROM entry WHERE log_partition = 0 AND log_offset IN (3, 4, 5)"),
    "fork: two batches in one place": did(
        HEADS, TREE.format(3) + "index 2; index 1", FREE_PROOF,
        f"INSERT INTO batch_proof SELECT * FROM batch_proof {SECOND}"),
    "fork: go on from an older head": did(
        HEADS, TREE.format(6) + f"head {HASH}; head {HASH}",
        "UPDATE batch_proof SET head = o.head FROM batch_proof AS o WHERE o.partition = 0 AND o.tree_index = 0 "
        "AND batch_proof.partition = 0 AND batch_proof.tree_index = 2"),
    "renumber the tree": did(HEADS, TREE.format(6) + "index 2; index 9",
                             "UPDATE batch_proof SET tree_index = 9 WHERE partition = 0 AND tree_index = 2"),
    "edit a head": did(HEADS, TREE.format(3) + f"head {HASH}; head {'00' * 32}",
                       rf"UPDATE batch_proof SET head = '\x{'00' * 32}' {SECOND}"),
    "edit the peaks": did(HEADS, TREE.format(3) + f"peaks {HASH}; peaks {'00' * 32}",
                          rf"UPDATE batch_proof SET peaks = '\x{'00' * 32}' {SECOND}"),
    "edit a root": did(ROOTS, rf"{P0} offset 3: root {HASH}, of its entries; root {'00' * 32}",
                       rf"UPDATE batch_proof SET root = '\x{'00' * 32}' {SECOND}"),
    "forget a digest of words": did(
        DIGESTS, rf"entry {N1} at {P0} offset 1: digest {HASH}; digest {HASH}",
        "ALTER TABLE history ALTER COLUMN words_digest DROP NOT NULL",
        f"UPDATE entry SET words_digest = NULL WHERE id = '{N1}'"),
    "forget a head": did(
        HEADS, TREE.format(3) + f"head {HASH}; head $", "ALTER TABLE batch_proof ALTER COLUMN head DROP NOT NULL",
        f"UPDATE batch_proof SET head = NULL {SECOND}"),
    "edit the leaves": did(DIGESTS, rf"entry {N3} at {P0} offset 3: digest {'00' * 32}; digest {HASH}",
                           rf"UPDATE batch_proof SET leaves = overlay(leaves PLACING '\x{'00' * 32}' FROM 1) {SECOND}"),
    "swap the leaves": did(DIGESTS, rf"entry {N3} at {P0} offset 3: place 0 of its batch; place 1",
                           f"UPDATE batch_proof SET leaves = substr(leaves, 33) || substr(leaves, 1, 32) {SECOND}"),
    "stale epoch": did("epochs rise", rf"{P0} offset 7: epoch 2 or above; epoch 1",
                       "UPDATE batch SET epoch = 1 WHERE first_offset = 7"),
    "stale epoch that fits": did(HEADS, TREE.format(0) + f"head {HASH}; head {HASH}",
                                 f"UPDATE batch SET epoch = 2 WHERE topic = '{ENTRIES}' AND partition = 0"),
    "offset ahead": did("every offset has a batch, once", rf"{P0} offset 8: one batch; no batch for offsets 8 to 8",
                        f"UPDATE consumer_position SET next_offset = 9 WHERE topic = '{ENTRIES}' AND partition = 0"),
    "another outcome": did(HEADS, TREE.format(3) + f"head {HASH}; head {HASH}",
                           f"UPDATE batch SET rejected = duplicate, duplicate = '{{}}' {SECOND_BATCH}"),
    "no outcome": did("every offset has one outcome", rf"{P0} offset 5: one outcome, .*; none",
                      FREE_BATCH, f"UPDATE batch SET duplicate = '{{}}' {SECOND_BATCH}"),
    # --- checkpoints
    "edit a checkpoint's head": did(CHECKPOINTS, f"partition 0 checkpoint of size 3: head {HASH}, .*; head {'00' * 32}",
                                    rf"UPDATE checkpoint SET head = '\x{'00' * 32}' WHERE partition = 0"),
    "edit a checkpoint's time": did(SIGNED, NOT_SIGNED,
                                    "UPDATE checkpoint SET signed_at = signed_at - interval '1 day'"),
    "edit a checkpoint's size": did(CHECKPOINTS, f"partition 0 checkpoint of size 2: head {HASH}, .*; head {HASH}",
                                    "UPDATE checkpoint SET tree_size = 2 WHERE partition = 0"),
    "edit a checkpoint's signature": did(SIGNED, NOT_SIGNED,
                                         rf"UPDATE checkpoint SET signature = '\x{'00' * 64}'"),
    "edit a checkpoint's key": did(SIGNED, "partition 0 checkpoint of size 3: a key of .*; key nobody",
                                   "UPDATE checkpoint SET key_id = 'nobody'"),
    "move a checkpoint to another partition": did(
        CHECKPOINTS, "partition 5 checkpoint of size 3: a history of 3 batches; 0",
        "UPDATE checkpoint SET partition = 5 WHERE partition = 0"),
    # --- words
    **{f"edit words: {column}": did(WORDS, f"words of entry {N1}: digest {HASH}; {HASH}",
                                    f"UPDATE words SET {column} = {value} WHERE entry_id = '{N1}'")
       for column, value in {"title": "'Other'", "words": "NULL", "impact": "'Much'", "links": "ARRAY['x']",
                             "lines": "'[]'", "salt": rf"'\x{'00' * 16}'"}.items()},
    "swap two texts": did(WORDS, f"words of entry ({N1}|{N2}): digest {HASH}; {HASH}",
                          f"""UPDATE words AS w SET words = o.words FROM words AS o WHERE w.entry_id IN ('{N1}', '{N2}')
                              AND o.entry_id IN ('{N1}', '{N2}') AND w.entry_id <> o.entry_id"""),
    "delete words without an erasure": did(
        "words there unless erased", f"entry {N1}: its words, for nobody concerned was erased; none",
        f"DELETE FROM words WHERE entry_id = '{N1}'"),
    "put words back after an erasure": did(
        "words gone once erased", r"entry \S+: no words, for somebody concerned was erased; words",
        "INSERT INTO words SELECT occurred_at, id, employee, '', 'Back' FROM entry WHERE employee = 'e-gone'"),
    "forget an erasure": did("words there unless erased", r"entry \S+: its words, .*; none", "DELETE FROM erasure"),
    "pretend an erasure": did(
        "the erased are gone", "employee e-1: erased as far as 1; marked 0",
        "DELETE FROM words WHERE employee = 'e-1'",
        "INSERT INTO erasure (employee, requested_at, scope, words_erased) VALUES ('e-1', now(), 1, 1)"),
    # --- projections
    "edit standing": did("standing = fold of entries", "employee e-1: received 2; received 3",
                         "UPDATE standing SET received_count = received_count + 1 WHERE employee = 'e-1'"),
    "edit a day": did("recognition days = fold of entries", "employee e-1 day 2026-10-06: .*; .*",
                      "UPDATE recognition_day SET both_count = 7 WHERE employee = 'e-1'"),
    "edit a deed": did("deeds and answers = fold of entries", "employee e-3 deed of urn:tracker deed: .*; .*",
                       "UPDATE deed SET answered_at = now()"),
    "remove a withdrawal's row": did("withdrawals fit", r"entry \S+: noted as withdrawn; only the withdrawal",
                                     "DELETE FROM withdrawal"),
    "note a withdrawal nobody made": did("withdrawals fit", f"entry {N1}: a withdrawal in history; only the note",
                                         f"INSERT INTO withdrawal VALUES ('e-1', '{N1}')"),
}  # fmt: skip
