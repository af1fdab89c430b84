-- What recognition knows of an event. $1: its id. $2: its source, or NULL for every one.

-- name: sources
-- Whoever sent an event of this id.
SELECT source FROM inbox WHERE id = $1
UNION SELECT source FROM parked WHERE id = $1
UNION SELECT source FROM awaiting WHERE id = $1
UNION SELECT source FROM emitted WHERE id = $1
ORDER BY source LIMIT 50;

-- name: received
-- A row without digest stands for an original that a withdrawal awaits.
SELECT source, id, received_at, digest IS NULL AS awaited FROM inbox
WHERE id = $1 AND ($2::text IS NULL OR source = $2) ORDER BY source LIMIT 50;

-- name: parked
-- Parts that wait for somebody's directory record.
SELECT source, id, recipient, waits_for, parked_at FROM parked
WHERE id = $1 AND ($2::text IS NULL OR source = $2) ORDER BY seq LIMIT 1000;

-- name: awaiting
-- It is a withdrawal, and waits for its original.
SELECT source, id, of_source, of_id, parked_at FROM awaiting
WHERE id = $1 AND ($2::text IS NULL OR source = $2) ORDER BY of_source, of_id LIMIT 50;

-- name: emitted
SELECT source, id, entry, employee, type_name AS kind, withdrawn FROM emitted
WHERE id = $1 AND ($2::text IS NULL OR source = $2) ORDER BY entry LIMIT 1000;

-- name: cause_of_entry
SELECT source, id FROM emitted WHERE entry = $1::uuid LIMIT 1;
