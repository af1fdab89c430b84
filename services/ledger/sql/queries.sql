-- name: make_months
-- $1: first days. Costs a look into the catalogue for a month that is there.
SELECT make_month(n.first) FROM unnest($1::date[]) AS n (first) ORDER BY n.first;

-- name: read_closed_until
-- The first moment whose entries are taken; NULL for all. Read by every writer before it stores: the lock this takes
-- is what archiving waits for.
SELECT (max(first) + interval '1 month') AT TIME ZONE 'UTC' FROM archived_month;

-- name: create_incoming
-- Where entries wait that may be known already.
CREATE TEMPORARY TABLE IF NOT EXISTS incoming (LIKE entry) ON COMMIT DELETE ROWS;

-- name: insert_incoming
-- In order of key: two lanes with the same entries then wait for each other instead of deadlocking.
INSERT INTO entry
SELECT * FROM incoming ORDER BY employee, id
ON CONFLICT DO NOTHING
RETURNING employee, id::text;

-- name: read_digests
-- Of entries that were there already, by employee and id.
SELECT n.employee, n.id::text, e.digest
FROM unnest($1::text[], $2::uuid[]) AS n (employee, id)
JOIN entry AS e ON e.employee = n.employee AND e.id = n.id AND e.occurred_at = id_time(n.id);

-- name: read_givers
-- Who gave these recognitions, by employee and id of the entry; what is not there (yet) has no row.
SELECT DISTINCT e.giver
FROM unnest($1::text[], $2::uuid[]) AS n (employee, id)
JOIN entry AS e ON e.employee = n.employee AND e.id = n.id AND e.occurred_at = id_time(n.id)
WHERE e.giver IS NOT NULL;

-- name: create_arrivals
-- Where a batch's sums wait to be merged. Copied there in binary: as arrays they cost the client twice as much.
-- Made once per connection, emptied by every commit: made and dropped by each batch they would bloat the catalogue.
CREATE TEMPORARY TABLE IF NOT EXISTS standing_arrived (LIKE standing) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS day_arrived (LIKE recognition_day) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS deed_arrived (LIKE deed) ON COMMIT DELETE ROWS;

-- name: merge_standing
-- Takes the lock of every person touched, in order, merges what the batch adds to them, and tells whom to look at
-- more closely: persons with withdrawals, and the erased.
WITH merged AS (
    INSERT INTO standing AS s (employee, last_received_at, last_from_manager_at, last_from_peer_at, last_given_at,
        last_growth_at, last_purpose_at, last_lead_at, last_deed_at,
        received_count, given_count, deed_count, withdrawal_count, erased_scope)
    SELECT n.* FROM standing_arrived AS n ORDER BY n.employee
    ON CONFLICT (employee) DO UPDATE SET
        last_received_at = greatest(s.last_received_at, excluded.last_received_at),
        last_from_manager_at = greatest(s.last_from_manager_at, excluded.last_from_manager_at),
        last_from_peer_at = greatest(s.last_from_peer_at, excluded.last_from_peer_at),
        last_given_at = greatest(s.last_given_at, excluded.last_given_at),
        last_growth_at = greatest(s.last_growth_at, excluded.last_growth_at),
        last_purpose_at = greatest(s.last_purpose_at, excluded.last_purpose_at),
        last_lead_at = greatest(s.last_lead_at, excluded.last_lead_at),
        last_deed_at = greatest(s.last_deed_at, excluded.last_deed_at),
        received_count = s.received_count + excluded.received_count,
        given_count = s.given_count + excluded.given_count,
        deed_count = s.deed_count + excluded.deed_count,
        withdrawal_count = s.withdrawal_count + excluded.withdrawal_count,
        erased_scope = greatest(s.erased_scope, excluded.erased_scope)
    RETURNING s.employee, s.withdrawal_count, s.erased_scope
)
SELECT employee, withdrawal_count, erased_scope FROM merged WHERE withdrawal_count > 0 OR erased_scope > 0;

-- name: merge_days
INSERT INTO recognition_day AS d (employee, day,
    effort_count, result_count, both_count, automatic_count, purpose_count, given_count)
SELECT n.* FROM day_arrived AS n ORDER BY n.employee, n.day
ON CONFLICT (employee, day) DO UPDATE SET
    effort_count = d.effort_count + excluded.effort_count,
    result_count = d.result_count + excluded.result_count,
    both_count = d.both_count + excluded.both_count,
    automatic_count = d.automatic_count + excluded.automatic_count,
    purpose_count = d.purpose_count + excluded.purpose_count,
    given_count = d.given_count + excluded.given_count;

-- name: merge_deeds
-- Deed and answer may come in either order.
INSERT INTO deed AS d (employee, cause_source, cause_id, deed_id, occurred_at, answered_at)
SELECT n.* FROM deed_arrived AS n ORDER BY n.employee, n.cause_source, n.cause_id
ON CONFLICT (employee, cause_source, cause_id) DO UPDATE SET
    deed_id = least(d.deed_id, excluded.deed_id),
    occurred_at = least(d.occurred_at, excluded.occurred_at),
    answered_at = least(d.answered_at, excluded.answered_at);

