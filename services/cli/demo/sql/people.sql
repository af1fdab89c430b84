-- Whose page to look at, in the ledger: people who are active on day $1 and not among $2. One row or none.

-- name: often_thanked
-- Somebody who has heard many thanks.
SELECT p.employee, p.name, s.received_count AS figure, '' AS team
FROM person AS p JOIN standing AS s USING (employee)
WHERE p.status[width_bucket($1::date, p.status_since)] = 'active' AND p.employee <> ALL ($2::text[])
    AND s.received_count > 0
ORDER BY s.received_count DESC, p.employee
LIMIT 1;

-- name: growing
-- Somebody whose history shows the most kinds of growth.
SELECT p.employee, p.name, count(*) AS figure, '' AS team
FROM person AS p JOIN counted_entry AS e USING (employee)
WHERE e.kind = 4 AND p.status[width_bucket($1::date, p.status_since)] = 'active'
    AND p.employee <> ALL ($2::text[])
GROUP BY p.employee, p.name
ORDER BY count(DISTINCT e.subkind) DESC, count(*) DESC, p.employee
LIMIT 1;

-- name: leading
-- Whoever leads the most people. figure: how many; team: where most of them are.
SELECT lead.employee, lead.name, count(*) AS figure,
    mode() WITHIN GROUP (ORDER BY p.team[width_bucket($1::date, p.team_since)]) AS team
FROM person AS p
JOIN person AS lead ON lead.employee = p.manager[width_bucket($1::date, p.manager_since)] COLLATE "C"
WHERE p.status[width_bucket($1::date, p.status_since)] = 'active'
    AND lead.status[width_bucket($1::date, lead.status_since)] = 'active' AND lead.employee <> ALL ($2::text[])
GROUP BY lead.employee, lead.name
ORDER BY count(*) DESC, lead.employee
LIMIT 1;
