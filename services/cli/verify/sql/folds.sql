-- The ledger's projections against folds of its entries. What was withdrawn does not count; a row of which nothing
-- is left may stay, empty. Only the entries are read: neither the ledger's views nor its table of withdrawals.

-- name: figures
SELECT (SELECT count(*) FROM standing) AS people, (SELECT count(*) FROM recognition_day) AS days,
    (SELECT count(*) FROM deed) AS deeds;

-- name: standing
WITH fold AS (
    SELECT p.who AS employee,
        max(e.occurred_at) FILTER (WHERE p.got AND e.by = 1) AS last_received_at,
        max(e.occurred_at) FILTER (WHERE p.got AND e.by = 1 AND e.giver_is_manager) AS last_from_manager_at,
        max(e.occurred_at) FILTER (WHERE p.got AND e.by = 1 AND NOT e.giver_is_manager) AS last_from_peer_at,
        max(e.occurred_at) FILTER (WHERE NOT p.got) AS last_given_at,
        max(e.occurred_at) FILTER (WHERE p.got AND e.kind = 4 AND e.subkind NOT IN (42, 47, 48)) AS last_growth_at,
        max(e.occurred_at) FILTER (WHERE p.got AND e.kind = 2 AND e.goal IS NOT NULL) AS last_purpose_at,
        max(e.occurred_at) FILTER (WHERE p.got AND e.kind = 5 AND e.lead AND e.subkind IN (51, 52)) AS last_lead_at,
        max(e.occurred_at) FILTER (WHERE p.got AND e.kind = 1) AS last_deed_at,
        count(*) FILTER (WHERE p.got AND e.by = 1) AS received_count,
        count(*) FILTER (WHERE NOT p.got) AS given_count,
        count(*) FILTER (WHERE p.got AND e.kind = 1) AS deed_count,
        count(*) FILTER (WHERE p.got AND e.kind = 3) AS withdrawal_count
    FROM entry AS e
    LEFT JOIN (SELECT DISTINCT employee, withdraws FROM entry WHERE kind = 3) AS w
        ON w.employee = e.employee AND w.withdraws = e.id
    CROSS JOIN LATERAL (VALUES (e.employee, true), (CASE WHEN e.kind = 2 AND e.by = 1 THEN e.giver END, false)) AS p (who, got)
    WHERE w.withdraws IS NULL AND p.who IS NOT NULL
    GROUP BY p.who
),
beside AS (
    SELECT employee,
        jsonb_build_object('received', coalesce(f.received_count, 0), 'given', coalesce(f.given_count, 0),
            'deeds', coalesce(f.deed_count, 0), 'withdrawals', coalesce(f.withdrawal_count, 0),
            'last received', f.last_received_at, 'last from manager', f.last_from_manager_at,
            'last from peer', f.last_from_peer_at, 'last given', f.last_given_at, 'last growth', f.last_growth_at,
            'last purpose', f.last_purpose_at, 'last lead', f.last_lead_at, 'last deed', f.last_deed_at) AS expected,
        jsonb_build_object('received', coalesce(s.received_count, 0), 'given', coalesce(s.given_count, 0),
            'deeds', coalesce(s.deed_count, 0), 'withdrawals', coalesce(s.withdrawal_count, 0),
            'last received', s.last_received_at, 'last from manager', s.last_from_manager_at,
            'last from peer', s.last_from_peer_at, 'last given', s.last_given_at, 'last growth', s.last_growth_at,
            'last purpose', s.last_purpose_at, 'last lead', s.last_lead_at, 'last deed', s.last_deed_at) AS found
    FROM fold AS f FULL JOIN standing AS s USING (employee)
),
fault AS (
    SELECT employee, expected, found, count(*) OVER () AS faults
    FROM beside WHERE expected <> found ORDER BY employee LIMIT 1
)
SELECT format('employee %s', employee) AS place, d.expected, d.found, faults
FROM fault CROSS JOIN LATERAL (
    SELECT string_agg(format('%s %s', e.key, coalesce(e.value, 'never')), ', ' ORDER BY e.key) AS expected,
        string_agg(format('%s %s', e.key, coalesce(s.value, 'never')), ', ' ORDER BY e.key) AS found
    FROM jsonb_each_text(fault.expected) AS e JOIN jsonb_each_text(fault.found) AS s USING (key)
    WHERE e.value IS DISTINCT FROM s.value
) AS d;