-- name: insert_withdrawals
INSERT INTO withdrawal (employee, entry_id)
SELECT n.employee, n.entry_id
FROM unnest($1::text[], $2::uuid[]) AS n (employee, entry_id)
ORDER BY n.employee COLLATE "C", n.entry_id
ON CONFLICT DO NOTHING;

-- name: read_withdrawn
-- Which of these entries are there and withdrawn, and who gave them.
SELECT DISTINCT e.employee, e.giver
FROM unnest($1::text[], $2::uuid[]) AS n (employee, id)
JOIN withdrawal AS w ON w.employee = n.employee AND w.entry_id = n.id
JOIN entry AS e ON e.employee = n.employee AND e.id = n.id AND e.occurred_at = id_time(n.id);

-- name: refold_standing
-- Persons whose standing cannot be corrected by adding: folded anew from their entries. Their rows are locked already.
UPDATE standing AS s SET
    last_received_at = f.last_received_at,
    last_from_manager_at = f.last_from_manager_at,
    last_from_peer_at = f.last_from_peer_at,
    last_given_at = f.last_given_at,
    last_growth_at = f.last_growth_at,
    last_purpose_at = f.last_purpose_at,
    last_lead_at = f.last_lead_at,
    last_deed_at = f.last_deed_at,
    received_count = coalesce(f.received_count, 0),
    given_count = coalesce(f.given_count, 0),
    deed_count = coalesce(f.deed_count, 0),
    withdrawal_count = coalesce(f.withdrawal_count, 0)
FROM unnest($1::text[]) AS n (employee)
LEFT JOIN (SELECT * FROM standing_fold WHERE employee = ANY ($1::text[])) AS f ON f.employee = n.employee
WHERE s.employee = n.employee;

-- name: refold_days
UPDATE recognition_day AS d SET
    effort_count = coalesce(f.effort_count, 0),
    result_count = coalesce(f.result_count, 0),
    both_count = coalesce(f.both_count, 0),
    automatic_count = coalesce(f.automatic_count, 0),
    purpose_count = coalesce(f.purpose_count, 0),
    given_count = coalesce(f.given_count, 0)
FROM recognition_day AS n
LEFT JOIN (SELECT * FROM recognition_day_fold WHERE employee = ANY ($1::text[])) AS f
    ON f.employee = n.employee AND f.day = n.day
WHERE n.employee = ANY ($1::text[]) AND d.employee = n.employee AND d.day = n.day;

-- name: refold_deeds
UPDATE deed AS d SET deed_id = f.deed_id, occurred_at = f.occurred_at, answered_at = f.answered_at
FROM deed AS n
LEFT JOIN (SELECT * FROM deed_fold WHERE employee = ANY ($1::text[])) AS f
    ON f.employee = n.employee AND f.cause_source = n.cause_source AND f.cause_id = n.cause_id
WHERE n.employee = ANY ($1::text[])
    AND d.employee = n.employee AND d.cause_source = n.cause_source AND d.cause_id = n.cause_id;

-- name: read_person_versions
SELECT employee, occurred_at, event_id, digest FROM person WHERE employee = ANY ($1::text[]);

-- name: upsert_persons
-- $1: a JSON array of rows. The caller holds the persons' locks and knows these to be the newer ones.
INSERT INTO person
SELECT n.* FROM json_populate_recordset(NULL::person, $1::json) AS n
ORDER BY n.employee
ON CONFLICT (employee) DO UPDATE SET
    occurred_at = excluded.occurred_at,
    event_id = excluded.event_id,
    digest = excluded.digest,
    name = excluded.name,
    timezone = excluded.timezone,
    language = excluded.language,
    formerly = excluded.formerly,
    team_since = excluded.team_since,
    team = excluded.team,
    manager_since = excluded.manager_since,
    manager = excluded.manager,
    status_since = excluded.status_since,
    status = excluded.status;

-- name: read_preferences
SELECT employee, occurred_at, event_id, celebrate FROM preference WHERE employee = ANY ($1::text[]);

-- name: upsert_preferences
INSERT INTO preference (employee, occurred_at, event_id, celebrate)
SELECT n.*
FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::smallint[]) AS n (employee)
ORDER BY n.employee COLLATE "C"
ON CONFLICT (employee) DO UPDATE SET
    occurred_at = excluded.occurred_at, event_id = excluded.event_id, celebrate = excluded.celebrate;

-- name: read_removals
-- $1: of what. $2: whose.
SELECT employee, removed_at FROM removal WHERE of_what = $1 AND employee = ANY ($2::text[]);

-- name: merge_removals
-- The caller holds the persons' locks and knows these to be the newer ones.
INSERT INTO removal (employee, of_what, removed_at)
SELECT n.employee, $1, n.removed_at
FROM unnest($2::text[], $3::timestamptz[]) AS n (employee, removed_at)
ORDER BY n.employee COLLATE "C"
ON CONFLICT (employee, of_what) DO UPDATE SET removed_at = excluded.removed_at;

-- name: delete_persons
DELETE FROM person WHERE employee = ANY ($1::text[]) RETURNING employee;

-- name: delete_preferences
DELETE FROM preference WHERE employee = ANY ($1::text[]) RETURNING employee;
