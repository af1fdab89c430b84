-- Gap metrics: set-wise over projections and directory, never over history. See services/ledger/gaps.py for what
-- the figures mean. A former id's recognitions are read under the person's present id.

-- name: organisation_now
-- Live totals, one row. $1 now, $2 eligible tenure, $3 tenure of "never", $4 short and $5 long window (all days),
-- $6 upper bounds of the histogram of days since last received, without the infinite one.
-- (OFFSET 0 joins everybody before choosing: the planner cannot know how many are active, and would loop.)
WITH everybody AS (
    SELECT p.*, s.last_received_at FROM person AS p LEFT JOIN standing AS s USING (employee) OFFSET 0
),
eligible AS (
    SELECT start, ($1::timestamptz AT TIME ZONE 'UTC')::date - start AS tenure_days,
        CASE WHEN cardinality(formerly) = 0 THEN last_received_at ELSE greatest(last_received_at, (
            SELECT max(former.last_received_at) FROM standing AS former WHERE former.employee = ANY (formerly)
        )) END AS last_received_at
    FROM (
        SELECT *, status_since[array_position(status, 'active')] AS start FROM everybody
    ) AS started
    WHERE status[width_bucket(($1::timestamptz AT TIME ZONE 'UTC')::date, status_since)] = 'active'
      AND start <= ($1::timestamptz AT TIME ZONE 'UTC')::date - $2::integer
      AND employee NOT IN (SELECT unnest(formerly) FROM person)
),
days AS (
    SELECT *, extract(epoch FROM $1 - coalesce(last_received_at, start::timestamp AT TIME ZONE 'UTC')) / 86400
        AS days_since
    FROM eligible
)
SELECT count(*)::integer AS eligible,
    count(*) FILTER (WHERE last_received_at > $1 - $4::integer * interval '1 day')::integer AS received_short,
    count(*) FILTER (WHERE last_received_at > $1 - $5::integer * interval '1 day')::integer AS received_long,
    count(*) FILTER (WHERE tenure_days >= $3)::integer AS tenured,
    count(*) FILTER (WHERE tenure_days >= $3 AND last_received_at IS NULL)::integer AS never,
    ARRAY(
        SELECT coalesce(held.people, 0)::integer
        FROM generate_series(0, cardinality($6::double precision[])) AS bucket
        LEFT JOIN (
            SELECT width_bucket(days_since::double precision, $6::double precision[]) AS number, count(*) AS people
            FROM days
            GROUP BY number
        ) AS held ON held.number = bucket
        ORDER BY bucket
    ) AS buckets
FROM days;

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
-- Who was in which unit and active on day $1 (the first of the longest window), and had started $2 days before $3
-- (the day the windows ended): one row per unit.
SELECT unit, array_agg(employee ORDER BY employee) AS eligible,
    coalesce(
        array_agg(employee ORDER BY employee) FILTER (WHERE start <= $3::date - $2::integer), '{}'
    ) AS tenured
FROM (
    SELECT p.employee, p.team[width_bucket($1::date, p.team_since)] AS unit,
        p.status_since[array_position(p.status, 'active')] AS start
    FROM person AS p
    WHERE p.status[width_bucket($1::date, p.status_since)] = 'active'
      AND p.employee NOT IN (SELECT unnest(formerly) FROM person)
) AS member
WHERE unit IS NOT NULL AND start <= $1
GROUP BY unit
ORDER BY unit;

-- name: forms
-- The rosters figures are counted over at present.
SELECT unit, population, members FROM gap_form ORDER BY unit, population;

-- name: keep_forms
-- Store forms that changed; parallel arrays, members as JSON arrays.
INSERT INTO gap_form (unit, population, since, members)
SELECT unit, population, $1::date, ARRAY(SELECT jsonb_array_elements_text(members::jsonb))
FROM unnest($2::text[], $3::smallint[], $4::text[]) AS form (unit, population, members)
ORDER BY unit, population
ON CONFLICT (unit, population) DO UPDATE SET since = excluded.since, members = excluded.members;

-- name: claim_day
-- The claim to compute a day's figures; no row if somebody has.
INSERT INTO gap_day (day) VALUES ($1::date) ON CONFLICT DO NOTHING RETURNING day;

-- name: unit_counts
-- What the figures of all units are made of, for windows that ended at 00:00 UTC of day $1, over the kept forms.
-- $2 short and $3 long window, $4 days an answer may take (all days).
WITH alias AS (
    SELECT f.unit, f.population, m.employee, m.employee AS known_as
    FROM gap_form AS f CROSS JOIN LATERAL unnest(f.members) AS m (employee)
    UNION ALL
    SELECT f.unit, f.population, m.employee, former.id
    FROM gap_form AS f CROSS JOIN LATERAL unnest(f.members) AS m (employee)
    JOIN person AS p ON p.employee = m.employee COLLATE "C" AND cardinality(p.formerly) > 0
    CROSS JOIN LATERAL unnest(p.formerly) AS former (id)
),
received AS (
    SELECT employee,
        bool_or(day >= $1::date - $2::integer AND day < $1) AS short,
        bool_or(day < $1) AS long,
        sum(effort_count) FILTER (WHERE day < $1) AS effort,
        sum(result_count) FILTER (WHERE day < $1) AS result,
        sum(both_count) FILTER (WHERE day < $1) AS both_sides,
        sum(effort_count + result_count + both_count) FILTER (WHERE day >= $1) AS afterwards
    FROM recognition_day
    WHERE day >= $1::date - $3::integer AND effort_count + result_count + both_count > 0
    GROUP BY employee
),
noticed AS (
    SELECT employee, count(*) AS deeds,
        count(*) FILTER (WHERE answered_at <= occurred_at + $4::integer * interval '1 day') AS answered
    FROM deed
    WHERE occurred_at >= ($1::date - $3::integer - $4::integer)::timestamp AT TIME ZONE 'UTC'
      AND occurred_at < ($1::date - $4::integer)::timestamp AT TIME ZONE 'UTC'
    GROUP BY employee
),
per_person AS (
    SELECT a.unit, a.population, a.employee,
        coalesce(bool_or(r.short), false) AS short,
        coalesce(bool_or(r.long), false) AS long,
        coalesce(bool_or(s.received_count > coalesce(r.afterwards, 0)), false) AS ever,
        coalesce(sum(r.effort), 0) AS effort,
        coalesce(sum(r.result), 0) AS result,
        coalesce(sum(r.both_sides), 0) AS both_sides,
        coalesce(sum(n.deeds), 0) AS deeds,
        coalesce(sum(n.answered), 0) AS answered
    FROM alias AS a
    LEFT JOIN standing AS s ON s.employee = a.known_as COLLATE "C"
    LEFT JOIN received AS r ON r.employee = a.known_as COLLATE "C"
    LEFT JOIN noticed AS n ON n.employee = a.known_as COLLATE "C"
    GROUP BY a.unit, a.population, a.employee
)
SELECT unit, population, count(*)::integer AS people,
    count(*) FILTER (WHERE short)::integer AS received_short,
    count(*) FILTER (WHERE long)::integer AS received_long,
    count(*) FILTER (WHERE NOT ever)::integer AS never,
    sum(effort)::integer AS effort,
    sum(result)::integer AS result,
    sum(both_sides)::integer AS both_sides,
    sum(deeds)::integer AS deeds,
    sum(answered)::integer AS answered,
    count(*) FILTER (WHERE deeds > 0)::integer AS doers
FROM per_person
GROUP BY unit, population
ORDER BY unit, population;

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
