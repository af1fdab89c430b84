-- Upkeep of the tables that are kept by month.

-- name: try_lock
-- Held until the transaction ends: one process does this for all. False when another is at it.
SELECT pg_try_advisory_xact_lock(hashtext('waystone ledger months'));

-- name: out_of_date
-- Autovacuum looks after each month, never after the whole: its statistics are due when they are a day old, or when
-- the months' own say that it has grown by half, or shrunk, since.
SELECT parent.relname AS name
FROM pg_class AS parent
JOIN pg_stat_all_tables AS seen ON seen.relid = parent.oid
CROSS JOIN LATERAL (
    SELECT sum(greatest(month.reltuples, 0)) AS reltuples
    FROM pg_inherits AS i JOIN pg_class AS month ON month.oid = i.inhrelid
    WHERE i.inhparent = parent.oid
) AS months
WHERE parent.oid IN ('entry'::regclass, 'words'::regclass, 'recognition_day'::regclass)
    AND (
        coalesce(seen.last_analyze, '-infinity') < now() - interval '1 day'
        OR abs(months.reltuples - greatest(parent.reltuples, 0)) > 1000 + 0.5 * greatest(parent.reltuples, 0)
    )
ORDER BY parent.relname;

-- name: analyse
-- Of the whole alone (ONLY), from a sample of all months; each month's own statistics are autovacuum's.
-- Needs the owner or MAINTAIN; without it the server warns and goes on. Postgres before 18 knows no ONLY here.
ANALYZE ONLY {table};
