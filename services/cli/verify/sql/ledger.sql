-- The ledger's history against its offsets, and what is kept of it besides.

-- name: figures
SELECT
    (SELECT count(*) FROM entry) AS entries,
    (SELECT count(*) FROM words) AS words,
    (SELECT count(DISTINCT tableoid) FROM entry) AS months,
    (SELECT count(*) FROM entry WHERE kind = 3) AS withdrawals,
    (SELECT count(*) FROM entry WHERE award_grant IS NOT NULL) AS grants,
    (SELECT count(*) FROM erasure) AS erasures;

-- name: entries_at_offsets
-- $1: the entries topic. Each applied offset left an entry, and no other did. Sets are compared as ranges, not rows.
WITH place AS (
    SELECT log_partition AS partition, log_offset,
        log_offset - dense_rank() OVER (PARTITION BY log_partition ORDER BY log_offset) AS island
    FROM entry
),
stored AS (
    SELECT partition, range_agg(r) AS offsets
    FROM (SELECT partition, int8range(min(log_offset), max(log_offset) + 1) AS r FROM place GROUP BY partition, island) AS i
    GROUP BY partition
),
applied AS (
    SELECT partition, range_agg(applied) AS offsets FROM batch WHERE topic = $1 GROUP BY partition
),
beside AS (
    SELECT partition, coalesce(a.offsets, '{}') AS applied, coalesce(s.offsets, '{}') AS stored
    FROM applied AS a FULL JOIN stored AS s USING (partition)
),
fault AS (
    SELECT partition, r, 'an entry, for the outcome is applied' AS expected, 'none' AS found
    FROM beside CROSS JOIN LATERAL unnest(applied - stored) AS r
    UNION ALL
    SELECT partition, r, 'no entry, for the outcome is not applied', 'an entry'
    FROM beside CROSS JOIN LATERAL unnest(stored - applied) AS r
)
SELECT format('%s[%s] offset %s', $1::text, partition, lower(r)) AS place, expected, found,
    (sum(upper(r) - lower(r)) OVER ())::bigint AS faults
FROM fault ORDER BY partition, lower(r) LIMIT 1;

-- name: one_entry_per_offset
SELECT format('partition %s offset %s', log_partition, log_offset) AS place, 'one entry' AS expected,
    format('%s: %s', count(*), string_agg(id::text, ', ' ORDER BY id)) AS found, count(*) OVER () AS faults
FROM entry GROUP BY log_partition, log_offset HAVING count(*) > 1
ORDER BY log_partition, log_offset LIMIT 1;

-- name: ids_once
-- Over all months: each month's key sees its own only.
SELECT format('entry %s', id) AS place, 'in one month' AS expected,
    format('%s times, in %s', count(*), string_agg(DISTINCT tableoid::regclass::text, ', ')) AS found,
    count(*) OVER () AS faults
FROM entry GROUP BY id HAVING count(*) > 1
ORDER BY id LIMIT 1;

-- name: ids_hold_the_time
-- UUIDv8 whose first 48 bits are the milliseconds of `occurred_at`.
SELECT format('entry %s', id) AS place, format('UUIDv8 of %s', occurred_at) AS expected,
    format('version %s of %s', uuid_extract_version(id), within) AS found, count(*) OVER () AS faults
