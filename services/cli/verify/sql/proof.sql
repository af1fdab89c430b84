-- The ledger's proof: digests, roots, heads and checkpoints, read in the order in which they follow from each other.
-- Whoever tampers may have dropped a NOT NULL: what is missing is read as empty, and found wrong.

-- name: entries
-- Every entry in order of the log. Ids as text, as they are hashed.
SELECT occurred_at, log_offset, log_partition, follow_up, kind, subkind, by, basis, size, visibility,
    giver_is_manager, lead, stretch, id::text, employee, cause_source, cause_id, digest, giver, accepted_by, goal,
    value, answers_source, answers_id, award_grant, withdraws::text, skills, helped_by, coalesce(words_digest, '') AS words_digest
FROM entry ORDER BY log_partition, log_offset, id;

-- name: entries_count
SELECT count(*) FROM entry;

-- name: words
-- Free text beside the digest that history keeps of it, in any order.
SELECT e.id::text, coalesce(e.words_digest, '') AS words_digest, coalesce(w.salt, '') AS salt, w.title, w.words, w.impact, w.links, w.lines
FROM entry AS e
JOIN words AS w ON w.occurred_at = e.occurred_at AND w.employee = e.employee AND w.entry_id = e.id;

-- name: batches
-- $1: the entries topic. Batches beside their proofs, each where it stands in its partition; one of both may be missing.
SELECT coalesce(b.partition, p.partition) AS partition, coalesce(b.first_offset, p.first_offset) AS first_offset,
    b.next_offset, coalesce(b.epoch, 0) AS epoch,
    coalesce(b.applied, '{}') AS applied, coalesce(b.duplicate, '{}') AS duplicate,
    coalesce(b.rejected, '{}') AS rejected, coalesce(b.parked, '{}') AS parked,
    coalesce(b.ignored, '{}') AS ignored, coalesce(b.control, '{}') AS control,
    p.tree_index, coalesce(p.leaves, '') AS leaves, coalesce(p.root, '') AS root, coalesce(p.head, '') AS head,
    coalesce(p.peaks, '') AS peaks
FROM (SELECT * FROM batch WHERE topic = $1) AS b
FULL JOIN batch_proof AS p ON p.partition = b.partition AND p.first_offset = b.first_offset
ORDER BY 1, 2, p.tree_index;

-- name: checkpoints_fit
-- A checkpoint's head is the head of the tree at its size.
SELECT format('partition %s checkpoint of size %s', c.partition, c.tree_size) AS place,
    CASE WHEN p.head IS NULL THEN format('a history of %s batches', c.tree_size)
        ELSE format('head %s, as the tree has it', encode(p.head, 'hex')) END AS expected,
    CASE WHEN p.head IS NULL THEN format('%s', coalesce(t.tree_size, 0))
        ELSE format('head %s', encode(c.head, 'hex')) END AS found,
    count(*) OVER () AS faults
FROM checkpoint AS c
LEFT JOIN batch_proof AS p ON p.partition = c.partition AND p.tree_index = c.tree_size - 1
LEFT JOIN (SELECT partition, max(tree_index) + 1 AS tree_size FROM batch_proof GROUP BY partition) AS t
    ON t.partition = c.partition
WHERE p.head IS DISTINCT FROM c.head
ORDER BY c.partition, c.tree_size LIMIT 1;

-- name: figures
-- What is under a checkpoint, and what came after the last one of its partition.
SELECT (SELECT count(*) FROM checkpoint) AS checkpoints, (SELECT count(*) FROM batch_proof) AS batches,
    (SELECT count(*) FROM batch_proof AS p WHERE p.tree_index >= coalesce(
        (SELECT max(c.tree_size) FROM checkpoint AS c WHERE c.partition = p.partition), 0)) AS batches_after;

-- name: keys
SELECT key_id, public_key FROM checkpoint_key ORDER BY key_id;

-- name: checkpoints
SELECT partition, tree_size, coalesce(head, '') AS head, coalesce(signed_at, 'epoch') AS signed_at, key_id,
    coalesce(signature, '') AS signature
FROM checkpoint ORDER BY partition, tree_size;

-- name: checkpoints_beside
-- Checkpoints of these partitions and sizes.
SELECT c.partition, c.tree_size, c.head, c.signed_at, c.key_id, c.signature
FROM unnest($1::integer[], $2::bigint[]) AS n (partition, tree_size)
JOIN checkpoint AS c ON c.partition = n.partition AND c.tree_size = n.tree_size;

-- name: erasures
SELECT employee FROM erasure ORDER BY employee;

-- name: tails
-- $1: the entries topic. By partition: the first offset past the last checkpoint, and where the ledger stands.
SELECT s.partition, coalesce(
        (SELECT b.next_offset FROM batch AS b JOIN batch_proof AS p
                ON p.partition = b.partition AND p.first_offset = b.first_offset
            WHERE b.topic = s.topic AND b.partition = s.partition AND p.tree_index =
                (SELECT max(c.tree_size) FROM checkpoint AS c WHERE c.partition = s.partition) - 1),
        s.first_offset) AS first_offset, s.next_offset
FROM consumer_position AS s WHERE s.topic = $1 ORDER BY s.partition;

-- name: tail_entries
-- Entries of partition $1 from offset $2 on, in order of the log.
SELECT log_offset, id::text, employee FROM entry WHERE log_partition = $1 AND log_offset >= $2 ORDER BY log_offset;

-- name: records_without_entry
-- $1: the entries topic, $2: a partition; then offsets, ids and keys of records at whose offset there is no entry.
-- None of them was applied, a duplicate stands elsewhere in history, and where there is a record there is no marker.
SELECT format('%s[%s] offset %s', $1::text, $2::integer, n.log_offset) AS place,
    format('entry %s of employee %s, as in the log', n.id, n.employee) AS expected,
    CASE WHEN b.control @> n.log_offset THEN 'none, but a marker' WHEN b.applied @> n.log_offset THEN 'none'
        ELSE 'none, but a duplicate of it' END AS found,
    count(*) OVER () AS faults
FROM unnest($3::bigint[], $4::text[], $5::text[]) AS n (log_offset, id, employee)
JOIN batch AS b ON b.topic = $1 AND b.partition = $2 AND b.first_offset <= n.log_offset AND b.next_offset > n.log_offset
WHERE b.control @> n.log_offset OR b.applied @> n.log_offset
    OR (b.duplicate @> n.log_offset
        AND NOT EXISTS (SELECT FROM entry AS e WHERE e.employee = n.employee AND e.id::text = n.id))
ORDER BY n.log_offset LIMIT 1;
