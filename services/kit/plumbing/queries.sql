-- name: limit_waiting
-- A migration neither waits long for a lock, with everybody else queueing behind it, nor runs for ever.
SET lock_timeout = '10s'; SET statement_timeout = '10min';

-- name: create_schema_migration
-- Which migrations this database has seen, with the digest of their text.
CREATE TABLE IF NOT EXISTS schema_migration (
    component text NOT NULL,
    number integer NOT NULL,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (component, number)
);

-- name: applied_migrations
SELECT component, number, sha256 FROM schema_migration;

-- name: record_migration
INSERT INTO schema_migration (component, number, name, sha256) VALUES ($1, $2, $3, $4);

-- name: claim_positions
-- A newly assigned partition is claimed: the epoch rises, so that a write by the former owner finds no row.
-- A partition never seen before starts at $4, the first offset the log still has.
INSERT INTO consumer_position AS p (topic, partition, cluster_id, epoch, first_offset, next_offset)
SELECT n.topic, n.partition, $3, 1, n.beginning, n.beginning
FROM unnest($1::text[], $2::integer[], $4::bigint[]) AS n (topic, partition, beginning)
ORDER BY n.topic, n.partition
ON CONFLICT (topic, partition) DO UPDATE SET epoch = p.epoch + 1
RETURNING p.topic, p.partition, p.cluster_id, p.epoch, p.next_offset;

-- name: advance_positions
-- The fence. First statement of every batch: only the owner of the epoch, and only from where it stood, may go on.
UPDATE consumer_position AS p
SET next_offset = n.next_offset, updated_at = now()
FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[], $5::bigint[])
    AS n (topic, partition, epoch, stored_offset, next_offset)
WHERE p.topic = n.topic AND p.partition = n.partition
    AND p.epoch = n.epoch AND p.next_offset = n.stored_offset
RETURNING p.topic, p.partition;

-- name: read_lineage
-- Which server this is, and on which timeline it writes now (the last checkpoint may still name the one before).
SELECT system_identifier AS system,
    ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::bigint AS timeline
FROM pg_control_system();

-- name: read_positions
-- Where these partitions stand: tells an unknown commit (same epoch, offset moved on) from a lost claim.
SELECT p.topic, p.partition, p.epoch, p.next_offset
FROM consumer_position AS p
JOIN unnest($1::text[], $2::integer[]) AS n (topic, partition) USING (topic, partition);

-- name: insert_batches
-- One row per partition of the batch, with the outcome of every offset in it.
INSERT INTO batch (topic, partition, epoch, first_offset, next_offset,
    applied, duplicate, rejected, parked, ignored, control)
SELECT n.topic, n.partition, n.epoch, n.first_offset, n.next_offset,
    n.applied::int8multirange, n.duplicate::int8multirange, n.rejected::int8multirange,
    n.parked::int8multirange, n.ignored::int8multirange, n.control::int8multirange
FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[], $5::bigint[],
    $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[])
    AS n (topic, partition, epoch, first_offset, next_offset,
        applied, duplicate, rejected, parked, ignored, control);

-- name: insert_outbox
-- The last statement of a transaction: the id is drawn while every lock is held, so that of two transactions
-- which touch the same row the later one has the larger id.
INSERT INTO outbox (id, record_count, records)
SELECT nextval('outbox_id_seq'), n.record_count, n.records
FROM unnest($1::integer[], $2::bytea[]) WITH ORDINALITY AS n (record_count, records, place)
ORDER BY n.place;

-- name: read_outbox
SELECT id, record_count, records, created_at FROM outbox ORDER BY id LIMIT $1;

-- name: delete_outbox
DELETE FROM outbox WHERE id = ANY ($1::bigint[]);

-- name: cut_outbox
-- What is left of a row after its first records were published or set aside.
UPDATE outbox SET record_count = $2, records = $3 WHERE id = $1;

-- name: outbox_backlog
-- Records waiting and the age in seconds of the oldest.
SELECT coalesce(sum(record_count), 0)::bigint AS records,
    coalesce(extract(epoch FROM now() - min(created_at)), 0)::double precision AS age_seconds
FROM outbox;

-- name: set_aside
-- A record the broker refuses for good is kept here, so that it blocks nothing behind it.
INSERT INTO outbox_aside (topic, key, value, headers, code) VALUES ($1, $2, $3, $4, $5);

-- name: forget_aside
-- Records set aside whose key is one of these ids ($1), or whose body names one as a JSON text. Returns one of the
-- ids per record that went. An id holds nothing that JSON would escape.
DELETE FROM outbox_aside AS a
USING (
    SELECT DISTINCT ON (o.id) o.id, n.employee
    FROM unnest($1::text[]) AS n (employee)
    JOIN outbox_aside AS o ON o.key = convert_to(n.employee, 'UTF8')
        OR position(convert_to('"' || n.employee || '"', 'UTF8') IN o.value) > 0
    ORDER BY o.id, n.employee
) AS found
WHERE a.id = found.id
RETURNING found.employee;
