-- Erasure: what goes, and what stays to tell that it went.

-- name: read_erasures
SELECT employee, scope FROM erasure WHERE employee = ANY ($1::text[]);

-- name: delete_words
-- $1: whose words go. $2: of these, those whose words to others go, too, and with them why they took them back.
-- Returns one row per text that went: because of whom, and whether they had given it.
DELETE FROM words AS w
USING (
    SELECT employee AS erased, false AS given, occurred_at, employee, entry_id
    FROM words WHERE employee = ANY ($1::text[])
    UNION
    SELECT giver, true, occurred_at, employee, id FROM entry WHERE giver = ANY ($2::text[])
    UNION
    SELECT giver, true, occurred_at, employee, entry_id FROM archived_giving WHERE giver = ANY ($2::text[])
    UNION
    SELECT e.giver, true, back.occurred_at, back.employee, back.id
    FROM entry AS e JOIN entry AS back ON back.employee = e.employee AND back.withdraws = e.id
    WHERE e.giver = ANY ($2::text[])
    UNION
    SELECT g.giver, true, back.occurred_at, back.employee, back.id
    FROM archived_giving AS g JOIN entry AS back ON back.employee = g.employee AND back.withdraws = g.entry_id
    WHERE g.giver = ANY ($2::text[])
) AS n
WHERE w.occurred_at = n.occurred_at AND w.employee = n.employee AND w.entry_id = n.entry_id
RETURNING n.erased, n.given;

-- name: delete_gaps
-- What leads were told these people ($1) lack.
DELETE FROM gap WHERE employee <> '' AND employee = ANY ($1::text[])
RETURNING employee, gap_id, team, metric, closed_at IS NULL AS open;

-- name: delete_unnoticed
-- Which of their deeds ($1) leads were told of.
DELETE FROM unnoticed_deed WHERE employee = ANY ($1::text[])
RETURNING employee, deed_id, cause_id, done_at, team, lead, taken_back_at IS NULL AS open;

-- name: merge_erasures
INSERT INTO erasure AS e (employee, requested_at, scope, words_erased)
SELECT n.*
FROM unnest($1::text[], $2::timestamptz[], $3::smallint[], $4::bigint[]) AS n (employee)
ORDER BY n.employee COLLATE "C"
ON CONFLICT (employee) DO UPDATE SET
    requested_at = least(e.requested_at, excluded.requested_at),
    scope = greatest(e.scope, excluded.scope),
    words_erased = e.words_erased + excluded.words_erased;

-- name: note_formers
-- Ids ($2) that an erased person ($1) had before, told after the erasure.
UPDATE erasure AS e SET formerly = (
    SELECT array_agg(DISTINCT id ORDER BY id)
    FROM (SELECT unnest(e.formerly) UNION SELECT n.former FROM unnest($1::text[], $2::text[]) AS n (employee, former)
        WHERE n.employee = e.employee) AS all_known (id)
)
WHERE e.employee = ANY ($1::text[]);

-- name: merge_reports
-- $1: a JSON array of rows, no key twice. What a service did first stays told; what it had to do again moves the days.
-- Returns those that told something new.
INSERT INTO erasure_report AS r
SELECT n.* FROM json_populate_recordset(NULL::erasure_report, $1::json) AS n
ORDER BY n.employee, n.service, n.erasure_source, n.erasure_id
ON CONFLICT (employee, service, erasure_source, erasure_id) DO UPDATE SET
    finished_at = excluded.finished_at,
    kafka_until = greatest(r.kafka_until, excluded.kafka_until),
    backups_until = greatest(r.backups_until, excluded.backups_until)
WHERE excluded.finished_at > r.finished_at
RETURNING r.employee, r.service, r.erasure_source, r.erasure_id;

-- name: present_id
-- Under which id somebody is known who had this one ($1) before.
SELECT employee FROM person WHERE $1 = ANY (formerly) LIMIT 1;

-- name: with_formers
-- The person ($1) and every id they had before, as far as their erasure and the services' reports tell.
WITH RECURSIVE known (employee) AS (
    SELECT $1::text
    UNION
    SELECT unnest(coalesce(e.formerly, '{}') || coalesce(r.formerly, '{}'))
    FROM known
    LEFT JOIN erasure AS e ON e.employee = known.employee COLLATE "C"
    LEFT JOIN erasure_report AS r ON r.employee = known.employee COLLATE "C"
)
SELECT known.employee, e.requested_at, e.scope, r.service, r.scope AS reported_scope, r.finished_at, r.gone,
    r.kafka_until, r.backups_until
FROM known
LEFT JOIN erasure AS e ON e.employee = known.employee COLLATE "C"
LEFT JOIN erasure_report AS r ON r.employee = known.employee COLLATE "C"
ORDER BY known.employee, r.service, r.finished_at
LIMIT 1000;
