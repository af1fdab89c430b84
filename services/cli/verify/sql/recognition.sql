-- What recognition keeps of what it decided.

-- name: figures
SELECT (SELECT count(*) FROM emitted) AS emitted, (SELECT count(*) FROM parked) AS parked,
    (SELECT count(*) FROM awaiting) AS awaiting, (SELECT count(*) FROM person WHERE erased) AS erased;

-- name: ids_once
SELECT format('entry %s', entry) AS place, 'one cause' AS expected,
    format('%s: %s', count(*), string_agg(format('%s %s', source, id), ', ' ORDER BY source, id)) AS found,
    count(*) OVER () AS faults
FROM emitted GROUP BY entry HAVING count(*) > 1
ORDER BY entry LIMIT 1;

-- name: waiting
-- The count of parts that wait for a person is the number of those parts.
WITH counted AS (SELECT waits_for AS employee, count(*) AS parts FROM parked GROUP BY waits_for)
SELECT format('employee %s', employee) AS place, format('%s parts waiting', coalesce(c.parts, 0)) AS expected,
    format('a count of %s', coalesce(p.waiting, 0)) AS found, count(*) OVER () AS faults
FROM counted AS c FULL JOIN person AS p USING (employee)
WHERE coalesce(c.parts, 0) <> coalesce(p.waiting, 0)
ORDER BY employee LIMIT 1;

-- name: the_erased_are_gone
WITH fault AS (
    SELECT p.employee, 'no skills' AS expected, 'some' AS found
    FROM person AS p WHERE p.erased AND EXISTS (SELECT FROM skill AS s WHERE s.employee = p.employee)
    UNION ALL
    SELECT p.employee, 'nothing parked that mentions them', 'some'
    FROM person AS p WHERE p.erased AND EXISTS (SELECT FROM parked AS q WHERE q.mentions @> ARRAY[p.employee::text])
)
SELECT format('employee %s', employee) AS place, expected, found, count(*) OVER () AS faults
FROM fault ORDER BY employee, expected LIMIT 1;

-- name: emitted
-- Every entry but withdrawals, in order of id: for comparing with the ledger.
SELECT entry AS id, employee, type_name AS kind, withdrawn FROM emitted ORDER BY entry;
