-- Gaps that open and close, of teams and of single persons; and deeds nobody answers. Asked once a day, or a minute.

-- name: teams_to_open
-- Teams whose published figure was a gap on each of the $2 days up to $1, and has no open gap yet.
-- $3 metric, $4 least and $5 greatest share that is fine. lead: the most common present manager of its members.
WITH rule AS (
    SELECT * FROM unnest($3::text[], $4::double precision[], $5::double precision[]) AS r (metric, least, most)
),
led AS (
    SELECT team, mode() WITHIN GROUP (ORDER BY manager) AS lead
    FROM (
        SELECT p.team[width_bucket($1::date, p.team_since)] AS team,
            p.manager[width_bucket($1::date, p.manager_since)] AS manager
        FROM person AS p
        WHERE p.status[width_bucket($1::date, p.status_since)] = 'active'
    ) AS present
    WHERE manager <> ''
    GROUP BY team
)
SELECT f.unit AS team, f.metric,
    (array_agg(f.low ORDER BY f.day DESC))[1] AS low, (array_agg(f.high ORDER BY f.day DESC))[1] AS high,
    max(led.lead) AS lead
FROM gap_figure AS f JOIN rule USING (metric) LEFT JOIN led ON led.team = f.unit
WHERE f.day > $1 - $2::integer AND f.day <= $1 AND f.unit <> '' AND f.low IS NOT NULL
  AND NOT EXISTS (
      SELECT FROM gap WHERE gap.metric = f.metric AND gap.employee = '' AND gap.team = f.unit AND closed_at IS NULL
  )
GROUP BY f.unit, f.metric
HAVING count(*) = $2 AND bool_and(f.high < rule.least OR f.low > rule.most)
ORDER BY f.unit, f.metric;

-- name: close_teams
-- Close team gaps open for $2 days or more whose figure, where there is one, was none on all the $2 days up to $1; and
-- those without any figure for $6 days. Other arguments as above.
WITH rule AS (
    SELECT * FROM unnest($3::text[], $4::double precision[], $5::double precision[]) AS r (metric, least, most)
),
seen AS (
    SELECT f.unit, f.metric, max(f.day) AS last_day,
        max(f.day) FILTER (WHERE f.high < rule.least OR f.low > rule.most) AS last_gap
    FROM gap_figure AS f JOIN rule USING (metric)
    WHERE f.day > $1::date - $6::integer AND f.day <= $1 AND f.unit <> '' AND f.low IS NOT NULL
    GROUP BY f.unit, f.metric
)
UPDATE gap SET closed_at = $1::date::timestamp AT TIME ZONE 'UTC'
WHERE employee = '' AND closed_at IS NULL AND opened_at <= ($1::date - $2::integer)::timestamp AT TIME ZONE 'UTC'
  AND NOT EXISTS (
      SELECT FROM seen
      WHERE seen.unit = gap.team AND seen.metric = gap.metric
        AND (last_gap > $1 - $2 OR last_day <= $1 - $2)
  )
RETURNING gap_id, team, metric, employee;

