-- Gap metrics: set-wise over projections and directory, never over history. See services/ledger/gap_catalogue.py for
-- what the figures mean. A former id's recognitions are read under the person's present id. (The daily job alone reads
-- entries of recent months, for what no projection holds.)

-- name: live_counts
-- Of each unit's form as of $1: people, since when it is counted, how many a person recognised within each of the ten
-- numbers of days $2, how many were not recognised at all, and whether all started $3 days ago or before.
-- What came before `since` was counted over another form and is not looked at.
-- (OFFSET 0 joins everybody before choosing: the planner cannot know how many are in the forms, and would loop.)
WITH member AS (
    SELECT unit, since, unnest(members) COLLATE "C" AS employee FROM gap_form WHERE unit <> '' OFFSET 0
),
known AS (
    SELECT m.unit, m.since, p.status_since[array_position(p.status, 'active')] AS start,
        CASE WHEN coalesce(cardinality(p.formerly), 0) = 0 THEN s.last_received_at
        ELSE greatest(s.last_received_at, (
            SELECT max(former.last_received_at) FROM standing AS former WHERE former.employee = ANY (p.formerly)
        )) END AS received_at
    FROM member AS m LEFT JOIN person AS p USING (employee) LEFT JOIN standing AS s USING (employee)
    OFFSET 0
),
counted AS (
    SELECT unit, since, start, extract(epoch FROM $1::timestamptz - received_at) / 86400 AS days
    FROM (
        SELECT unit, since, start, CASE WHEN received_at >= coalesce(since::timestamp AT TIME ZONE 'UTC', '-infinity')
            THEN received_at END AS received_at
        FROM known
    ) AS seen
)
SELECT unit, since, count(*)::integer AS people,
    ARRAY[
        count(*) FILTER (WHERE days < ($2::integer[])[1]), count(*) FILTER (WHERE days < ($2::integer[])[2]),
        count(*) FILTER (WHERE days < ($2::integer[])[3]), count(*) FILTER (WHERE days < ($2::integer[])[4]),
        count(*) FILTER (WHERE days < ($2::integer[])[5]), count(*) FILTER (WHERE days < ($2::integer[])[6]),
        count(*) FILTER (WHERE days < ($2::integer[])[7]), count(*) FILTER (WHERE days < ($2::integer[])[8]),
        count(*) FILTER (WHERE days < ($2::integer[])[9]), count(*) FILTER (WHERE days < ($2::integer[])[10])
    ]::integer[] AS received_within,
    count(*) FILTER (WHERE days IS NULL)::integer AS never,
    coalesce(bool_and(start <= ($1 AT TIME ZONE 'UTC')::date - $3::integer), false) AS tenured
FROM counted
GROUP BY unit, since
ORDER BY unit;

-- name: organisation_effort
-- Recognitions by a person in a window of days [$1, $2), by basis, and how many people received them.
SELECT coalesce(sum(effort_count), 0)::integer AS effort,
    coalesce(sum(result_count), 0)::integer AS result,
    coalesce(sum(both_count), 0)::integer AS both_sides,
    count(*)::integer AS receivers
FROM (
    SELECT sum(effort_count) AS effort_count, sum(result_count) AS result_count, sum(both_count) AS both_count
    FROM recognition_day
    WHERE day >= $1::date AND day < $2::date AND effort_count + result_count + both_count > 0
    GROUP BY employee
) AS receiver;

-- name: organisation_notice
-- Deeds done in [$1, $2), how many were answered within $3 days, and how many people did them.
SELECT coalesce(sum(deeds), 0)::integer AS deeds,
    coalesce(sum(answered), 0)::integer AS answered,
    count(*)::integer AS doers
FROM (
    SELECT count(*) AS deeds,
        count(*) FILTER (WHERE answered_at <= occurred_at + $3::integer * interval '1 day') AS answered
    FROM deed
    WHERE occurred_at >= $1::timestamptz AND occurred_at < $2::timestamptz
    GROUP BY employee
) AS doer;

-- name: rosters
-- Who was in which unit and active on day $1 (the first of the 30-day window): one row per unit.
SELECT unit, array_agg(employee ORDER BY employee) AS members
FROM (
    SELECT p.employee, p.team[width_bucket($1::date, p.team_since)] AS unit,
        p.status_since[array_position(p.status, 'active')] AS start
    FROM person AS p
    WHERE p.status[width_bucket($1::date, p.status_since)] = 'active'
      AND NOT EXISTS (SELECT FROM person AS f CROSS JOIN unnest(f.formerly) AS former (id) WHERE former.id = p.employee)
) AS member
WHERE unit IS NOT NULL AND start <= $1
GROUP BY unit
ORDER BY unit;

