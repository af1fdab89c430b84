-- What the ledger holds about one person. $1: every id they are known by. Digests and salts are left out: they say
-- nothing.

-- name: ids
SELECT unnest(formerly) AS employee FROM person WHERE employee = ANY ($1::text[])
UNION
SELECT unnest(formerly) FROM erasure WHERE employee = ANY ($1::text[])
UNION
SELECT unnest(formerly) FROM erasure_report WHERE employee = ANY ($1::text[]);

-- name: person
SELECT employee, occurred_at, event_id, name, timezone, language, formerly, team_since, team, manager_since, manager,
    status_since, status
FROM person WHERE employee = ANY ($1::text[]) ORDER BY employee;

-- name: led
-- Whose directory record names them as manager; of that record only this.
SELECT p.employee, m.since, m.manager
FROM person AS p CROSS JOIN LATERAL unnest(p.manager_since, p.manager) AS m (since, manager)
WHERE m.manager = ANY ($1::text[]) ORDER BY p.employee, m.since;

-- name: preference
SELECT employee, occurred_at, event_id, celebrate FROM preference WHERE employee = ANY ($1::text[]) ORDER BY employee;

-- name: entry
-- Their history with its words. Codes are explained in the ledger's first migration; they come with their names.
SELECT e.id, e.employee, e.occurred_at,
    (ARRAY['deed', 'recognition', 'recognition-withdrawn', 'growth', 'assignment-noted', 'career-picture'])[e.kind] AS kind,
    e.subkind, (ARRAY['person', 'rule', 'calendar'])[e.by] AS by, (ARRAY['effort', 'result', 'both'])[e.basis] AS basis,
    (ARRAY['small', 'notable', 'major'])[e.size] AS size, (ARRAY['private', 'team', 'public'])[e.visibility] AS visibility,
    e.giver, e.giver_is_manager, e.accepted_by, e.helped_by, e.lead, e.stretch, e.goal, e.value, e.skills, e.follow_up,
    e.cause_source, e.cause_id, e.answers_source, e.answers_id, e.award_grant, e.withdraws, e.log_partition, e.log_offset,
    w.title, w.words, w.impact, w.links, w.lines::text AS lines
FROM entry AS e
LEFT JOIN words AS w ON w.occurred_at = e.occurred_at AND w.employee = e.employee AND w.entry_id = e.id
WHERE e.employee = ANY ($1::text[]) ORDER BY e.id;

-- name: given
-- What they gave to others, with their own words.
SELECT e.id, e.giver, e.employee AS recipient, e.occurred_at,
    (ARRAY['private', 'team', 'public'])[e.visibility] AS visibility, w.title, w.words, w.impact, w.links,
    w.lines::text AS lines
FROM entry AS e
LEFT JOIN words AS w ON w.occurred_at = e.occurred_at AND w.employee = e.employee AND w.entry_id = e.id
WHERE e.giver = ANY ($1::text[]) ORDER BY e.id;

-- name: named
-- Where others' deeds name them: as a helper, or as who accepted the work. The deed itself belongs to its doer.
SELECT id, occurred_at, employee AS doer, accepted_by, helped_by
FROM entry WHERE accepted_by = ANY ($1::text[]) OR helped_by && $1::text[] ORDER BY id;

-- name: standing
SELECT * FROM standing WHERE employee = ANY ($1::text[]) ORDER BY employee;

-- name: recognition_day
SELECT * FROM recognition_day WHERE employee = ANY ($1::text[]) ORDER BY employee, day;

-- name: deed
SELECT * FROM deed WHERE employee = ANY ($1::text[]) ORDER BY employee, occurred_at, cause_source, cause_id;

-- name: withdrawal
SELECT * FROM withdrawal WHERE employee = ANY ($1::text[]) ORDER BY employee, entry_id;

-- name: gap_form
-- Rosters that figures are counted over; of each only that they are on it.
SELECT n.employee AS member, g.unit, g.formed_on, g.since
FROM gap_form AS g JOIN unnest($1::text[]) AS n (employee) ON n.employee = ANY (g.members)
ORDER BY g.unit;

