-- Proofs of batches, and checkpoints. See docs/proof.md for what the bytes mean.

-- name: read_frontiers
-- Where the trees of these partitions stand. Their rows of consumer_position are locked: nobody else appends.
SELECT n.partition, p.tree_index, p.peaks
FROM unnest($1::integer[]) AS n (partition)
CROSS JOIN LATERAL (
    SELECT b.tree_index, b.peaks FROM batch_proof AS b
    WHERE b.partition = n.partition ORDER BY b.tree_index DESC LIMIT 1
) AS p;

-- name: insert_proofs
INSERT INTO batch_proof (partition, tree_index, first_offset, leaves, root, head, peaks)
SELECT n.*
FROM unnest($1::integer[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[], $7::bytea[]) AS n;

-- name: lock_signing
-- One process signs at a time; whoever waited finds the others' checkpoints there.
SELECT pg_advisory_xact_lock(hashtext('waystone.ledger.checkpoints'));

-- name: read_unsigned
-- $1: the entries topic. Heads that have moved since their last checkpoint, where that is of before $2.
SELECT n.partition, p.tree_index + 1 AS tree_size, p.head
FROM (SELECT DISTINCT partition FROM consumer_position WHERE topic = $1) AS n
CROSS JOIN LATERAL (
    SELECT b.tree_index, b.head FROM batch_proof AS b
    WHERE b.partition = n.partition ORDER BY b.tree_index DESC LIMIT 1
) AS p
LEFT JOIN LATERAL (
    SELECT c.tree_size, c.signed_at FROM checkpoint AS c
    WHERE c.partition = n.partition ORDER BY c.tree_size DESC LIMIT 1
) AS last ON true
WHERE last.tree_size IS NULL OR (last.tree_size <= p.tree_index AND last.signed_at < $2::timestamptz)
ORDER BY n.partition;

-- name: insert_checkpoints
INSERT INTO checkpoint (partition, tree_size, head, signed_at, key_id, signature)
SELECT n.partition, n.tree_size, n.head, $4, $5, n.signature
FROM unnest($1::integer[], $2::bigint[], $3::bytea[], $6::bytea[]) AS n (partition, tree_size, head, signature);

-- name: insert_keys
INSERT INTO checkpoint_key (key_id, public_key)
SELECT n.* FROM unnest($1::text[], $2::bytea[]) AS n (key_id, public_key)
ON CONFLICT DO NOTHING;

-- name: read_keys
SELECT k.key_id, k.public_key, k.first_seen_at,
    (SELECT max(c.signed_at) FROM checkpoint AS c WHERE c.key_id = k.key_id) AS last_signed_at
FROM checkpoint_key AS k ORDER BY k.first_seen_at, k.key_id;

-- name: read_checkpoints
-- The newest of each partition.
SELECT n.partition, c.tree_size, c.head, c.signed_at, c.key_id, c.signature
FROM (SELECT DISTINCT partition FROM consumer_position) AS n
CROSS JOIN LATERAL (
    SELECT * FROM checkpoint AS c WHERE c.partition = n.partition ORDER BY c.tree_size DESC LIMIT 1
) AS c
ORDER BY n.partition;