-- name: eligible_people
-- Everybody active on day $1 who had started $2 days before.
SELECT p.employee FROM person AS p
WHERE p.status[width_bucket($1::date, p.status_since)] = 'active'
  AND p.status_since[array_position(p.status, 'active')] <= $1 - $2::integer
  AND NOT EXISTS (SELECT FROM person AS f CROSS JOIN unnest(f.formerly) AS former (id) WHERE former.id = p.employee);

-- name: forms
-- The people figures are counted over at present.
SELECT unit, since, members FROM gap_form ORDER BY unit;

-- name: keep_forms
-- Store forms made on day $1; parallel arrays, members as JSON arrays.
INSERT INTO gap_form (unit, formed_on, since, members)
SELECT unit, $1::date, since, ARRAY(SELECT jsonb_array_elements_text(members::jsonb))
FROM unnest($2::text[], $3::date[], $4::text[]) AS form (unit, since, members)
ORDER BY unit
ON CONFLICT (unit) DO UPDATE SET
    formed_on = excluded.formed_on, since = excluded.since, members = excluded.members;

-- name: drop_forms
-- Forget the forms of units that are no more.
DELETE FROM gap_form WHERE unit = ANY ($1::text[]);

-- name: claim_day
-- The claim to compute a day's figures; no row if somebody has, or has computed a later day.
INSERT INTO gap_day (day) SELECT $1::date WHERE NOT EXISTS (SELECT FROM gap_day WHERE day > $1)
ON CONFLICT DO NOTHING RETURNING day;

-- name: unit_counts
-- What the figures of all units are made of, for windows that ended at 00:00 UTC of day $1, over the kept forms.
-- $2 short and $3 long window, $4 days an answer may take, $5 days of purpose, $6 days of growth and of leading.
-- Where the last growth, lead or manager's word came after the windows ended, entries of that person tell what was
-- before.
WITH form AS (
    SELECT f.unit, m.employee COLLATE "C" AS employee
    FROM gap_form AS f CROSS JOIN LATERAL unnest(f.members) AS m (employee)
    WHERE f.unit <> ''
),
alias AS (
    SELECT unit, employee, employee AS known_as FROM form
    UNION ALL
    SELECT f.unit, f.employee, former.id COLLATE "C"
    FROM form AS f JOIN person AS p ON p.employee = f.employee AND cardinality(p.formerly) > 0
    CROSS JOIN LATERAL unnest(p.formerly) AS former (id)
),
counted AS (
    SELECT employee,
        bool_or(person_count > 0 AND day >= $1::date - $2::integer) AS short,
        bool_or(person_count > 0 AND day >= $1 - $3::integer) AS long,
        bool_or(given_count > 0 AND day >= $1 - $3) AS gave,
        bool_or(purpose_count > 0) AS purposeful,
        sum(effort_count) FILTER (WHERE day >= $1 - $3) AS effort,
        sum(result_count) FILTER (WHERE day >= $1 - $3) AS result,
        sum(both_count) FILTER (WHERE day >= $1 - $3) AS both_sides,
        sum(person_count + automatic_count) FILTER (WHERE day >= $1 - $3) AS recognitions,
        sum(purpose_count) FILTER (WHERE day >= $1 - $3) AS with_goal
    FROM (SELECT *, effort_count + result_count + both_count AS person_count FROM recognition_day) AS by_day
    WHERE day >= $1 - $5::integer AND day < $1
    GROUP BY employee
),
noticed AS (
    SELECT employee, count(*) AS deeds,
        count(*) FILTER (WHERE answered_at <= occurred_at + $4::integer * interval '1 day') AS answered
    FROM deed
    WHERE occurred_at >= ($1::date - $3 - $4)::timestamp AT TIME ZONE 'UTC'
      AND occurred_at < ($1::date - $4)::timestamp AT TIME ZONE 'UTC'
    GROUP BY employee
),
late AS (
    SELECT employee FROM standing
    WHERE greatest(last_growth_at, last_lead_at, last_from_manager_at) >= $1::date::timestamp AT TIME ZONE 'UTC'
),
earlier AS (
    SELECT e.employee, bool_or(e.subkind IN (41, 43, 44, 45, 46)) AS grew,
        bool_or(e.lead AND e.subkind IS DISTINCT FROM 53) AS led,
        bool_or(
            e.by = 1 AND e.giver_is_manager AND e.occurred_at >= ($1::date - $3)::timestamp AT TIME ZONE 'UTC'
        ) AS by_manager
    FROM late JOIN counted_entry AS e USING (employee)
    WHERE e.occurred_at >= ($1::date - $6::integer)::timestamp AT TIME ZONE 'UTC'
      AND e.occurred_at < $1::date::timestamp AT TIME ZONE 'UTC'
    GROUP BY e.employee
),
stood AS (
    SELECT s.employee,
        coalesce(e.grew, false) OR (
            s.last_growth_at >= ($1::date - $6)::timestamp AT TIME ZONE 'UTC'
            AND s.last_growth_at < $1::date::timestamp AT TIME ZONE 'UTC'
        ) AS grew,
        coalesce(e.led, false) OR (
            s.last_lead_at >= ($1::date - $6)::timestamp AT TIME ZONE 'UTC'
            AND s.last_lead_at < $1::date::timestamp AT TIME ZONE 'UTC'
        ) AS led,
        coalesce(e.by_manager, false) OR (
            s.last_from_manager_at >= ($1::date - $3)::timestamp AT TIME ZONE 'UTC'
            AND s.last_from_manager_at < $1::date::timestamp AT TIME ZONE 'UTC'
        ) AS by_manager
    FROM standing AS s LEFT JOIN earlier AS e USING (employee)
),
per_person AS (
    SELECT a.unit, a.employee,
        coalesce(bool_or(c.short), false) AS short,
        coalesce(bool_or(c.long), false) AS long,
        coalesce(bool_or(c.gave), false) AS gave,
        coalesce(bool_or(c.purposeful), false) AS purposeful,
        coalesce(bool_or(s.by_manager), false) AS thanked_by_manager,
        coalesce(bool_or(s.grew), false) AS grew,
        coalesce(bool_or(s.led), false) AS led,
        coalesce(bool_or(p.manager[width_bucket($1::date - 1, p.manager_since)] <> ''), false) AS managed,
        coalesce(sum(c.effort), 0) AS effort,
        coalesce(sum(c.result), 0) AS result,
        coalesce(sum(c.both_sides), 0) AS both_sides,
        coalesce(sum(c.recognitions), 0) AS recognitions,
        coalesce(sum(c.with_goal), 0) AS with_goal,
        coalesce(sum(n.deeds), 0) AS deeds,
        coalesce(sum(n.answered), 0) AS answered
    FROM alias AS a
    LEFT JOIN person AS p ON p.employee = a.employee
    LEFT JOIN stood AS s ON s.employee = a.known_as
    LEFT JOIN counted AS c ON c.employee = a.known_as
    LEFT JOIN noticed AS n ON n.employee = a.known_as
    GROUP BY a.unit, a.employee
)
SELECT unit, count(*)::integer AS people,
    count(*) FILTER (WHERE short)::integer AS received_short,
    count(*) FILTER (WHERE long)::integer AS received_long,
    count(*) FILTER (WHERE thanked_by_manager)::integer AS by_manager,
    count(*) FILTER (WHERE managed)::integer AS managed,
    count(*) FILTER (WHERE gave)::integer AS gave,
    count(*) FILTER (WHERE NOT grew)::integer AS not_grown,
    count(*) FILTER (WHERE NOT purposeful)::integer AS without_purpose,
    count(*) FILTER (WHERE NOT led)::integer AS not_led,
    sum(effort)::integer AS effort,
    sum(result)::integer AS result,
    sum(both_sides)::integer AS both_sides,
    sum(recognitions)::integer AS recognitions,
    sum(with_goal)::integer AS with_goal,
    sum(deeds)::integer AS deeds,
    sum(answered)::integer AS answered,
    count(*) FILTER (WHERE deeds > 0)::integer AS doers
