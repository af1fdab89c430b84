-- name: read_beginning
SELECT day FROM beginning;

-- name: mentioned_by_parked
-- Everybody whom the parked parts mention that this batch may touch: parts that wait for people who arrive ($1,
-- at most $5 of them), say something about people who are erased ($2), or come from originals taken back ($3, $4);
-- and all other parts of the same events, which are refused together. Read before the locks are taken, to know which.
SELECT DISTINCT unnest(p.mentions) AS employee
FROM parked AS p
WHERE (p.source, p.id) IN (
    (SELECT source, id FROM parked WHERE waits_for = ANY ($1::text[]) ORDER BY seq LIMIT $5)
    UNION ALL
    SELECT source, id FROM parked WHERE mentions && $2::text[]
    UNION ALL
    SELECT o.source, o.id FROM unnest($3::text[], $4::text[]) AS o (source, id)
);

-- name: lock_people
-- First statement of every batch after the fence: a stub for whoever is new, a lock on whoever is there, in one
-- order. DO UPDATE locks the row even where its WHERE changes nothing.
INSERT INTO person AS p (employee)
SELECT n.employee FROM unnest($1::text[]) AS n (employee) ORDER BY n.employee COLLATE "C"
ON CONFLICT (employee) DO UPDATE SET waiting = p.waiting WHERE false;

-- name: read_people
SELECT employee, periods::text AS periods, record_time, record_id, erased, celebrate, wishes_time, wishes_id, waiting,
    given_erased, formerly
FROM person WHERE employee = ANY ($1::text[]);

-- name: read_formers
-- Ids these people had before. Read before the locks are taken, to know which.
SELECT DISTINCT unnest(formerly) AS former FROM person WHERE employee = ANY ($1::text[]);

-- name: find_awaited_by
-- Originals whose withdrawal by one of these people waits.
SELECT DISTINCT of_source, of_id FROM awaiting WHERE by_employee = ANY ($1::text[]);

-- name: read_skills
SELECT employee, array_agg(skill) AS skills FROM skill WHERE employee = ANY ($1::text[]) GROUP BY employee;

-- name: read_inbox
SELECT i.source, i.id, i.digest, i.closed
FROM inbox AS i JOIN unnest($1::text[], $2::text[]) AS n (source, id) USING (source, id);

-- name: read_parked
-- The parts themselves, as `mentioned_by_parked` chose them, oldest first. In turn are those of whoever arrives.
WITH arriving AS MATERIALIZED (
    SELECT seq, source, id FROM parked WHERE waits_for = ANY ($1::text[]) ORDER BY seq LIMIT $5
)
SELECT p.source, p.id, p.recipient, p.waits_for, p.record, p.parked_at,
    p.seq IN (SELECT seq FROM arriving) AS in_turn
FROM parked AS p
WHERE (p.source, p.id) IN (
    SELECT source, id FROM arriving
    UNION ALL
    SELECT source, id FROM parked WHERE mentions && $2::text[]
    UNION ALL
    SELECT o.source, o.id FROM unnest($3::text[], $4::text[]) AS o (source, id)
)
ORDER BY p.seq;

-- name: read_awaiting
SELECT a.of_source, a.of_id, a.source, a.id, a.record
FROM awaiting AS a JOIN unnest($1::text[], $2::text[]) AS o (of_source, of_id) USING (of_source, of_id)
ORDER BY a.parked_at, a.source, a.id;

-- name: read_emitted
SELECT e.source, e.id, e.entry, e.employee, e.type_name, e.withdrawn
FROM emitted AS e JOIN unnest($1::text[], $2::text[]) AS o (source, id) USING (source, id)
ORDER BY e.entry;

-- name: count_waiting
-- How much waits in all, counted no further than the bound.
SELECT (SELECT count(*) FROM (SELECT FROM parked LIMIT $1) AS p)
    + (SELECT count(*) FROM (SELECT FROM awaiting LIMIT $1) AS a);

-- name: update_people
UPDATE person AS p
SET periods = n.periods::jsonb, record_time = n.record_time, record_id = n.record_id, erased = n.erased,
    celebrate = n.celebrate, wishes_time = n.wishes_time, wishes_id = n.wishes_id, waiting = n.waiting,
    given_erased = n.given_erased, formerly = string_to_array(n.formerly, ' ')
FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::boolean[], $6::text[], $7::timestamptz[],
    $8::text[], $9::integer[], $10::boolean[], $11::text[])
    AS n (employee, periods, record_time, record_id, erased, celebrate, wishes_time, wishes_id, waiting,
        given_erased, formerly)
WHERE p.employee = n.employee;

-- name: delete_skills
WITH gone AS (DELETE FROM skill WHERE employee = ANY ($1::text[]) RETURNING employee)
SELECT employee, count(*)::integer AS skills FROM gone GROUP BY employee;

-- name: insert_skills
INSERT INTO skill (employee, skill)
SELECT n.employee, n.skill FROM unnest($1::text[], $2::text[]) AS n (employee, skill)
ORDER BY n.employee COLLATE "C", n.skill COLLATE "C"
ON CONFLICT DO NOTHING;

-- name: delete_inbox
DELETE FROM inbox AS i USING unnest($1::text[], $2::text[]) AS n (source, id)
WHERE i.source = n.source AND i.id = n.id;

