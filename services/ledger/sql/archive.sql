-- Months into archives and back. `{month}` is the table of a month's entries.

-- name: hold_lock
-- Held by the session: one upkeep of months at a time. False when another runs.
SELECT pg_try_advisory_lock(hashtext('waystone ledger archive'));

-- name: release_lock
SELECT pg_advisory_unlock(hashtext('waystone ledger archive'));

-- name: wait_shortly
-- How long a writer may be held up by our asking for a lock; then we let everybody by and ask again.
SET LOCAL lock_timeout = '300ms';

-- name: shut_out
-- Every writer holds a share in this for as long as its transaction lasts: from here on there is none.
LOCK TABLE archived_month IN ACCESS EXCLUSIVE MODE;

-- name: attached_months
-- First days of the months that are attached, oldest first.
SELECT to_date(right(c.relname, 7), 'YYYY_MM') AS first
FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent = 'entry'::regclass AND NOT i.inhdetachpending
ORDER BY c.relname;

-- name: archived_months
SELECT first, detached_at, entry_count, sha256 FROM archived_month ORDER BY first;

-- name: close_month
INSERT INTO archived_month (first) VALUES ($1::date) ON CONFLICT DO NOTHING;

-- name: open_month
DELETE FROM archived_month WHERE first = $1::date;

-- name: tied
-- A withdrawal of the month beginning on $1 that takes back an entry of a later one, if there is any.
SELECT id FROM {month} WHERE kind = 3 AND id_time(withdraws) >= ($1::date + interval '1 month')::timestamp AT TIME ZONE 'UTC'
LIMIT 1;

-- name: count
SELECT count(*) FROM {month};

-- name: rows
-- In order of key, so that an archive of the same entries has the same bytes.
SELECT {columns} FROM {month} ORDER BY employee, id;

-- name: keep_standing
INSERT INTO archived_standing
SELECT $1::date, employee, last_received_at, last_from_manager_at, last_from_peer_at, last_given_at, last_growth_at,
    last_purpose_at, last_lead_at, last_deed_at, received_count, given_count, deed_count, withdrawal_count
FROM standing_month_fold WHERE begins = $1::date::timestamp AT TIME ZONE 'UTC';

-- name: keep_deeds
INSERT INTO archived_deed
SELECT $1::date, employee, cause_source, cause_id, deed_id, occurred_at, answered_at
FROM deed_month_fold WHERE begins = $1::date::timestamp AT TIME ZONE 'UTC';

-- name: keep_giving
-- A withdrawal has the words of whoever gave what it takes back, be that here or in an archive already.
INSERT INTO archived_giving
SELECT $1::date, giver, employee, id, occurred_at FROM {month} WHERE giver IS NOT NULL
UNION
SELECT $1::date, e.giver, back.employee, back.id, back.occurred_at
FROM {month} AS back
JOIN entry AS e ON e.employee = back.employee AND e.id = back.withdraws AND e.occurred_at = id_time(back.withdraws)
WHERE e.giver IS NOT NULL
UNION
SELECT $1::date, g.giver, back.employee, back.id, back.occurred_at
FROM {month} AS back JOIN archived_giving AS g ON g.employee = back.employee AND g.entry_id = back.withdraws;

-- name: forget_kept
-- What was kept of the month beginning on $1.
WITH standing AS (DELETE FROM archived_standing WHERE first = $1::date),
deed AS (DELETE FROM archived_deed WHERE first = $1::date)
DELETE FROM archived_giving WHERE first = $1::date;

-- name: account
UPDATE archived_month SET detached_at = now(), entry_count = $2::bigint, sha256 = $3::bytea WHERE first = $1::date;

-- name: detach
ALTER TABLE entry DETACH PARTITION {month};

-- name: attach
-- The table's CHECK spares a look at every row.
ALTER TABLE entry ATTACH PARTITION {month} FOR VALUES FROM ('{since}') TO ('{until}');

-- name: empty
-- Only of a table that is detached and archived; keys, checks, triggers and rights stay for the way back.
ALTER TABLE {month} DISABLE TRIGGER append_only;
TRUNCATE {month};
ALTER TABLE {month} ENABLE TRIGGER append_only;

-- name: columns
SELECT attname FROM pg_attribute
WHERE attrelid = '{month}'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum;

-- name: let_copy_in
-- Row security, forced on the owner, excludes COPY. Of a table that is detached; undone in the same transaction.
ALTER TABLE {month} NO FORCE ROW LEVEL SECURITY;

-- name: shut_again
ALTER TABLE {month} FORCE ROW LEVEL SECURITY;