FROM per_person
GROUP BY unit
ORDER BY unit;

-- name: keep_figures
-- Store a day's cells; parallel arrays.
INSERT INTO gap_figure (day, metric, unit, low, high, people, reason)
SELECT $1::date, metric, unit, low, high, people, reason
FROM unnest($2::text[], $3::text[], $4::double precision[], $5::double precision[], $6::integer[], $7::text[])
    AS cell (metric, unit, low, high, people, reason)
ORDER BY metric, unit;

-- name: latest_day
-- The newest day that has figures.
SELECT max(day) FROM gap_day;

-- name: figures
-- A day's cells of units after $2 by name, at most $3 units, and of the organisation ('').
WITH page AS (
    SELECT DISTINCT unit FROM gap_figure WHERE day = $1::date AND unit > $2::text ORDER BY unit LIMIT $3::integer
)
SELECT metric, unit, low, high, people, reason
FROM gap_figure
WHERE day = $1 AND (unit = '' OR unit IN (SELECT unit FROM page))
ORDER BY unit, metric;

-- name: labelled_figures
-- A day's cells of the $2 largest units by published people, for metrics; and of the organisation.
WITH largest AS (
    SELECT unit FROM gap_figure WHERE day = $1::date AND unit <> '' AND people IS NOT NULL
    GROUP BY unit ORDER BY max(people) DESC, unit LIMIT $2::integer
)
SELECT metric, unit, low, high, people, reason
FROM gap_figure
WHERE day = $1 AND low IS NOT NULL AND (unit = '' OR unit IN (SELECT unit FROM largest))
ORDER BY unit, metric;
