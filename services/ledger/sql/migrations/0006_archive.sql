-- Months whose entries are in an archive and no longer here, oldest first without a gap (docs/decisions/0014). What
-- they come to stays, so that every projection is still the fold of all of history.

-- A row closes its month: entries of it, and withdrawals of its entries, are refused (MONTH_ARCHIVED). Every writer
-- reads this table before it stores, and thereby holds a lock that closing, detaching and attaching wait for.
CREATE TABLE archived_month (
    first date PRIMARY KEY CHECK (first = date_trunc('month', first)::date),
    closed_at timestamptz NOT NULL DEFAULT now(),
    detached_at timestamptz,  -- from then on the entries are in the archive
    entry_count bigint CHECK (entry_count >= 0),
    sha256 bytea CHECK (octet_length(sha256) = 32),  -- of the archive's file
    CONSTRAINT detached_with_an_account CHECK (
        detached_at IS NULL OR (entry_count IS NOT NULL AND sha256 IS NOT NULL)
    )
);

-- By person and month: what `standing` owes to the month.
CREATE TABLE archived_standing (
    first date NOT NULL REFERENCES archived_month,
    employee text COLLATE "C" NOT NULL,
    last_received_at timestamptz,
    last_from_manager_at timestamptz,
    last_from_peer_at timestamptz,
    last_given_at timestamptz,
    last_growth_at timestamptz,
    last_purpose_at timestamptz,
    last_lead_at timestamptz,
    last_deed_at timestamptz,
    received_count integer NOT NULL,
    given_count integer NOT NULL,
    deed_count integer NOT NULL,
    withdrawal_count integer NOT NULL,
    PRIMARY KEY (employee, first)
);

-- Deeds of the month, and answers given in it.
CREATE TABLE archived_deed (
    first date NOT NULL REFERENCES archived_month,
    employee text COLLATE "C" NOT NULL,
    cause_source text COLLATE "C" NOT NULL,
    cause_id text COLLATE "C" NOT NULL,
    deed_id uuid,
    occurred_at timestamptz,
    answered_at timestamptz,
    PRIMARY KEY (employee, cause_source, cause_id, first)
);

-- Who gave what, and took it back: an erasure must find the words of it, which stay here.
CREATE TABLE archived_giving (
    first date NOT NULL REFERENCES archived_month,
    giver text COLLATE "C" NOT NULL,
    employee text COLLATE "C" NOT NULL,
    entry_id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    PRIMARY KEY (giver, employee, entry_id)
);

-- The first day whose entries are here; NULL when nothing was ever detached.
CREATE VIEW archived_until AS
SELECT (max(first) + interval '1 month')::date AS day FROM archived_month WHERE detached_at IS NOT NULL;

-- The folds again, month by month, so that what a month comes to can be kept when its entries go.
CREATE VIEW standing_month_fold AS
SELECT date_trunc('month', occurred_at, 'UTC') AS begins, employee,
    max(occurred_at) FILTER (WHERE received) AS last_received_at,
    max(occurred_at) FILTER (WHERE received AND giver_is_manager) AS last_from_manager_at,
    max(occurred_at) FILTER (WHERE received AND NOT giver_is_manager) AS last_from_peer_at,
    max(occurred_at) FILTER (WHERE given) AS last_given_at,
    max(occurred_at) FILTER (WHERE grew) AS last_growth_at,
    max(occurred_at) FILTER (WHERE purpose) AS last_purpose_at,
    max(occurred_at) FILTER (WHERE led) AS last_lead_at,
    max(occurred_at) FILTER (WHERE deed) AS last_deed_at,
    count(*) FILTER (WHERE received)::integer AS received_count,
    count(*) FILTER (WHERE given)::integer AS given_count,
    count(*) FILTER (WHERE deed)::integer AS deed_count,
    count(*) FILTER (WHERE withdrawal)::integer AS withdrawal_count
FROM (
    SELECT employee, occurred_at, giver_is_manager,
        coalesce(by = 1, false) AS received,
        false AS given,
        coalesce(subkind IN (41, 43, 44, 45, 46), false) AS grew,
        kind = 2 AND goal IS NOT NULL AS purpose,
        coalesce(lead AND subkind <> 53, false) AS led,
        kind = 1 AS deed,
        kind = 3 AS withdrawal
    FROM counted_entry
    UNION ALL
    SELECT giver, occurred_at, false, false, true, false, false, false, false, false
    FROM counted_entry
    WHERE giver IS NOT NULL AND by = 1
) AS part
GROUP BY begins, employee;

