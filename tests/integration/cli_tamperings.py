"""What a superuser does to a database behind the services' back, and how verification must name it."""

from tests.integration.cli_rig import LONG_AGO, TODAY

ENTRIES = "recognition.entries.v1"
GAP_OR_OVERLAP = "every offset has a batch, once"
ONE_OUTCOME = "every offset has one outcome"
SOME_ENTRY = "(SELECT id FROM entry WHERE kind = 4 ORDER BY id LIMIT 1)"
# Came after the checkpoint, alone in its batch.
TAIL = "entry.subkind = 48 AND entry.employee = 'e-2'"
TAIL_BATCH = f"""topic = '{ENTRIES}' AND EXISTS (SELECT FROM batch_proof AS p WHERE p.partition = batch.partition
    AND p.first_offset = batch.first_offset AND octet_length(leaves) = 32 AND tree_index >=
    (SELECT max(tree_size) FROM checkpoint AS c WHERE c.partition = batch.partition))"""
A_MONTH_LATER = """INSERT INTO entry
    SELECT (jsonb_populate_record(e, jsonb_build_object('occurred_at', e.occurred_at + interval '1 month'))).*
    FROM entry AS e WHERE id = """
SWAP = """ALTER TABLE {0}_{1} RENAME TO {0}_kept;
    ALTER TABLE {0}_{2} RENAME TO {0}_{1};
    ALTER TABLE {0}_kept RENAME TO {0}_{2}"""
NEED_KAFKA = {
    "positions are of this cluster",
    "stored offsets lie within the log",
    "partitions read from their beginning",
    "every partition of a topic read",
    "Kafka's committed offsets not ahead",
    "checkpoints = those in the log",
    "history after the checkpoints = the log",
    "erasures were asked for",
    "emitted entries are in the ledger, alike",
    "intents are of recognitions in the ledger",
    "recognitions in the ledger have intents",
}
LONG_BATCH = f"""(topic, partition, first_offset) IN (SELECT topic, partition, first_offset FROM batch
    WHERE topic = '{ENTRIES}' AND next_offset - first_offset > 1 ORDER BY partition, first_offset LIMIT 1)"""
LONGEST = f"""(topic, partition) = (SELECT topic, partition FROM consumer_position
    WHERE topic = '{ENTRIES}' ORDER BY next_offset DESC LIMIT 1)"""
LAST_OFFSET_AGAIN = f"""INSERT INTO batch SELECT topic, partition, epoch, next_offset - 1, next_offset,
    int8multirange(int8range(next_offset - 1, next_offset)), '{{}}', '{{}}', '{{}}', '{{}}', '{{}}'
    FROM batch WHERE {LONG_BATCH}"""
AT_ANOTHERS_OFFSET = f"""UPDATE entry SET (log_partition, log_offset) =
    (SELECT log_partition, log_offset FROM entry WHERE kind = 1 ORDER BY id LIMIT 1) WHERE id = {SOME_ENTRY}"""
WORDS_AGAIN = """INSERT INTO words (occurred_at, entry_id, employee, salt, title)
    SELECT occurred_at, id, employee, '', 'Back' FROM entry WHERE employee = 'e-4'"""
FREE_BATCH = "ALTER TABLE batch DROP CONSTRAINT every_offset_has_an_outcome"
FREE_INTENT = "ALTER TABLE intent DROP CONSTRAINT {}"


