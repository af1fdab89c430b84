-- Archived months, read for verification. `{month}` is a table of one month's entries.

-- name: archived_months
-- What the database keeps of them, oldest first.
SELECT first, entry_count, encode(sha256, 'hex') AS sha256
FROM archived_month WHERE detached_at IS NOT NULL ORDER BY first;

-- name: create_month
CREATE TEMPORARY TABLE {month} (LIKE public.entry);

-- name: analyse_month
ANALYZE pg_temp.{month};

-- name: count
SELECT count(*) FROM pg_temp.{month};

-- name: month
SELECT *, tableoid FROM {month}

-- name: create_view
-- Temporary relations come first wherever a name is not qualified.
CREATE TEMPORARY VIEW entry AS {whole};
