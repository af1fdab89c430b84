-- A company's history made set-wise: `make bench-growth` measures what comes on top of it.

-- name: people
-- $1: how many employees; a team of 20 each, everybody with a manager and here for two years.
INSERT INTO person
SELECT 'e-' || n, now(), 'made', '\x00', 'Colleague ' || n, 'Europe/Berlin', 'en', '{}',
    ARRAY[current_date - 730], ARRAY['team-' || n / 20], ARRAY[current_date - 730], ARRAY['e-' || n / 20 * 20],
    ARRAY[current_date - 730], ARRAY['active']
FROM generate_series(0, $1::integer - 1) AS n;

-- name: months
-- The months of the last two years, this one and the next.
SELECT make_month((date_trunc('month', now()) - back * interval '1 month')::date)
FROM generate_series(-1, 24) AS back ORDER BY back;

-- name: history
-- Entries [$1, $2) of $3 in all, of $4 people, in order of time over the two years that end yesterday: a deed, then
-- a colleague's thanks for it. Each person is come back to, as far apart as the numbers allow.
WITH made AS (
    SELECT n, n % 2 = 0 AS is_deed, n / 2 AS pair,
        (((n / 2) * 7919) % $4::bigint)::integer AS person,
        (extract(epoch FROM date_trunc('day', now())) * 1000)::bigint - 730 * 86400000::bigint
            + n * (729 * 86400000::bigint / $3::bigint) AS ms
    FROM generate_series($1::bigint, $2::bigint - 1) AS n
),
row AS (
    SELECT *, timestamptz 'epoch' + ms * interval '1 millisecond' AS at, md5('made' || n) AS drawn FROM made
),
entered AS (
    INSERT INTO entry (occurred_at, log_offset, log_partition, kind, subkind, by, basis, size, visibility,
        giver_is_manager, lead, stretch, id, employee, cause_source, cause_id, digest, giver, value,
        answers_source, answers_id, skills, words_digest)
    SELECT at, n, 1000, CASE WHEN is_deed THEN 1 ELSE 2 END, CASE WHEN is_deed THEN NULL ELSE 21 END,
        CASE WHEN is_deed THEN NULL ELSE 1 END, 1 + n % 3, 1 + n % 2, 2, false, false, false,
        (lpad(to_hex(ms), 12, '0') || '8' || left(drawn, 3) || '8' || substr(drawn, 4, 15))::uuid,
        'e-' || person, 'urn:made', 'm' || n, decode(drawn || drawn, 'hex'),
        CASE WHEN is_deed THEN NULL ELSE 'e-' || (person + 1 + n % 977) % $4 END, 'care',
        CASE WHEN is_deed THEN NULL ELSE 'urn:made' END, CASE WHEN is_deed THEN NULL ELSE 'm' || n - 1 END,
        ARRAY['databases'], decode(drawn || drawn, 'hex')
    FROM row
    RETURNING occurred_at, id, employee
)
INSERT INTO words (occurred_at, entry_id, employee, salt, title, words)
SELECT occurred_at, id, employee, '\x000102030405060708090a0b0c0d0e0f', 'Mended the import of a ledger',
    'You stayed with the problem when it stopped being interesting, and wrote down what you found.'
FROM entered;

-- name: standing
INSERT INTO standing SELECT * FROM standing_fold ORDER BY employee;

-- name: days
INSERT INTO recognition_day SELECT * FROM recognition_day_fold ORDER BY day, employee;

-- name: deeds
INSERT INTO deed SELECT * FROM deed_fold ORDER BY occurred_at;

-- name: start_again
-- The next round's records begin at offset 0 again. Of the superuser alone.
SET session_replication_role = replica;
TRUNCATE consumer_position, batch, batch_proof;
RESET session_replication_role;

-- name: wal_position
SELECT pg_current_wal_insert_lsn() - pg_lsn '0/0';

-- name: readers
-- $1 people with a long history.
SELECT employee FROM standing ORDER BY received_count + deed_count DESC, md5(employee) LIMIT $1;

-- name: whole_size
SELECT pg_database_size(current_database());