CREATE OR REPLACE VIEW standing_fold AS
SELECT employee,
    max(last_received_at) AS last_received_at,
    max(last_from_manager_at) AS last_from_manager_at,
    max(last_from_peer_at) AS last_from_peer_at,
    max(last_given_at) AS last_given_at,
    max(last_growth_at) AS last_growth_at,
    max(last_purpose_at) AS last_purpose_at,
    max(last_lead_at) AS last_lead_at,
    max(last_deed_at) AS last_deed_at,
    sum(received_count)::integer AS received_count,
    sum(given_count)::integer AS given_count,
    sum(deed_count)::integer AS deed_count,
    sum(withdrawal_count)::integer AS withdrawal_count
FROM (
    SELECT employee, last_received_at, last_from_manager_at, last_from_peer_at, last_given_at, last_growth_at,
        last_purpose_at, last_lead_at, last_deed_at, received_count, given_count, deed_count, withdrawal_count
    FROM standing_month_fold
    UNION ALL
    SELECT employee, last_received_at, last_from_manager_at, last_from_peer_at, last_given_at, last_growth_at,
        last_purpose_at, last_lead_at, last_deed_at, received_count, given_count, deed_count, withdrawal_count
    FROM archived_standing
    WHERE first < (SELECT day FROM archived_until)
) AS month
GROUP BY employee;

-- Days whose entries are archived can change no more: they are their own account.
CREATE OR REPLACE VIEW recognition_day_fold AS
SELECT employee, day,
    count(*) FILTER (WHERE NOT given AND by = 1 AND basis = 1)::integer AS effort_count,
    count(*) FILTER (WHERE NOT given AND by = 1 AND basis = 2)::integer AS result_count,
    count(*) FILTER (WHERE NOT given AND by = 1 AND basis = 3)::integer AS both_count,
    count(*) FILTER (WHERE NOT given AND by <> 1)::integer AS automatic_count,
    count(*) FILTER (WHERE NOT given AND goal IS NOT NULL)::integer AS purpose_count,
    count(*) FILTER (WHERE given)::integer AS given_count
FROM (
    SELECT employee, (occurred_at AT TIME ZONE 'UTC')::date AS day, by, basis, goal, false AS given
    FROM counted_entry
    WHERE kind = 2
    UNION ALL
    SELECT giver, (occurred_at AT TIME ZONE 'UTC')::date, by, basis, goal, true
    FROM counted_entry
    WHERE giver IS NOT NULL AND by = 1
) AS part
GROUP BY employee, day
UNION ALL
SELECT employee, day, effort_count, result_count, both_count, automatic_count, purpose_count, given_count
FROM recognition_day
WHERE day < (SELECT day FROM archived_until);

CREATE VIEW deed_month_fold AS
SELECT date_trunc('month', at, 'UTC') AS begins, employee, cause_source, cause_id,
    (array_agg(deed_id ORDER BY deed_id))[1] AS deed_id, min(occurred_at) AS occurred_at,
    min(answered_at) AS answered_at
FROM (
    SELECT employee, cause_source COLLATE "C" AS cause_source, cause_id COLLATE "C" AS cause_id, id AS deed_id,
        occurred_at, CASE WHEN accepted_by <> employee THEN occurred_at END AS answered_at, occurred_at AS at
    FROM counted_entry
    WHERE kind = 1
    UNION ALL
    SELECT employee, answers_source, answers_id, NULL, NULL, occurred_at, occurred_at
    FROM counted_entry
    WHERE by = 1 AND answers_id IS NOT NULL
) AS part
GROUP BY begins, employee, cause_source, cause_id;

CREATE OR REPLACE VIEW deed_fold AS
SELECT employee, cause_source, cause_id, (array_agg(deed_id ORDER BY deed_id))[1] AS deed_id,
    min(occurred_at) AS occurred_at, min(answered_at) AS answered_at
FROM (
    SELECT employee, cause_source, cause_id, deed_id, occurred_at, answered_at FROM deed_month_fold
    UNION ALL
    SELECT employee, cause_source, cause_id, deed_id, occurred_at, answered_at FROM archived_deed
    WHERE first < (SELECT day FROM archived_until)
) AS month
GROUP BY employee, cause_source, cause_id;