FROM (
    SELECT id, occurred_at, timestamptz 'epoch'
        + ('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint * interval '1 millisecond' AS within
    FROM entry
) AS e
WHERE within <> occurred_at OR uuid_extract_version(id) IS DISTINCT FROM 8
ORDER BY id LIMIT 1;

-- name: months_hold_their_own
WITH held AS (
    SELECT tableoid::regclass::text AS month, min(occurred_at) AS first, max(occurred_at) AS last
    FROM entry GROUP BY tableoid
    UNION ALL
    SELECT tableoid::regclass::text, min(occurred_at), max(occurred_at) FROM words GROUP BY tableoid
    UNION ALL
    SELECT tableoid::regclass::text, min(day)::timestamptz, max(day)::timestamptz FROM recognition_day GROUP BY tableoid
),
bounded AS (SELECT *, to_timestamp(right(month, 7) || ' UTC', 'YYYY_MM TZ') AS begins FROM held)
SELECT format('table %s', month) AS place, format('%s to before %s', begins, begins + interval '1 month') AS expected,
    format('%s to %s', first, last) AS found, count(*) OVER () AS faults
FROM bounded WHERE first < begins OR last >= begins + interval '1 month'
ORDER BY month LIMIT 1;

-- name: words_are_there
-- Words go by erasure alone: of the person they are for, or of the giver who asked for it, with why they took it back.
SELECT format('entry %s', e.id) AS place, 'its words, for nobody concerned was erased' AS expected, 'none' AS found,
    count(*) OVER () AS faults
FROM entry AS e
WHERE NOT EXISTS (
        SELECT FROM words AS w
        WHERE w.occurred_at = e.occurred_at AND w.employee = e.employee AND w.entry_id = e.id
    )
    AND NOT EXISTS (SELECT FROM erasure AS x WHERE x.employee = e.employee)
    AND NOT EXISTS (SELECT FROM erasure AS x WHERE x.employee = e.giver AND x.scope = 2)
    AND NOT EXISTS (
        SELECT FROM entry AS t JOIN erasure AS x ON x.employee = t.giver AND x.scope = 2
        WHERE t.employee = e.employee AND t.id = e.withdraws
    )
ORDER BY e.id LIMIT 1;

-- name: words_of_the_erased
SELECT format('entry %s', e.id) AS place, 'no words, for somebody concerned was erased' AS expected, 'words' AS found,
    count(*) OVER () AS faults
FROM entry AS e
JOIN words AS w ON w.occurred_at = e.occurred_at AND w.employee = e.employee AND w.entry_id = e.id
WHERE EXISTS (SELECT FROM erasure AS x WHERE x.employee = e.employee)
    OR EXISTS (SELECT FROM erasure AS x WHERE x.employee = e.giver AND x.scope = 2)
    OR (e.kind = 3 AND EXISTS (
        SELECT FROM entry AS t JOIN erasure AS x ON x.employee = t.giver AND x.scope = 2
        WHERE t.employee = e.employee AND t.id = e.withdraws
    ))
ORDER BY e.id LIMIT 1;

-- name: words_belong
-- Words have an entry, and say something: all but a withdrawal carry a title.
SELECT format('words of entry %s', w.entry_id) AS place,
    CASE WHEN e.id IS NULL THEN 'an entry' WHEN e.kind = 3 THEN 'no title' ELSE 'a title' END AS expected,
    CASE WHEN e.id IS NULL OR e.kind <> 3 THEN 'none' ELSE 'one' END AS found, count(*) OVER () AS faults
FROM words AS w
LEFT JOIN entry AS e ON e.occurred_at = w.occurred_at AND e.employee = w.employee AND e.id = w.entry_id
WHERE e.id IS NULL OR (e.kind = 3) <> (w.title IS NULL)
ORDER BY w.entry_id LIMIT 1;

-- name: the_erased_are_gone
-- Nothing of them stays in the directory, and their standing carries the mark.
WITH fault AS (
    SELECT x.employee, 'no directory record' AS expected, 'one' AS found
    FROM erasure AS x WHERE EXISTS (SELECT FROM person AS p WHERE p.employee = x.employee)
    UNION ALL
    SELECT x.employee, 'no wishes', 'some'
    FROM erasure AS x WHERE EXISTS (SELECT FROM preference AS p WHERE p.employee = x.employee)
    UNION ALL
    SELECT employee, format('erased as far as %s', coalesce(x.scope, 0)), format('marked %s', coalesce(s.erased_scope, 0))
    FROM erasure AS x FULL JOIN standing AS s USING (employee)
    WHERE coalesce(x.scope, 0) <> coalesce(s.erased_scope, 0)
)
SELECT format('employee %s', employee) AS place, expected, found, count(*) OVER () AS faults
FROM fault ORDER BY employee, expected LIMIT 1;

-- name: withdrawals_fit
-- The table of what no longer counts is what withdrawals say, and each names what it takes back rightly.
WITH said AS (SELECT DISTINCT employee, withdraws AS entry_id FROM entry WHERE kind = 3),
fault AS (
    SELECT entry_id, CASE WHEN s.employee IS NULL THEN 'a withdrawal in history' ELSE 'noted as withdrawn' END AS expected,
        CASE WHEN s.employee IS NULL THEN 'only the note' ELSE 'only the withdrawal' END AS found
    FROM said AS s FULL JOIN withdrawal AS w USING (employee, entry_id)
    WHERE s.employee IS NULL OR w.employee IS NULL
    UNION ALL
    SELECT e.id, format('of kind %s, as withdrawal %s says', w.subkind - 30, w.id), format('of kind %s', e.kind)
    FROM entry AS w JOIN entry AS e ON e.employee = w.employee AND e.id = w.withdraws
    WHERE w.kind = 3 AND e.kind <> w.subkind - 30
)
SELECT format('entry %s', entry_id) AS place, expected, found, count(*) OVER () AS faults
FROM fault ORDER BY entry_id LIMIT 1;

-- name: grants_once
SELECT format('employee %s grant %s', employee, award_grant) AS place, 'one award' AS expected,
    format('%s: %s', count(*), string_agg(id::text, ', ' ORDER BY id)) AS found, count(*) OVER () AS faults
FROM entry WHERE award_grant IS NOT NULL
GROUP BY employee, award_grant HAVING count(*) > 1
ORDER BY employee, award_grant LIMIT 1;

-- name: entries
-- Every entry but withdrawals, in order of id: for comparing with what recognition emitted.
SELECT e.id, e.employee,
    (ARRAY['deed', 'recognition', 'recognition-withdrawn', 'growth', 'assignment-noted', 'career-picture'])[e.kind] AS kind,
    EXISTS (SELECT FROM withdrawal AS w WHERE w.employee = e.employee AND w.entry_id = e.id) AS withdrawn
FROM entry AS e WHERE e.kind <> 3 ORDER BY e.id;

-- name: recognitions
-- In order of id: for comparing with the notifier's intents.
SELECT id, employee FROM entry WHERE kind = 2 AND award_grant IS NULL ORDER BY id;
