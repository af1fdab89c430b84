-- Rebuilding what follows from history, a range of people at a time, while the ledger goes on writing.
-- A person's row in `standing` is their lock; the views *_fold say what must be there.

-- name: hold_lock
-- Held by the session: one rebuild at a time in a database. False when another runs.
SELECT pg_try_advisory_lock(hashtext('waystone ledger rebuild'));

-- name: release_lock
SELECT pg_advisory_unlock(hashtext('waystone ledger rebuild'));

-- name: count_people
SELECT count(*) FROM standing;

-- name: next_people
-- The next $2 people after $1 that any table knows, so that a row lost in one of them is found by the others.
SELECT employee FROM (
    (SELECT employee FROM standing WHERE employee > $1::text ORDER BY employee LIMIT $2::integer)
    UNION (SELECT DISTINCT employee FROM entry WHERE employee > $1 ORDER BY employee LIMIT $2)
    UNION (SELECT DISTINCT giver FROM entry WHERE giver > $1 ORDER BY giver LIMIT $2)
    UNION (SELECT DISTINCT employee FROM recognition_day WHERE employee > $1 ORDER BY employee LIMIT $2)
    UNION (SELECT DISTINCT employee FROM deed WHERE employee > $1 ORDER BY employee LIMIT $2)
    UNION (SELECT DISTINCT employee FROM withdrawal WHERE employee > $1 ORDER BY employee LIMIT $2)
    UNION (SELECT DISTINCT employee FROM archived_standing WHERE employee > $1 ORDER BY employee LIMIT $2)
    UNION (SELECT employee FROM erasure WHERE employee > $1 ORDER BY employee LIMIT $2)
) AS known
ORDER BY employee LIMIT $2;

-- name: add_missing
-- In a transaction of its own: who gets a row here must not hold it while waiting for the locks of others.
INSERT INTO standing (employee)
SELECT n.employee FROM unnest($1::text[]) AS n (employee) ORDER BY n.employee COLLATE "C"
ON CONFLICT DO NOTHING;

-- name: lock_people
-- In order of employee, as every writer takes them. What these people's writers have done is seen from the next
-- statement on; what they do next waits for this transaction, and adds to what it leaves.
SELECT employee FROM standing WHERE employee = ANY ($1::text[]) ORDER BY employee FOR UPDATE;

-- name: remove_withdrawals
-- Those of archived entries stay: the withdrawal is in the archive, too.
DELETE FROM withdrawal AS w
WHERE w.employee = ANY ($1::text[])
    AND id_time(w.entry_id) >= coalesce((SELECT day FROM archived_until)::timestamp AT TIME ZONE 'UTC', '-infinity')
    AND NOT EXISTS (
        SELECT FROM entry AS e WHERE e.employee = w.employee AND e.kind = 3 AND e.withdraws = w.entry_id
    );

-- name: add_withdrawals
INSERT INTO withdrawal (employee, entry_id)
SELECT DISTINCT e.employee, e.withdraws FROM entry AS e WHERE e.employee = ANY ($1::text[]) AND e.kind = 3
ON CONFLICT DO NOTHING;

-- name: mark_withdrawn
-- Before anything is folded: a writer asks this count whether to look for withdrawals at all.
UPDATE standing AS s SET withdrawal_count = n.withdrawal_count
FROM (
    SELECT p.employee, coalesce(f.withdrawal_count, 0) AS withdrawal_count
    FROM unnest($1::text[]) AS p (employee)
    LEFT JOIN (SELECT * FROM standing_fold WHERE employee = ANY ($1::text[])) AS f ON f.employee = p.employee
) AS n
WHERE s.employee = n.employee AND s.withdrawal_count <> n.withdrawal_count;