-- name: gap_pair
SELECT day, giver, recipient FROM gap_pair WHERE giver = ANY ($1::text[]) OR recipient = ANY ($1::text[])
ORDER BY day, giver, recipient;

-- name: gap
SELECT gap_id, team, metric, employee, opened_at, evidence, asked_at, closed_at
FROM gap WHERE employee = ANY ($1::text[]) ORDER BY opened_at, gap_id;

-- name: unnoticed_deed
SELECT * FROM unnoticed_deed WHERE employee = ANY ($1::text[]) ORDER BY done_at, deed_id;

-- name: led_unnoticed
-- Of these only that they were told: whose deeds, and what they were, is the doers'.
SELECT lead, team, told_at, taken_back_at FROM unnoticed_deed WHERE lead = ANY ($1::text[]) ORDER BY told_at, deed_id;

-- name: removal
SELECT * FROM removal WHERE employee = ANY ($1::text[]) ORDER BY employee, of_what;

-- name: archived_words
SELECT w.entry_id, w.employee, w.occurred_at, w.title, w.words, w.impact, w.links, w.lines::text AS lines
FROM words AS w
WHERE w.employee = ANY ($1::text[]) AND NOT EXISTS (
    SELECT FROM entry AS e WHERE e.occurred_at = w.occurred_at AND e.employee = w.employee AND e.id = w.entry_id
)
ORDER BY w.entry_id;

-- name: archived_giving
SELECT g.entry_id, g.giver, g.employee AS recipient, g.occurred_at, w.title, w.words, w.impact, w.links
FROM archived_giving AS g
LEFT JOIN words AS w ON w.occurred_at = g.occurred_at AND w.employee = g.employee AND w.entry_id = g.entry_id
WHERE g.giver = ANY ($1::text[]) ORDER BY g.entry_id;

-- name: archived_standing
SELECT * FROM archived_standing WHERE employee = ANY ($1::text[]) ORDER BY first, employee;

-- name: archived_deed
SELECT * FROM archived_deed WHERE employee = ANY ($1::text[]) ORDER BY first, occurred_at, cause_source, cause_id;

-- name: entry_mark
SELECT employee, entry_id, hidden, withdrawn_at, changed_at FROM entry_mark WHERE employee = ANY ($1::text[])
ORDER BY employee, entry_id;

-- name: dispute
SELECT employee, entry_id, opened_by, owner, reason, opened_at, due_on, decided_at, decided_by, accepted, answer
FROM dispute WHERE employee = ANY ($1::text[]) ORDER BY opened_at, entry_id;

-- name: dispute_owned
-- Of these only that they were theirs to decide, and what they answered; the dispute is the other person's.
SELECT entry_id, owner, decided_by, decided_at, accepted, CASE WHEN decided_by = ANY ($1::text[]) THEN answer END AS answer
FROM dispute WHERE owner = ANY ($1::text[]) OR decided_by = ANY ($1::text[]) ORDER BY opened_at, entry_id;

-- name: request_key
SELECT subject, key, made_at FROM request_key WHERE subject = ANY ($1::text[]) ORDER BY made_at, key;

-- name: erasure
SELECT * FROM erasure WHERE employee = ANY ($1::text[]) ORDER BY employee;

-- name: erasure_report
SELECT employee, service, erasure_source, erasure_id, scope, finished_at, gone::text AS gone, formerly, kafka_until,
    backups_until
FROM erasure_report WHERE employee = ANY ($1::text[]) ORDER BY employee, service, finished_at;

-- name: outbox_aside
SELECT o.topic, o.key, o.value, o.code, o.set_aside_at
FROM outbox_aside AS o
WHERE EXISTS (SELECT FROM unnest($1::text[]) AS n (employee)
    WHERE o.key = convert_to(n.employee, 'UTF8') OR position(convert_to('"' || n.employee || '"', 'UTF8') IN o.value) > 0)
ORDER BY o.id;