-- name: persons_to_open
-- People active on day $1 with a lead who is, and what they have lacked for too long by 00:00 UTC; unless told already.
-- $2 days since the last receipt, $3 days of tenure without any, $4 days without growth, $5 eligible tenure; at most $6,
-- the newest first.
WITH present AS (
    SELECT p.employee, p.formerly, p.team[width_bucket($1::date, p.team_since)] AS team,
        p.manager[width_bucket($1::date, p.manager_since)] AS lead,
        p.status_since[array_position(p.status, 'active')]::timestamp AT TIME ZONE 'UTC' AS start_at
    FROM person AS p
    WHERE p.status[width_bucket($1::date, p.status_since)] = 'active'
      AND NOT EXISTS (SELECT FROM person AS f CROSS JOIN unnest(f.formerly) AS former (id) WHERE former.id = p.employee)
),
known AS (
    SELECT present.employee, team, lead, start_at,
        CASE WHEN cardinality(formerly) = 0 THEN s.last_received_at ELSE greatest(s.last_received_at, (
            SELECT max(f.last_received_at) FROM standing AS f WHERE f.employee = ANY (formerly)
        )) END AS received_at,
        CASE WHEN cardinality(formerly) = 0 THEN s.last_growth_at ELSE greatest(s.last_growth_at, (
            SELECT max(f.last_growth_at) FROM standing AS f WHERE f.employee = ANY (formerly)
        )) END AS grew_at
    FROM present LEFT JOIN standing AS s USING (employee)
),
lacking AS (
    SELECT employee, team, lead, 'days-since-last' AS metric, received_at AS since,
        received_at + $2::integer * interval '1 day' AS opened_at
    FROM known
    WHERE received_at IS NOT NULL
      AND start_at <= ($1::date - $5::integer)::timestamp AT TIME ZONE 'UTC'
    UNION ALL
    SELECT employee, team, lead, 'never-recognised', start_at, start_at + $3::integer * interval '1 day'
    FROM known
    WHERE received_at IS NULL
    UNION ALL
    SELECT employee, team, lead, 'growth', coalesce(grew_at, start_at),
        coalesce(grew_at, start_at) + $4::integer * interval '1 day'
    FROM known
)
SELECT employee, team, lead, metric, since, opened_at
FROM lacking
WHERE opened_at <= $1::date::timestamp AT TIME ZONE 'UTC' AND team IS NOT NULL
  AND EXISTS (
      SELECT FROM person AS l
      WHERE l.employee = lead AND l.status[width_bucket($1, l.status_since)] = 'active'
  )
  AND NOT EXISTS (
      SELECT FROM gap
      WHERE gap.metric = lacking.metric AND gap.employee = lacking.employee AND gap.team = lacking.team
        AND gap.closed_at IS NULL
  )
ORDER BY opened_at DESC, team, employee, metric
LIMIT $6::integer;

-- name: close_persons
-- Close the gaps of people who have received in the last $2 days, or at all, or grown in the last $3 days, by what was
-- missing; and of those who have left, been erased or moved to another team.
WITH known AS (
    SELECT p.employee, p.team[width_bucket($1::date, p.team_since)] AS team,
        greatest(s.last_received_at, (
            SELECT max(f.last_received_at) FROM standing AS f
            WHERE cardinality(p.formerly) > 0 AND f.employee = ANY (p.formerly)
        )) AS received_at,
        greatest(s.last_growth_at, (
            SELECT max(f.last_growth_at) FROM standing AS f
            WHERE cardinality(p.formerly) > 0 AND f.employee = ANY (p.formerly)
        )) AS grew_at
    FROM person AS p LEFT JOIN standing AS s USING (employee)
    WHERE p.status[width_bucket($1::date, p.status_since)] <> 'left'
      AND p.employee IN (SELECT employee FROM gap WHERE closed_at IS NULL)
)
UPDATE gap SET closed_at = $1::date::timestamp AT TIME ZONE 'UTC'
WHERE gap.employee <> '' AND closed_at IS NULL AND NOT EXISTS (
    SELECT FROM known
    WHERE known.employee = gap.employee AND known.team = gap.team AND CASE gap.metric
        WHEN 'days-since-last' THEN received_at IS NOT NULL
            AND received_at < ($1::date - $2::integer)::timestamp AT TIME ZONE 'UTC'
        WHEN 'never-recognised' THEN received_at IS NULL
        ELSE grew_at IS NULL OR grew_at < ($1::date - $3::integer)::timestamp AT TIME ZONE 'UTC'
    END
)
RETURNING gap_id, team, metric, employee;

-- name: forget_erased
-- What was told of people while they were being erased, closed by now. An erasure itself forgets what it finds.
WITH erased AS (SELECT employee FROM erasure),
deed AS (
    DELETE FROM unnoticed_deed
    WHERE taken_back_at IS NOT NULL AND employee IN (SELECT employee FROM erased)
)
DELETE FROM gap WHERE closed_at IS NOT NULL AND employee IN (SELECT employee FROM erased);

-- name: add_gaps
-- Remember gaps; parallel arrays. Returns those that were not known: of these, and only these, an event is sent.
INSERT INTO gap (gap_id, team, metric, employee, opened_at, evidence)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[])
ON CONFLICT DO NOTHING
RETURNING gap_id;

-- name: ask_about_roles
-- Gaps in growth of single persons that have been open for $2 days on day $1, and about which nobody was asked, at most
-- $3: marked with the moment the question was due, and returned.
WITH due AS (
    SELECT gap_id FROM gap
    WHERE metric = 'growth' AND employee <> '' AND closed_at IS NULL AND asked_at IS NULL
      AND opened_at <= ($1::date - $2::integer)::timestamp AT TIME ZONE 'UTC'
    ORDER BY gap_id DESC
    LIMIT $3::integer
)
UPDATE gap SET asked_at = gap.opened_at + $2 * interval '1 day'
FROM due, person AS p
WHERE gap.gap_id = due.gap_id AND p.employee = gap.employee
RETURNING gap.gap_id, gap.team, gap.employee, gap.opened_at, gap.asked_at,
    p.manager[width_bucket($1::date, p.manager_since)] AS lead;