-- name: fold_standing
WITH fold AS (
    SELECT n.employee, f.last_received_at, f.last_from_manager_at, f.last_from_peer_at, f.last_given_at,
        f.last_growth_at, f.last_purpose_at, f.last_lead_at, f.last_deed_at,
        coalesce(f.received_count, 0) AS received_count, coalesce(f.given_count, 0) AS given_count,
        coalesce(f.deed_count, 0) AS deed_count, coalesce(f.withdrawal_count, 0) AS withdrawal_count,
        coalesce(x.scope, 0::smallint) AS erased_scope
    FROM unnest($1::text[]) AS n (employee)
    LEFT JOIN (SELECT * FROM standing_fold WHERE employee = ANY ($1::text[])) AS f ON f.employee = n.employee
    LEFT JOIN erasure AS x ON x.employee = n.employee
)
UPDATE standing AS s SET
    last_received_at = f.last_received_at,
    last_from_manager_at = f.last_from_manager_at,
    last_from_peer_at = f.last_from_peer_at,
    last_given_at = f.last_given_at,
    last_growth_at = f.last_growth_at,
    last_purpose_at = f.last_purpose_at,
    last_lead_at = f.last_lead_at,
    last_deed_at = f.last_deed_at,
    received_count = f.received_count,
    given_count = f.given_count,
    deed_count = f.deed_count,
    withdrawal_count = f.withdrawal_count,
    erased_scope = f.erased_scope
FROM fold AS f
WHERE s.employee = f.employee AND
    (s.last_received_at, s.last_from_manager_at, s.last_from_peer_at, s.last_given_at, s.last_growth_at,
        s.last_purpose_at, s.last_lead_at, s.last_deed_at,
        s.received_count, s.given_count, s.deed_count, s.withdrawal_count, s.erased_scope)
    IS DISTINCT FROM
    (f.last_received_at, f.last_from_manager_at, f.last_from_peer_at, f.last_given_at, f.last_growth_at,
        f.last_purpose_at, f.last_lead_at, f.last_deed_at,
        f.received_count, f.given_count, f.deed_count, f.withdrawal_count, f.erased_scope);

-- name: remove_days
-- Days of which nothing is left go, too: the merge adds to them as to any other.
DELETE FROM recognition_day AS d
WHERE d.employee = ANY ($1::text[]) AND NOT EXISTS (
    SELECT FROM (SELECT employee, day FROM recognition_day_fold WHERE employee = ANY ($1::text[])) AS f
    WHERE f.employee = d.employee AND f.day = d.day
);

-- name: fold_days
INSERT INTO recognition_day AS d (employee, day,
    effort_count, result_count, both_count, automatic_count, purpose_count, given_count)
SELECT employee, day, effort_count, result_count, both_count, automatic_count, purpose_count, given_count
FROM recognition_day_fold WHERE employee = ANY ($1::text[])
ON CONFLICT (employee, day) DO UPDATE SET
    effort_count = excluded.effort_count,
    result_count = excluded.result_count,
    both_count = excluded.both_count,
    automatic_count = excluded.automatic_count,
    purpose_count = excluded.purpose_count,
    given_count = excluded.given_count
WHERE (d.effort_count, d.result_count, d.both_count, d.automatic_count, d.purpose_count, d.given_count)
    <> (excluded.effort_count, excluded.result_count, excluded.both_count, excluded.automatic_count,
        excluded.purpose_count, excluded.given_count);

-- name: remove_deeds
DELETE FROM deed AS d
WHERE d.employee = ANY ($1::text[]) AND NOT EXISTS (
    SELECT FROM (
        SELECT employee, cause_source, cause_id FROM deed_fold WHERE employee = ANY ($1::text[])
    ) AS f
    WHERE f.employee = d.employee AND f.cause_source = d.cause_source AND f.cause_id = d.cause_id
);

-- name: fold_deeds
INSERT INTO deed AS d (employee, cause_source, cause_id, deed_id, occurred_at, answered_at)
SELECT employee, cause_source, cause_id, deed_id, occurred_at, answered_at
FROM deed_fold WHERE employee = ANY ($1::text[])
ON CONFLICT (employee, cause_source, cause_id) DO UPDATE SET
    deed_id = excluded.deed_id, occurred_at = excluded.occurred_at, answered_at = excluded.answered_at
WHERE (d.deed_id, d.occurred_at, d.answered_at)
    IS DISTINCT FROM (excluded.deed_id, excluded.occurred_at, excluded.answered_at);
