-- What every service keeps of its topics: where each partition stands, and what became of each offset.
-- Queries of faults give the first one and how many there are: place, expected, found, faults.

-- name: positions
SELECT topic, partition, cluster_id, epoch, first_offset, next_offset
FROM consumer_position ORDER BY topic, partition;

-- name: figures
SELECT
    (SELECT count(*) FROM consumer_position) AS partitions,
    (SELECT coalesce(sum(next_offset - first_offset), 0)::bigint FROM consumer_position) AS offsets,
    (SELECT count(*) FROM batch) AS batches,
    (SELECT coalesce(sum(record_count), 0)::bigint FROM outbox) AS waiting;

-- name: outcomes
-- How many offsets had which outcome.
SELECT o.outcome, sum(upper(r) - lower(r))::bigint AS offsets
FROM batch AS b
CROSS JOIN LATERAL (VALUES ('applied', b.applied), ('duplicate', b.duplicate), ('rejected', b.rejected),
    ('parked', b.parked), ('ignored', b.ignored), ('control', b.control)) AS o (outcome, offsets)
CROSS JOIN LATERAL unnest(o.offsets) AS r
GROUP BY o.outcome ORDER BY o.outcome;

-- name: outbox_waiting
-- Records that wait to be published.
SELECT coalesce(sum(record_count), 0)::bigint AS waiting FROM outbox;

-- name: nothing_set_aside
-- Records that no broker would take: nobody has read them.
SELECT format('%s, set aside at %s', topic, set_aside_at) AS place, 'every record published' AS expected,
    format('refused by the broker: %s', code) AS found, count(*) OVER () AS faults
FROM outbox_aside ORDER BY id LIMIT 1;

-- name: ranges
-- Batches of a partition follow each other without gap or overlap, from its first offset to where it stands.
WITH walk AS (
    SELECT p.topic, p.partition, b.first_offset AS begins,
        coalesce(max(b.next_offset) OVER (PARTITION BY p.topic, p.partition ORDER BY b.first_offset
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), p.first_offset) AS due
    FROM consumer_position AS p JOIN batch AS b USING (topic, partition)
    UNION ALL
    SELECT p.topic, p.partition, p.next_offset, coalesce(max(b.next_offset), p.first_offset)
    FROM consumer_position AS p LEFT JOIN batch AS b USING (topic, partition)
    GROUP BY p.topic, p.partition
),
fault AS (
    SELECT topic, partition, least(begins, due) AS at, 'one batch' AS expected,
        CASE WHEN begins > due THEN format('no batch for offsets %s to %s', due, begins - 1)
            ELSE format('batches up to offset %s, and again from %s on', due - 1, begins) END AS found
    FROM walk WHERE begins <> due
    UNION ALL
    SELECT b.topic, b.partition, min(b.first_offset), 'a stored position', format('%s batches and none', count(*))
    FROM batch AS b
    WHERE NOT EXISTS (SELECT FROM consumer_position AS p WHERE p.topic = b.topic AND p.partition = b.partition)
    GROUP BY b.topic, b.partition
)
SELECT format('%s[%s] offset %s', topic, partition, at) AS place, expected, found, count(*) OVER () AS faults
FROM fault ORDER BY topic, partition, at LIMIT 1;

-- name: export_snapshot
-- For another connection that is to see the same.
SELECT pg_export_snapshot();

-- name: one_outcome
-- Within a batch every offset has one outcome, and no offset beyond the batch has any.
WITH told AS (
    SELECT topic, partition, first_offset,
        int8multirange(int8range(first_offset, next_offset)) AS due,
        applied + duplicate + rejected + parked + ignored + control AS told,
        applied * duplicate
            + (applied + duplicate) * rejected
            + (applied + duplicate + rejected) * parked
            + (applied + duplicate + rejected + parked) * ignored
            + (applied + duplicate + rejected + parked + ignored) * control AS twice
    FROM batch
),
fault AS (
    SELECT topic, partition, lower(due - told) AS at, 'none' AS found FROM told WHERE NOT isempty(due - told)
    UNION ALL
    SELECT topic, partition, lower(twice), 'two' FROM told WHERE NOT isempty(twice)
    UNION ALL
    SELECT topic, partition, lower(told - due), format('one in the batch from %s on', first_offset)
    FROM told WHERE NOT isempty(told - due)
)
SELECT format('%s[%s] offset %s', topic, partition, at) AS place, 'one outcome, in the batch that covers it' AS expected,
    found, count(*) OVER () AS faults
FROM fault ORDER BY topic, partition, at LIMIT 1;

-- name: epochs
-- Along a partition epochs rise, and none is above its owner's.
WITH walk AS (
    SELECT topic, partition, first_offset AS at, epoch,
        lag(epoch, 1, 1::bigint) OVER (PARTITION BY topic, partition ORDER BY first_offset) AS at_least
    FROM batch
),
fault AS (
    SELECT topic, partition, at, format('epoch %s or above', at_least) AS expected, epoch
    FROM walk WHERE epoch < at_least
    UNION ALL
    SELECT w.topic, w.partition, w.at, format('epoch %s or below', p.epoch), w.epoch
    FROM walk AS w JOIN consumer_position AS p USING (topic, partition) WHERE w.epoch > p.epoch
)
SELECT format('%s[%s] offset %s', topic, partition, at) AS place, expected, format('epoch %s', epoch) AS found,
    count(*) OVER () AS faults
FROM fault ORDER BY topic, partition, at LIMIT 1;