-- name: begin_looking
-- From which moment on deeds are to be looked at; the first time, $1. Locks the row: one process at a time looks.
INSERT INTO unnoticed_progress (looked_to) VALUES ($1::timestamptz)
ON CONFLICT (one) DO UPDATE SET looked_to = unnoticed_progress.looked_to
RETURNING looked_to;

-- name: looked
-- Deeds done before $1 have been looked at.
UPDATE unnoticed_progress SET looked_to = $1::timestamptz;

-- name: unanswered
-- Deeds done in [$1, $2) that no person has answered by now, which arrived here within $3 days of being done, of
-- people who are here on day $4 and have a lead who is; not private ones, nor those whose words were erased.
SELECT d.employee, d.deed_id, d.cause_source, d.cause_id, d.occurred_at AS done_at, e.size, w.title,
    p.team[width_bucket($4::date, p.team_since)] AS team,
    p.manager[width_bucket($4::date, p.manager_since)] AS lead
FROM deed AS d
JOIN person AS p USING (employee)
JOIN entry AS e ON e.employee = d.employee AND e.id = d.deed_id AND e.occurred_at = d.occurred_at
JOIN words AS w ON w.employee = d.employee AND w.entry_id = d.deed_id AND w.occurred_at = d.occurred_at
JOIN LATERAL (
    SELECT b.committed_at, b.next_offset FROM batch AS b
    WHERE b.topic = 'recognition.entries.v1' AND b.partition = e.log_partition AND b.first_offset <= e.log_offset
    ORDER BY b.first_offset DESC
    LIMIT 1
) AS b ON b.next_offset > e.log_offset
WHERE d.occurred_at >= $1::timestamptz AND d.occurred_at < $2::timestamptz AND d.answered_at IS NULL
  AND e.occurred_at >= $1 AND e.occurred_at < $2 AND w.occurred_at >= $1 AND w.occurred_at < $2
  AND b.committed_at < d.occurred_at + $3::integer * interval '1 day'
  AND e.visibility > 1 AND w.title IS NOT NULL
  AND p.status[width_bucket($4, p.status_since)] <> 'left'
  AND EXISTS (
      SELECT FROM person AS l
      WHERE l.employee = p.manager[width_bucket($4, p.manager_since)]
        AND l.status[width_bucket($4, l.status_since)] = 'active'
  )
ORDER BY d.occurred_at, d.deed_id
LIMIT $5::integer;

-- name: add_unnoticed
-- Remember deeds told; parallel arrays. Returns those that were not told before.
INSERT INTO unnoticed_deed (employee, deed_id, cause_source, cause_id, done_at, team, lead, told_at)
SELECT * FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::text[],
    $8::timestamptz[])
ON CONFLICT DO NOTHING
RETURNING deed_id;

-- name: take_back
-- Deeds told that have been answered since, or withdrawn, or whose person was erased: marked, and returned.
WITH done AS (
    SELECT u.employee, u.deed_id, u.done_at, d.answered_at
    FROM unnoticed_deed AS u LEFT JOIN deed AS d USING (employee, cause_source, cause_id)
    WHERE u.taken_back_at IS NULL AND u.told_at > $1::timestamptz - $2::integer * interval '1 day' AND (
        d.answered_at IS NOT NULL OR d.deed_id IS DISTINCT FROM u.deed_id
        OR EXISTS (SELECT FROM standing AS s WHERE s.employee = u.employee AND s.erased_scope > 0)
    )
    ORDER BY u.employee, u.deed_id
    LIMIT $3::integer
    FOR UPDATE OF u SKIP LOCKED
)
UPDATE unnoticed_deed AS u SET taken_back_at = $1
FROM done
LEFT JOIN words AS w ON w.employee = done.employee AND w.entry_id = done.deed_id AND w.occurred_at = done.done_at
WHERE u.employee = done.employee AND u.deed_id = done.deed_id
RETURNING u.employee, u.deed_id, u.done_at, u.team, u.lead, u.cause_id, w.title, done.answered_at;
