-- What the notifier holds about one person. $1: every id they are known by.

-- name: ids
SELECT jsonb_array_elements_text(body::jsonb -> 'formerly') AS employee
FROM person WHERE employee = ANY ($1::text[]) AND jsonb_typeof(body::jsonb -> 'formerly') = 'array';

-- name: person
SELECT employee, happened_at, event_id, body, erased FROM person WHERE employee = ANY ($1::text[]) ORDER BY employee;

-- name: preference
SELECT employee, happened_at, event_id, body FROM preference WHERE employee = ANY ($1::text[]) ORDER BY employee;

-- name: intent
SELECT recognition, employee, award_grant, giver, occurred_at, correlation, body, state, channel, reason, message, due_at,
    arrived_at, ended_at
FROM intent WHERE employee = ANY ($1::text[]) ORDER BY recognition, employee;

-- name: given
-- What they gave and others are told, while it is under way.
SELECT recognition, giver, employee AS recipient, occurred_at, body, state, channel, ended_at
FROM intent WHERE giver = ANY ($1::text[]) ORDER BY recognition, employee;

-- name: told
SELECT recognition, employee FROM told WHERE employee = ANY ($1::text[]) ORDER BY recognition;

-- name: message
SELECT id, employee, channel, state, reason, due_at, tries, doubts, claimed_at, lease_until, made_at, ended_at
FROM message WHERE employee = ANY ($1::text[]) ORDER BY made_at, id;

-- name: attempt
SELECT a.message, m.employee, a.number, a.started_at, a.ended_at, a.outcome, a.code
FROM attempt AS a JOIN message AS m ON m.id = a.message
WHERE m.employee = ANY ($1::text[]) ORDER BY a.started_at, a.message, a.number;

-- name: outbox_aside
SELECT o.topic, o.key, o.value, o.code, o.set_aside_at
FROM outbox_aside AS o
WHERE EXISTS (SELECT FROM unnest($1::text[]) AS n (employee)
    WHERE o.key = convert_to(n.employee, 'UTF8') OR position(convert_to('"' || n.employee || '"', 'UTF8') IN o.value) > 0)
ORDER BY o.id;
