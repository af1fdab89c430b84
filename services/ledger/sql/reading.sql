-- Read queries of the API and the pages. Every one names whose history it reads; none scans.

-- name: may_lead
-- Whether $2 is the present manager (on day $3) of $1, who must be somebody the directory knows.
SELECT EXISTS (
    SELECT FROM person
    WHERE employee = $1 AND manager[width_bucket($3::date, manager_since)] = $2
);

-- name: person
-- What a page says of a person; no row for somebody the directory does not know. $2: today.
SELECT employee, name, timezone, formerly,
    team[width_bucket($2::date, team_since)] AS team,
    status_since[array_position(status, 'active')] AS start
FROM person
WHERE employee = $1;

-- name: circle
-- The widest circle that may see a person's recognitions: 0 nobody, 1 themself, 2 team, 3 all. Team unless they said.
SELECT coalesce((SELECT celebrate FROM preference WHERE employee = $1), 2);

-- name: history
-- One page of a person's history, newest first. $1 the person's id, $2 the last id of the page before (or NULL),
-- $3 a kind (or NULL), $4 rows at most, $5 kinds left out (may be empty). Entries under former ids belong to it.
-- Withdrawn entries come without words. A giver who was erased, or whom the directory does not know, has no name.
WITH known_as AS (
    SELECT $1::text AS employee
    UNION
    SELECT unnest(formerly) FROM person WHERE employee = $1
),
page AS (
    SELECT e.*
    FROM known_as
    CROSS JOIN LATERAL (
        SELECT * FROM entry
        WHERE entry.employee = known_as.employee COLLATE "C"
          AND entry.id < coalesce($2::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
          AND entry.occurred_at <= coalesce(
              timestamptz 'epoch' + substr(uuid_send($2::uuid), 1, 6)::bigint * interval '1 millisecond', 'infinity'
          )
          AND entry.kind = coalesce($3::smallint, entry.kind)
          AND entry.kind <> 3
          AND entry.kind <> ALL ($5::smallint[])
        ORDER BY entry.id DESC
        LIMIT $4::integer
    ) AS e
    ORDER BY e.id DESC
    LIMIT $4
)
SELECT page.id, page.occurred_at, page.kind, page.subkind, page.by, page.basis, page.size, page.visibility,
    page.giver_is_manager, page.lead, page.stretch, page.goal, page.value, page.skills, page.follow_up,
    page.giver, CASE WHEN erasure.employee IS NULL THEN giver.name END AS giver_name,
    withdrawal.entry_id IS NOT NULL AS withdrawn,
    page.kind = 1 AND deed.deed_id IS NOT NULL AND deed.answered_at IS NULL AS waiting,
    deed.answered_at,
    words.entry_id IS NULL AS erased,
    words.title, words.words, words.impact, words.links, words.lines
FROM page
LEFT JOIN words ON words.occurred_at = page.occurred_at AND words.employee = page.employee
    AND words.entry_id = page.id
LEFT JOIN withdrawal ON withdrawal.employee = page.employee AND withdrawal.entry_id = page.id
LEFT JOIN deed ON page.kind = 1 AND deed.employee = page.employee
    AND deed.cause_source = page.cause_source AND deed.cause_id = page.cause_id
LEFT JOIN person AS giver ON giver.employee = page.giver
LEFT JOIN erasure ON erasure.employee = page.giver
ORDER BY page.id DESC;

-- name: team_members
-- Present members (active on day $3) of team $1 whose present manager is $2.
SELECT p.employee, p.name, p.status_since[array_position(p.status, 'active')] AS start,
    greatest(s.last_received_at, (
        SELECT max(f.last_received_at) FROM standing AS f
        WHERE cardinality(p.formerly) > 0 AND f.employee = ANY (p.formerly)
    )) AS last_received
FROM person AS p
LEFT JOIN standing AS s USING (employee)
WHERE p.team[width_bucket($3::date, p.team_since)] = $1
  AND p.manager[width_bucket($3::date, p.manager_since)] = $2
  AND p.status[width_bucket($3::date, p.status_since)] = 'active'
  AND p.employee NOT IN (SELECT unnest(formerly) FROM person)
ORDER BY p.employee
LIMIT 1000;

-- name: waiting_deeds
-- Deeds of the people $1 done in [$2, $3) that nobody has answered, oldest first; a private one without its title.
SELECT d.deed_id AS id, d.employee, p.name,
    CASE WHEN e.visibility > 1 THEN w.title END AS title, e.size, d.occurred_at AS done_at
FROM deed AS d
JOIN person AS p USING (employee)
JOIN entry AS e ON e.employee = d.employee AND e.id = d.deed_id AND e.occurred_at = d.occurred_at
LEFT JOIN words AS w ON w.employee = d.employee AND w.entry_id = d.deed_id AND w.occurred_at = d.occurred_at
WHERE d.employee = ANY ($1::text[]) AND d.answered_at IS NULL
  AND d.occurred_at >= $2::timestamptz AND d.occurred_at < $3::timestamptz
ORDER BY d.occurred_at, d.deed_id
LIMIT 500;

-- name: open_gaps
-- Open gaps of team $1 itself, and of those of its people named in $2; the newest first.
SELECT gap.gap_id AS id, gap.metric, nullif(gap.employee, '') AS employee, p.name, gap.opened_at, gap.evidence,
    gap.asked_at IS NOT NULL AS asks_about_role
FROM gap LEFT JOIN person AS p ON p.employee = gap.employee
WHERE gap.team = $1 AND gap.closed_at IS NULL AND (gap.employee = '' OR gap.employee = ANY ($2::text[]))
ORDER BY gap.opened_at DESC, gap.gap_id
LIMIT 500;
