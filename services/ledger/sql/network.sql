-- Who thanks whom, of everybody: filled and read once a day, never at a scrape. Former ids count as their own pairs.

-- name: oldest_missing_day
-- From which day on pairs are to be filled: eight days back, or the whole window the first time. $1 day, $2 days kept.
SELECT CASE WHEN EXISTS (SELECT FROM gap_pair) THEN $1::date - 8 ELSE $1::date - $2::integer END;

-- name: empty_days
-- What may have changed since, by late arrivals and withdrawals, is filled anew; what is older than $3 days goes.
DELETE FROM gap_pair WHERE day >= $1::date OR day < $2::date - $3::integer;

-- name: fill_days
-- Pairs of the days [$1, $2).
INSERT INTO gap_pair (day, giver, recipient)
SELECT DISTINCT (occurred_at AT TIME ZONE 'UTC')::date, giver, employee
FROM counted_entry
WHERE occurred_at >= $1::date::timestamp AT TIME ZONE 'UTC' AND occurred_at < $2::date::timestamp AT TIME ZONE 'UTC'
  AND by = 1 AND giver IS NOT NULL;

-- name: receipts
-- How many of the people $1 received so many recognitions by a person in the days [$2, $3).
SELECT received, count(*)::integer AS people
FROM (
    SELECT m.employee, coalesce(sum(d.effort_count + d.result_count + d.both_count), 0)::integer AS received
    FROM unnest($1::text[]) AS m (employee)
    LEFT JOIN recognition_day AS d
        ON d.employee = m.employee COLLATE "C" AND d.day >= $2::date AND d.day < $3::date
    GROUP BY m.employee
) AS person_count
GROUP BY received
ORDER BY received;

-- name: reciprocity
-- Distinct directed pairs of the days [$1, $2), and those whose reverse is there too.
WITH pair AS (
    SELECT DISTINCT giver, recipient FROM gap_pair WHERE day >= $1::date AND day < $2::date
)
SELECT count(*)::integer AS pairs, count(back.giver)::integer AS mutual
FROM pair LEFT JOIN pair AS back ON back.giver = pair.recipient AND back.recipient = pair.giver;

-- name: one_sided_giving
-- People who gave on four occasions or more (days times recipients), and those of whose giving more than half goes to one.
SELECT count(*)::integer AS givers, count(*) FILTER (WHERE 2 * most > given)::integer AS one_sided
FROM (
    SELECT giver, sum(days) AS given, max(days) AS most
    FROM (
        SELECT giver, recipient, count(*) AS days FROM gap_pair
        WHERE day >= $1::date AND day < $2::date
        GROUP BY giver, recipient
    ) AS pair
    GROUP BY giver
) AS person_giving
WHERE given >= 4;

-- name: isolation
-- Of the people $3 those who in the days [$1, $2) neither gave nor received across the border of their present team.
WITH team AS (
    SELECT employee, team[width_bucket($2::date, team_since)] AS unit FROM person
),
across AS (
    SELECT DISTINCT giver, recipient
    FROM gap_pair AS pair
    JOIN team AS giving ON giving.employee = pair.giver
    JOIN team AS receiving ON receiving.employee = pair.recipient
    WHERE pair.day >= $1::date AND pair.day < $2 AND giving.unit <> receiving.unit
)
SELECT count(*)::integer AS people,
    count(*) FILTER (WHERE linked.employee IS NULL)::integer AS isolated
FROM unnest($3::text[]) AS m (employee) LEFT JOIN (
    SELECT giver AS employee FROM across UNION SELECT recipient FROM across
) AS linked ON linked.employee = m.employee COLLATE "C";

-- name: equity
-- 30-day coverage of the people $3 by tenure on day $2: one row per band (0 under a year, 1 up to three, 2 more).
SELECT tenure, count(*)::integer AS people, count(*) FILTER (WHERE received)::integer AS received
FROM (
    SELECT width_bucket($2::date - p.status_since[array_position(p.status, 'active')], ARRAY[365, 1095]) AS tenure,
        EXISTS (
            SELECT FROM recognition_day AS d
            WHERE d.employee = p.employee AND d.day >= $1::date AND d.day < $2
              AND d.effort_count + d.result_count + d.both_count > 0
        ) AS received
    FROM person AS p
    WHERE p.employee = ANY ($3::text[])
) AS person_tenure
GROUP BY tenure
ORDER BY tenure;

-- name: ripple
-- Recipients in the days [$1, $2) who had given nothing for $3 days before, each on their first such day: whether they
-- thank a third person within $4 days after, beside the share that does of those who, in the same team and as silent,
-- received nothing for as long before and on that day. Without such a match, left out. (Within a day the order is not
-- known: what is given on the day itself counts neither way.) Of $5 recipients at most, drawn by a digest.
WITH team AS (
    SELECT employee, team[width_bucket($2::date, team_since)] AS unit FROM person
    WHERE status[width_bucket($2::date, status_since)] = 'active'
),
receipt AS (
    SELECT DISTINCT ON (pair.recipient) pair.recipient AS employee, team.unit, pair.day
    FROM gap_pair AS pair JOIN team ON team.employee = pair.recipient
    WHERE pair.day >= $1::date AND pair.day < $2 AND NOT EXISTS (
        SELECT FROM gap_pair AS given
        WHERE given.giver = pair.recipient AND given.day >= pair.day - $3::integer AND given.day < pair.day
    )
    ORDER BY pair.recipient, pair.day
),
drawn AS (
    SELECT * FROM receipt ORDER BY md5(employee || day), employee LIMIT $5::integer
),
treated AS (
    SELECT r.*, EXISTS (
        SELECT FROM gap_pair AS after
        WHERE after.giver = r.employee AND after.day > r.day AND after.day <= r.day + $4::integer
          AND NOT EXISTS (
              SELECT FROM gap_pair AS thanks
              WHERE thanks.day = r.day AND thanks.recipient = r.employee AND thanks.giver = after.recipient
          )
    ) AS passed_on
    FROM drawn AS r
),
matched AS (
    SELECT t.employee, t.passed_on, avg(EXISTS (
        SELECT FROM gap_pair AS after
        WHERE after.giver = other.employee AND after.day > t.day AND after.day <= t.day + $4
    )::integer) AS others
    FROM treated AS t JOIN team AS other ON other.unit = t.unit AND other.employee <> t.employee
    WHERE NOT EXISTS (
        SELECT FROM gap_pair AS given
        WHERE given.giver = other.employee AND given.day >= t.day - $3 AND given.day < t.day
    ) AND NOT EXISTS (
        SELECT FROM gap_pair AS received
        WHERE received.recipient = other.employee AND received.day >= t.day - $3 AND received.day <= t.day
    )
    GROUP BY t.employee, t.passed_on
)
SELECT count(*)::integer AS recipients,
    coalesce(avg(passed_on::integer), 0)::double precision AS passed_on,
    coalesce(avg(others), 0)::double precision AS others
FROM matched;
