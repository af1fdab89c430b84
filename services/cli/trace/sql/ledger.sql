-- What the ledger keeps of entries. Each query names entries another way; all say the same of them.

-- name: entries_by_key
-- $1: employees, $2: ids of the entries.
SELECT e.id AS entry, e.employee, e.kind, e.occurred_at, e.log_partition, e.log_offset, e.cause_source, e.cause_id,
    EXISTS (SELECT FROM withdrawal AS w WHERE w.employee = e.employee AND w.entry_id = e.id) AS withdrawn,
    EXISTS (SELECT FROM words AS w
        WHERE w.occurred_at = e.occurred_at AND w.employee = e.employee AND w.entry_id = e.id) AS has_words,
    (SELECT d.answered_at FROM deed AS d WHERE d.employee = e.employee AND d.deed_id = e.id) AS answered_at
FROM unnest($1::text[], $2::uuid[]) AS n (employee, id)
JOIN entry AS e ON e.employee = n.employee AND e.id = n.id AND e.occurred_at = id_time(n.id)
ORDER BY e.id;

-- name: key_of_entry
-- Within the month that the id itself names.
SELECT employee, id FROM entry WHERE id = $1::uuid AND occurred_at = id_time($1::uuid);

-- name: keys_of_cause
-- $1: id of the event, $2: its source. Reads every month: nothing else asks this way.
SELECT employee, id FROM entry WHERE cause_id = $1 AND ($2::text IS NULL OR cause_source = $2) ORDER BY id LIMIT 1000;
