-- What people say about entries of their own, and how disputes end. Run as the writer, after the reader role has found
-- that the entry is theirs (or the dispute theirs to decide).

-- name: mark_hidden
-- $1 employee and $2 entry as kept; $3: hidden or shown.
INSERT INTO entry_mark AS m (employee, entry_id, hidden) VALUES ($1, $2, $3)
ON CONFLICT (employee, entry_id) DO UPDATE SET hidden = excluded.hidden, changed_at = now()
WHERE m.hidden <> excluded.hidden;

-- name: mark_withdrawn
-- For good: the first time counts.
INSERT INTO entry_mark AS m (employee, entry_id, withdrawn_at) VALUES ($1, $2, $3::timestamptz)
ON CONFLICT (employee, entry_id) DO UPDATE SET withdrawn_at = excluded.withdrawn_at, changed_at = now()
WHERE m.withdrawn_at IS NULL;

-- name: open_dispute
-- No row if this entry was disputed before.
INSERT INTO dispute (employee, entry_id, opened_by, owner, reason, opened_at, due_on)
VALUES ($1, $2, $3, $4, $5, $6::timestamptz, $7::date)
ON CONFLICT DO NOTHING
RETURNING employee;

-- name: decide_dispute
-- No row if it was decided before.
UPDATE dispute SET decided_at = $3::timestamptz, decided_by = $4, accepted = $5, answer = $6
WHERE employee = $1 AND entry_id = $2 AND decided_at IS NULL
RETURNING employee;

-- name: keep_request_key
-- No row if subject $1 used the key $2 within the last day. Waits for a request with the same key that is under way.
INSERT INTO request_key AS k (subject, key, digest) VALUES ($1, $2, $3)
ON CONFLICT (subject, key) DO UPDATE SET digest = excluded.digest, made_at = now()
WHERE k.made_at < now() - interval '1 day'
RETURNING subject;

-- name: read_request_key
SELECT digest FROM request_key WHERE subject = $1 AND key = $2;

-- name: forget_request_keys
-- Those past their day, a few at a time.
DELETE FROM request_key WHERE (subject, key) IN (
    SELECT subject, key FROM request_key WHERE made_at < now() - interval '1 day'
    ORDER BY made_at LIMIT 100 FOR UPDATE SKIP LOCKED
);

-- name: empty_disputes
-- Of the erased: what they and others wrote about their entries.
UPDATE dispute SET reason = '', answer = CASE WHEN decided_at IS NOT NULL THEN '' END
WHERE employee = ANY ($1::text[]) AND (reason <> '' OR answer <> '');