TAMPERINGS: list[tuple[str, list[str], str, str]] = [
        # --- offsets and outcomes
        ("notifier", [f"UPDATE consumer_position SET next_offset = next_offset + 1 WHERE topic = '{ENTRIES}'"],
         GAP_OR_OVERLAP, r"recognition.entries.v1\[0\] offset \d+: one batch; no batch for offsets (\d+) to \1"),
        ("recognition", ["DELETE FROM batch WHERE topic = 'recognition.achievements.v1'"],
         GAP_OR_OVERLAP, r"recognition.achievements.v1\[\d\] offset \d+: one batch; no batch for offsets"),
        ("ledger", [LAST_OFFSET_AGAIN],
         GAP_OR_OVERLAP, r"entries.v1\[\d\] offset \d+: one batch; batches up to offset \d+, and again from \d+ on"),
        ("ledger", ["DELETE FROM consumer_position WHERE topic = 'recognition.people.v1'"],
         GAP_OR_OVERLAP, r"people.v1\[\d\] offset \d+: a stored position; \d batches and none"),
        ("ledger", ["UPDATE batch SET duplicate = applied"], ONE_OUTCOME, r"offset \d+: one outcome, .*; two"),
        ("ledger", [FREE_BATCH, "UPDATE batch SET applied = '{}'"], ONE_OUTCOME, r"offset \d+: one outcome, .*; none"),
        ("ledger", [FREE_BATCH, "UPDATE batch SET ignored = int8multirange(int8range(0, next_offset + 7))"],
         ONE_OUTCOME, r"offset \d+: one outcome, .*; "),
        ("notifier", [f"UPDATE batch SET epoch = 9 WHERE {LONG_BATCH}"],
         "epochs rise", r"entries.v1\[\d\] offset \d+: epoch 2 or below; epoch 9"),
        ("recognition", ["INSERT INTO outbox_aside (topic, headers, code) VALUES ('t', '', 'TOO_LARGE')"],
         "nothing set aside", r"t, set aside at .*: every record published; refused by the broker: TOO_LARGE"),
        # --- beside Kafka
        ("ledger", ["UPDATE consumer_position SET cluster_id = 'elsewhere' WHERE partition = 3"],
         "positions are of this cluster", r"\[3\]: a partition of cluster .*; cluster elsewhere"),
        ("notifier", [f"UPDATE consumer_position SET next_offset = 999999 WHERE topic = '{ENTRIES}' AND partition = 2"],
         "stored offsets lie within the log", r"entries.v1\[2\]: an offset the log has; 999999, log \[\d+, \d+\]"),
        ("notifier", [f"UPDATE consumer_position SET first_offset = next_offset WHERE {LONGEST}"],
         "partitions read from their beginning",
         r"entries.v1\[\d+\]: the first offset the log has, or one before it; begun at \d+, log \[0, \d+\]"),
        ("notifier", [f"DELETE FROM consumer_position WHERE {LONGEST}"],
         "every partition of a topic read", r"entries.v1\[\d+\]: a stored position; none, log \[0, \d+\]"),
        ("ledger", ["UPDATE consumer_position SET next_offset = first_offset"],
         "Kafka's committed offsets not ahead", r"\[\d\]: at most the stored offset; \d+, stored \d+"),
        # --- history
        ("ledger", [f"DELETE FROM entry WHERE id = {SOME_ENTRY}"],
         "entries = applied offsets", r"recognition.entries.v1\[\d\] offset \d+: an entry, .*; none"),
        ("ledger", [f"UPDATE entry SET log_offset = 123456 WHERE id = {SOME_ENTRY}"],
         "entries = applied offsets", r"recognition.entries.v1\[\d\] offset \d+: "),
        ("ledger", [AT_ANOTHERS_OFFSET],
         "one entry per offset", r"partition \d offset \d+: one entry; 2: \S+, \S+"),
        ("ledger", ["ALTER TABLE entry DROP CONSTRAINT id_holds_the_time", A_MONTH_LATER + SOME_ENTRY],
         "ids unique across months", r"entry \S+: in one month; 2 times, in entry_\d{4}_\d\d, entry_\d{4}_\d\d"),
        ("ledger", ["ALTER TABLE entry DROP CONSTRAINT id_holds_the_time",
                    f"UPDATE entry SET occurred_at = occurred_at + interval '1 millisecond' WHERE id = {SOME_ENTRY}"],
         "occurred_at is the id's time", r"entry \S+: UUIDv8 of .*; version 8 of "),
        ("ledger", [SWAP.format("entry", LONG_AGO.strftime("%Y_%m"), TODAY.strftime("%Y_%m"))],
         "months hold their own", r"table entry_\d{4}_\d\d: .* to before .*; .* to "),
        ("ledger", [SWAP.format("recognition_day", LONG_AGO.strftime("%Y_%m"), TODAY.strftime("%Y_%m"))],
         "months hold their own", r"table recognition_day_\d{4}_\d\d: "),
        # --- words
        ("ledger", [f"DELETE FROM words WHERE entry_id = {SOME_ENTRY}"],
         "words there unless erased", r"entry \S+: its words, for nobody concerned was erased; none"),
        ("ledger", [WORDS_AGAIN],
         "words gone once erased", r"entry \S+: no words, .*; words"),
        ("ledger", [f"UPDATE words SET title = NULL WHERE entry_id = {SOME_ENTRY}"],
         "words belong to entries", r"words of entry \S+: a title; none"),
        ("ledger", [f"DELETE FROM entry WHERE id = {SOME_ENTRY}"],
         "words belong to entries", r"words of entry \S+: an entry; none"),
        ("ledger", ["UPDATE standing SET erased_scope = 0 WHERE employee = 'e-4'"],
         "the erased are gone", "employee e-4: erased as far as 1; marked 0"),
        ("ledger", ["INSERT INTO preference VALUES ('e-4', now(), 'p', 2)"],
         "the erased are gone", "employee e-4: no wishes; some"),
        # --- projections
        ("ledger", ["UPDATE standing SET received_count = received_count + 1 WHERE employee = 'e-1'"],
         "standing = fold of entries", "employee e-1: received 2; received 3"),
        ("ledger", ["UPDATE standing SET last_growth_at = NULL WHERE employee = 'e-3'"],
         "standing = fold of entries", "employee e-3: last growth 20.*; last growth never"),
        ("ledger", ["DELETE FROM standing WHERE employee = 'e-2'"],
         "standing = fold of entries", "employee e-2: .*received [1-9]; .*received 0"),
        ("ledger", ["UPDATE recognition_day SET effort_count = 5 WHERE employee = 'e-1' AND effort_count = 1"],
         "recognition days = fold of entries", r"employee e-1 day \S+: effort 1, .*; effort 5, "),
        ("ledger", ["UPDATE deed SET answered_at = NULL WHERE cause_id = 'deed-answered'"],
         "deeds and answers = fold of entries",
         r"employee e-1 deed of urn:test:cli deed-answered: .*answered 20.*; .*answered never"),
        ("ledger", ["DELETE FROM withdrawal"],
         "withdrawals fit", r"entry \S+: noted as withdrawn; only the withdrawal"),
        ("ledger", [f"INSERT INTO withdrawal SELECT employee, id FROM entry WHERE id = {SOME_ENTRY}"],
         "withdrawals fit", r"entry \S+: a withdrawal in history; only the note"),
        ("ledger", ["UPDATE entry SET subkind = 34 WHERE subkind = 31"],
         "withdrawals fit", r"entry \S+: of kind 4, as withdrawal \S+ says; of kind 1"),
        ("ledger", ["UPDATE entry SET award_grant = 'g-1' WHERE employee = 'e-1' AND kind = 2"],
         "one award per grant", r"employee e-1 grant g-1: one award; \d: "),
        # --- proof (more of it in proof_tamperings.py)
        ("ledger", [f"UPDATE entry SET goal = 'g-7' WHERE id = {SOME_ENTRY}"],
         "entries = their digests", r"entry \S+ at \S+\[\d\] offset \d+: digest \w{64}; digest \w{64}"),
        ("ledger", [f"UPDATE words SET words = 'Other' WHERE entry_id = {SOME_ENTRY}"],
         "words = their digests", r"words of entry \S+: digest \w{64}; \w{64}"),
        ("ledger", ["UPDATE batch_proof SET root = sha256('x')"],
         "batches = their roots", r"entries.v1\[\d\] offset \d+: root \w{64}, of its entries; root \w{64}"),
        ("ledger", ["UPDATE batch_proof SET head = sha256('x')"],
         "roots = tree heads", r"offset \d+ in the tree of partition \d: head \w{64}; head \w{64}"),
        ("ledger", ["UPDATE checkpoint SET head = sha256('x')"],
         "checkpoints = tree heads", r"checkpoint of size \d+: head \w{64}, as the tree has it; head \w{64}"),
        ("ledger", ["UPDATE checkpoint SET signed_at = now()"],
         "checkpoints are signed", r"checkpoint of size \d+: a signature by key \w{16}; one that is not"),
        ("ledger", ["DELETE FROM checkpoint"],
         "checkpoints = those in the log", r"checkpoint of size \d+: head \w{64} of .*, as in the log; none"),
        ("ledger", ["UPDATE checkpoint SET signed_at = now()"],
         "checkpoints = those in the log", r"checkpoint of size \d+: head .* of .*, as in the log; head .* of "),
        ("ledger", [f"UPDATE entry SET id = overlay(id::text PLACING '0000' FROM 33)::uuid WHERE {TAIL}"],
         "history after the checkpoints = the log", r"entry \S+ of employee e-2, as in the log; entry \S+0000 of"),
        ("ledger", [f"DELETE FROM words USING entry WHERE entry_id = id AND {TAIL}",
                    f"DELETE FROM entry WHERE {TAIL}",
                    f"UPDATE batch SET duplicate = applied, applied = '{{}}' WHERE {TAIL_BATCH}"],
         "history after the checkpoints = the log",
         r"offset \d+: entry \S+ of employee e-2, as in the log; none, but a duplicate of it"),
        ("ledger", [f"DELETE FROM entry WHERE {TAIL}",
                    f"UPDATE batch SET control = control + applied, applied = '{{}}' WHERE {TAIL_BATCH}"],
         "history after the checkpoints = the log", r"as in the log; none, but a marker"),
        ("ledger", ["INSERT INTO erasure (employee, requested_at, scope) VALUES ('e-1', now(), 1)"],
         "erasures were asked for", "employee e-1: an erasure in the log; none"),
        # --- between recognition and ledger, ledger and notifier
        ("recognition", ["DELETE FROM emitted WHERE type_name = 'deed'"],
         "ledger entries were emitted",
         r"entry \S+: none, for it is not emitted by recognition; employee e-\d, kind deed"),
        ("recognition", ["INSERT INTO emitted VALUES ('s', 'i', gen_random_uuid(), 'e-1', 'deed')"],
         "emitted entries are in the ledger, alike", r"entry \S+: employee e-1, kind deed, .*; none"),
        ("recognition", ["UPDATE emitted SET withdrawn = false WHERE withdrawn"],
         "emitted entries are in the ledger, alike", r"entry \S+: .*withdrawn False, .*; .*withdrawn True"),
        ("recognition", ["ALTER TABLE emitted DROP CONSTRAINT emitted_pkey",
                         "INSERT INTO emitted SELECT source, 'other', entry, employee, type_name FROM emitted LIMIT 1"],
         "one cause per entry", r"entry \S+: one cause; 2: "),
        ("recognition", ["UPDATE person SET waiting = 0 WHERE waiting > 0"],
         "who waits is counted", "employee e-nobody: 1 parts waiting; a count of 0"),
        ("recognition", ["INSERT INTO skill VALUES ('e-4', 'knots')"],
         "the erased are gone", "employee e-4: no skills; some"),
        ("notifier", ["DELETE FROM intent WHERE state = 'suppressed'"],
         "intents = applied offsets", "11 applied offsets; 1 intents and 1 withdrawals"),
        ("notifier", ["UPDATE intent SET recognition = gen_random_uuid() WHERE state = 'sent'"],
         "recognitions in the ledger have intents", r"entry \S+: employee e-2, as in the ledger; none"),
        ("ledger", ["DELETE FROM entry WHERE kind = 2 AND employee = 'e-2'"],
         "intents are of recognitions in the ledger", r"entry \S+: none, for it is not in the ledger; employee e-2"),
        # --- what was told
        ("notifier", [FREE_INTENT.format("intent_pkey"),
                      "INSERT INTO intent SELECT * FROM intent WHERE state = 'suppressed' LIMIT 1"],
         "one intent per recognition and person", r"recognition \S+ employee \S+: one intent; 2"),
        ("notifier", [FREE_INTENT.format("intent_employee_award_grant_key"),
                      "UPDATE intent SET award_grant = 'g-1' WHERE employee = 'e-1'"],
         "one intent per grant", r"employee e-1 grant g-1: one intent; 3"),
        ("notifier", [FREE_INTENT.format("only_the_end_has_an_end"),
                      "UPDATE intent SET ended_at = NULL WHERE state = 'suppressed'"],
         "states are legal", r"intent of recognition \S+: a time of the end, being suppressed; not so"),
        ("notifier", [FREE_INTENT.format("ended_has_no_words"), "UPDATE intent SET body = '{}' WHERE state = 'sent'"],
         "states are legal", r"no words any more, being sent; not so"),
        ("notifier", ["UPDATE message SET state = 'failed', reason = 'refused'"],
         "messages match their intents", r"message \S+: sent, as its intent; failed"),
        ("notifier", ["DELETE FROM message"], "messages match their intents", r"message \S+: a message; none"),
        ("notifier", ["DELETE FROM message"],
         "intents = messages + suppressed + due", "all intents: 10; 0 messages, 9 suppressed, 0 due"),
        ("notifier", ["DELETE FROM attempt"], "attempts add up", r"message \S+: 1 attempts; 0, numbered up to 0"),
        ("notifier", ["UPDATE attempt SET outcome = 'temporary'"],
         "attempts add up", r"message \S+: a last attempt that was sent; temporary"),
]  # fmt: skip
