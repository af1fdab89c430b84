-- What recognition holds about one person. $1: every id they are known by. Digests are left out: they say nothing.

-- name: ids
SELECT unnest(formerly) AS employee FROM person WHERE employee = ANY ($1::text[]);

-- name: person
SELECT employee, periods::text AS periods, record_time, record_id, erased, given_erased, formerly, celebrate, wishes_time,
    wishes_id, waiting
FROM person WHERE employee = ANY ($1::text[]) ORDER BY employee;

-- name: skill
SELECT employee, skill FROM skill WHERE employee = ANY ($1::text[]) ORDER BY employee, skill;

-- name: parked
SELECT source, id, recipient, waits_for, mentions, record, parked_at
FROM parked WHERE recipient = ANY ($1::text[]) OR waits_for = ANY ($1::text[]) OR mentions && $1::text[] ORDER BY seq;

-- name: awaiting
SELECT of_source, of_id, source, id, by_employee, record, parked_at
FROM awaiting WHERE by_employee = ANY ($1::text[]) ORDER BY parked_at, source, id;

-- name: emitted
SELECT source, id, entry, employee, type_name, withdrawn
FROM emitted WHERE employee = ANY ($1::text[]) ORDER BY entry;

-- name: outbox_aside
SELECT o.topic, o.key, o.value, o.code, o.set_aside_at
FROM outbox_aside AS o
WHERE EXISTS (SELECT FROM unnest($1::text[]) AS n (employee)
    WHERE o.key = convert_to(n.employee, 'UTF8') OR position(convert_to('"' || n.employee || '"', 'UTF8') IN o.value) > 0)
ORDER BY o.id;