-- name: insert_inbox
-- Returns the rows that were written and whether each is new (xmax = 0) or filled the place kept for an awaited
-- original. One that is missing was written by another batch meanwhile: then this one is tried again.
INSERT INTO inbox AS i (source, id, digest)
SELECT n.source, n.id, n.digest FROM unnest($1::text[], $2::text[], $3::bytea[]) AS n (source, id, digest)
ORDER BY n.source COLLATE "C", n.id COLLATE "C"
ON CONFLICT (source, id) DO UPDATE SET digest = excluded.digest, received_at = now(), closed = false
    WHERE i.digest IS NULL AND excluded.digest IS NOT NULL
RETURNING i.source, i.id, (i.xmax = 0) AS is_new;

-- name: close_originals
-- Refused for good. A withdrawal that waits for one of them has nothing to take back, and its words go.
WITH closed AS (
    INSERT INTO inbox AS i (source, id, closed)
    SELECT n.source, n.id, true FROM unnest($1::text[], $2::text[]) AS n (source, id)
    ORDER BY n.source COLLATE "C", n.id COLLATE "C"
    ON CONFLICT (source, id) DO UPDATE SET closed = true WHERE i.digest IS NULL
)
DELETE FROM awaiting AS a USING unnest($1::text[], $2::text[]) AS n (source, id)
WHERE a.of_source = n.source AND a.of_id = n.id;

-- name: delete_parked
DELETE FROM parked AS p USING unnest($1::text[], $2::text[], $3::text[]) AS n (source, id, recipient)
WHERE p.source = n.source AND p.id = n.id AND p.recipient = n.recipient;

-- name: insert_parked
-- In the order of the queue: `seq` is the order of release. A part of an event that was refused for another part
-- and sent again may be parked still: it keeps its place.
INSERT INTO parked (source, id, recipient, waits_for, mentions, record, parked_at)
SELECT n.source, n.id, n.recipient, n.waits_for, string_to_array(n.mentions, ' '), n.record,
    coalesce(n.parked_at, now())
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::timestamptz[])
    WITH ORDINALITY AS n (source, id, recipient, waits_for, mentions, record, parked_at, place)
ORDER BY n.place
ON CONFLICT (source, id, recipient) DO NOTHING
RETURNING source, id, recipient;

-- name: delete_awaiting
DELETE FROM awaiting AS a
USING unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS n (of_source, of_id, source, id)
WHERE a.of_source = n.of_source AND a.of_id = n.of_id AND a.source = n.source AND a.id = n.id;

-- name: insert_awaiting
INSERT INTO awaiting (of_source, of_id, source, id, by_employee, record)
SELECT n.of_source, n.of_id, n.source, n.id, n.by_employee, n.record
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[])
    AS n (of_source, of_id, source, id, by_employee, record)
ORDER BY n.of_source COLLATE "C", n.of_id COLLATE "C", n.source COLLATE "C", n.id COLLATE "C";

-- name: insert_emitted
-- An event judged again after it had been refused gives the same entries: those are there already.
INSERT INTO emitted (source, id, entry, employee, type_name, withdrawn)
SELECT n.source, n.id, n.entry, n.employee, n.type_name, n.withdrawn
FROM unnest($1::text[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::boolean[])
    AS n (source, id, entry, employee, type_name, withdrawn)
ORDER BY n.source COLLATE "C", n.id COLLATE "C", n.entry
ON CONFLICT DO NOTHING;

-- name: mark_withdrawn
-- Returns those that still stood: fewer than asked for means that another batch took them back meanwhile.
UPDATE emitted AS e SET withdrawn = true
FROM unnest($1::text[], $2::text[], $3::uuid[]) AS n (source, id, entry)
WHERE e.source = n.source AND e.id = n.id AND e.entry = n.entry AND NOT e.withdrawn
RETURNING e.entry;

-- name: try_sweep_lock
-- One sweep at a time, whatever the number of processes.
SELECT pg_try_advisory_xact_lock(hashtext('waystone.recognition.sweep'));

-- name: find_releasable
-- People whom the directory has brought and for whom parts still wait.
SELECT employee FROM person WHERE waiting > 0 AND periods IS NOT NULL ORDER BY employee LIMIT $1;

-- name: find_awaited_originals
-- Originals that have come and whose withdrawal still waits.
SELECT DISTINCT a.of_source, a.of_id
FROM awaiting AS a JOIN inbox AS i ON i.source = a.of_source AND i.id = a.of_id
WHERE i.digest IS NOT NULL
LIMIT $1;

-- name: find_expired_parked
-- Events of which some part was parked longer ago than $1.
SELECT DISTINCT p.source, p.id
FROM (SELECT source, id FROM parked WHERE parked_at < now() - $1::interval ORDER BY parked_at LIMIT $2) AS p;

-- name: find_expired_awaited
-- Originals for which a withdrawal has waited longer than $1.
SELECT DISTINCT a.of_source, a.of_id
FROM (SELECT of_source, of_id FROM awaiting WHERE parked_at < now() - $1::interval ORDER BY parked_at LIMIT $2) AS a;

-- name: delete_useless_stubs
-- People who were mentioned by something that was refused, and of whom nothing else is known.
DELETE FROM person WHERE employee IN (
    SELECT employee FROM person
    WHERE record_time IS NULL AND NOT erased AND wishes_time IS NULL AND waiting = 0
    LIMIT $1 FOR UPDATE SKIP LOCKED
);

-- name: delete_old_inbox
-- Kept longer than any topic keeps its records; a place kept for an awaited original as long as any other row.
DELETE FROM inbox WHERE (source, id) IN (
    SELECT source, id FROM inbox WHERE received_at < now() - $1::interval LIMIT $2 FOR UPDATE SKIP LOCKED
);

-- name: count_parked
SELECT (SELECT count(*) FROM parked) AS parts, (SELECT count(*) FROM awaiting) AS withdrawals;
