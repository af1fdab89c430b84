-- What the ledger holds about one person, for themself. $1: every id they are known by.

-- name: ids
-- The person's id ($1) and those they had before.
SELECT $1::text AS employee
UNION
SELECT unnest(formerly) FROM person WHERE employee = $1
ORDER BY employee;

-- name: directory
SELECT employee, name, timezone, language, formerly, team_since, team, manager_since, manager, status_since, status,
    occurred_at
FROM person WHERE employee = ANY ($1::text[]) ORDER BY employee;

-- name: wishes
SELECT employee, celebrate, occurred_at FROM preference WHERE employee = ANY ($1::text[]) ORDER BY employee;

-- name: standing
SELECT * FROM standing WHERE employee = ANY ($1::text[]) ORDER BY employee;

-- name: given
-- What they gave, with their own words, newest first. $2: rows at most.
SELECT e.id, e.occurred_at, e.employee AS recipient, e.visibility, w.title, w.words, w.impact, w.links,
    EXISTS (SELECT FROM withdrawal AS x WHERE x.employee = e.employee AND x.entry_id = e.id) AS withdrawn
FROM entry AS e
LEFT JOIN words AS w ON w.occurred_at = e.occurred_at AND w.employee = e.employee AND w.entry_id = e.id
WHERE e.giver = ANY ($1::text[])
ORDER BY e.occurred_at DESC, e.id DESC
LIMIT $2;

-- name: gaps
-- What their lead was told that they lack.
SELECT employee, team, metric, opened_at, evidence, asked_at, closed_at
FROM gap WHERE employee = ANY ($1::text[]) ORDER BY opened_at, gap_id;

-- name: unnoticed
-- Which of their deeds their lead was told nobody had answered.
SELECT employee, deed_id::text AS deed, done_at, team, lead, told_at, taken_back_at
FROM unnoticed_deed WHERE employee = ANY ($1::text[]) ORDER BY done_at, deed_id;
