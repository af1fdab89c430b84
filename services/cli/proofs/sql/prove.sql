-- What a proof of one entry is made of.

-- name: entry
-- An entry with its batch. $1: its id, $2: the time within the id, $3: the entries topic. Columns as they are hashed.
SELECT e.occurred_at, e.log_offset, e.log_partition, e.follow_up, e.kind, e.subkind, e.by, e.basis, e.size,
    e.visibility, e.giver_is_manager, e.lead, e.stretch, e.id::text, e.employee, e.cause_source, e.cause_id, e.digest,
    e.giver, e.accepted_by, e.goal, e.value, e.answers_source, e.answers_id, e.award_grant, e.withdraws::text, e.skills,
    e.helped_by, e.words_digest, b.first_offset, b.applied, p.tree_index, p.leaves
FROM entry AS e
CROSS JOIN LATERAL (
    SELECT * FROM batch AS b
    WHERE b.topic = $3 AND b.partition = e.log_partition AND b.first_offset <= e.log_offset
    ORDER BY b.first_offset DESC LIMIT 1
) AS b
JOIN batch_proof AS p ON p.partition = b.partition AND p.first_offset = b.first_offset
WHERE e.id = $1 AND e.occurred_at = $2;

-- name: checkpoint
-- The newest one that covers the batch $2 of partition $1.
SELECT partition, tree_size, head, signed_at, key_id, signature
FROM checkpoint WHERE partition = $1 AND tree_size > $2
ORDER BY tree_size DESC LIMIT 1;

-- name: batches
-- $1: the entries topic, $2: a partition, $3: places in its tree. Everything but the leaves themselves.
SELECT p.partition, p.tree_index, b.epoch, b.first_offset, b.next_offset, b.applied, b.duplicate, b.rejected, b.parked,
    b.ignored, b.control, p.root, p.peaks, octet_length(p.leaves) / 32 AS entries_count
FROM batch_proof AS p
JOIN batch AS b ON b.topic = $1 AND b.partition = p.partition AND b.first_offset = p.first_offset
WHERE p.partition = $2 AND p.tree_index = ANY ($3::bigint[]);