-- name: recognition_day
WITH fold AS (
    SELECT p.who AS employee, (e.occurred_at AT TIME ZONE 'UTC')::date AS day,
        count(*) FILTER (WHERE p.got AND e.by = 1 AND e.basis = 1) AS effort_count,
        count(*) FILTER (WHERE p.got AND e.by = 1 AND e.basis = 2) AS result_count,
        count(*) FILTER (WHERE p.got AND e.by = 1 AND e.basis = 3) AS both_count,
        count(*) FILTER (WHERE p.got AND e.by IN (2, 3)) AS automatic_count,
        count(*) FILTER (WHERE p.got AND e.goal IS NOT NULL) AS purpose_count,
        count(*) FILTER (WHERE NOT p.got) AS given_count
    FROM entry AS e
    LEFT JOIN (SELECT DISTINCT employee, withdraws FROM entry WHERE kind = 3) AS w
        ON w.employee = e.employee AND w.withdraws = e.id
    CROSS JOIN LATERAL (VALUES (e.employee, true), (CASE WHEN e.by = 1 THEN e.giver END, false)) AS p (who, got)
    WHERE e.kind = 2 AND w.withdraws IS NULL AND p.who IS NOT NULL
    GROUP BY p.who, 2
),
beside AS (
    SELECT employee, day,
        ARRAY[coalesce(f.effort_count, 0), coalesce(f.result_count, 0), coalesce(f.both_count, 0),
            coalesce(f.automatic_count, 0), coalesce(f.purpose_count, 0), coalesce(f.given_count, 0)] AS expected,
        ARRAY[coalesce(d.effort_count, 0), coalesce(d.result_count, 0), coalesce(d.both_count, 0),
            coalesce(d.automatic_count, 0), coalesce(d.purpose_count, 0), coalesce(d.given_count, 0)]::bigint[] AS found
    FROM fold AS f FULL JOIN recognition_day AS d USING (employee, day)
)
SELECT format('employee %s day %s', employee, day) AS place,
    format('effort %s, result %s, both %s, automatic %s, purpose %s, given %s', VARIADIC expected::text[]) AS expected,
    format('effort %s, result %s, both %s, automatic %s, purpose %s, given %s', VARIADIC found::text[]) AS found,
    count(*) OVER () AS faults
FROM beside WHERE expected <> found
ORDER BY employee, day LIMIT 1;

-- name: deed
WITH counted AS (
    SELECT e.kind, e.id, e.occurred_at, e.employee, e.accepted_by, e.by, e.cause_source, e.cause_id,
        e.answers_source, e.answers_id
    FROM entry AS e
    LEFT JOIN (SELECT DISTINCT employee, withdraws FROM entry WHERE kind = 3) AS w
        ON w.employee = e.employee AND w.withdraws = e.id
    WHERE w.withdraws IS NULL AND (e.kind = 1 OR (e.kind = 2 AND e.by = 1 AND e.answers_id IS NOT NULL))
),
fold AS (
    SELECT employee,
        CASE kind WHEN 1 THEN cause_source ELSE answers_source END COLLATE "C" AS cause_source,
        CASE kind WHEN 1 THEN cause_id ELSE answers_id END COLLATE "C" AS cause_id,
        min(id::text COLLATE "C") FILTER (WHERE kind = 1) AS deed_id,
        min(occurred_at) FILTER (WHERE kind = 1) AS occurred_at,
        min(occurred_at) FILTER (WHERE kind = 2 OR accepted_by <> employee) AS answered_at
    FROM counted GROUP BY 1, 2, 3
),
fault AS (
    SELECT employee, cause_source, cause_id, count(*) OVER () AS faults,
        f.deed_id, f.occurred_at, f.answered_at,
        d.deed_id::text AS kept_id, d.occurred_at AS kept_at, d.answered_at AS kept_answer
    FROM fold AS f FULL JOIN deed AS d USING (employee, cause_source, cause_id)
    WHERE (f.deed_id, f.occurred_at, f.answered_at) IS DISTINCT FROM (d.deed_id::text, d.occurred_at, d.answered_at)
    ORDER BY employee, cause_source, cause_id LIMIT 1
)
SELECT format('employee %s deed of %s %s', employee, cause_source, cause_id) AS place,
    format('%s of %s, answered %s', coalesce(deed_id, 'no entry'), occurred_at, coalesce(answered_at::text, 'never')) AS expected,
    format('%s of %s, answered %s', coalesce(kept_id, 'no entry'), kept_at, coalesce(kept_answer::text, 'never')) AS found,
    faults
FROM fault;
