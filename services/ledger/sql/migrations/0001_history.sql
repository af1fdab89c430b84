-- History, what follows from it, and the directory. `entry` is the truth; standing, recognition_day, deed and
-- withdrawal are folds of it and can be rebuilt (see the views at the end, which define them in SQL).
--
-- The row of a person in `standing` is that person's lock: every transaction takes it, in order of employee,
-- before it touches words, counts, deeds, directory or erasure of that person.
--
-- Employee ids compare bytewise (COLLATE "C") in every key, so that order means the same here and in Python.

-- The time within an id: its first 48 bits, in ms.
CREATE FUNCTION id_time(id uuid) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
RETURN timestamptz 'epoch' + substr(uuid_send(id), 1, 6)::bigint * interval '1 millisecond';

-- What a person's history holds, by month of `occurred_at`. Codes:
--   kind        1 deed, 2 recognition, 3 recognition-withdrawn, 4 growth, 5 assignment-noted, 6 career-picture
--   subkind     its tens are the kind.
--               recognition: 21 thanks, 22 achievement, 23 milestone, 24 help, 25 courage, 26 award, 27 anniversary
--               withdrawn (what was): 31 deed, 32 recognition, 34 growth, 35 assignment-noted, 36 career-picture
--               growth: 41 training, 42 goal, 43 goal-step, 44 first-skill, 45 mentoring, 46 stretch,
--                       47 self-rating, 48 reflection
--               assignment: 51 assigned, 52 completed, 53 dropped
--               picture (reluctance): 61 dont-know-how, 62 dont-like-it, 63 dont-see-the-use
--   by          1 person, 2 rule, 3 calendar
--   basis       1 effort, 2 result, 3 both
--   size        1 small, 2 notable, 3 major
--   visibility  1 private, 2 team, 3 public
-- Empty lists are NULL. `cause` names the input event; a deed is named by its cause, and `answers` names a deed.
CREATE TABLE entry (
    occurred_at timestamptz NOT NULL,
    log_offset bigint NOT NULL,
    log_partition integer NOT NULL,
    follow_up date,
    kind smallint NOT NULL,
    subkind smallint,
    by smallint,
    basis smallint,
    size smallint,
    visibility smallint,
    giver_is_manager boolean NOT NULL,
    lead boolean NOT NULL,
    stretch boolean NOT NULL,
    id uuid NOT NULL,
    employee text COLLATE "C" NOT NULL,
    cause_source text NOT NULL,
    cause_id text NOT NULL,
    digest bytea NOT NULL,  -- HMAC-SHA-256 of the body's bytes
    giver text COLLATE "C",
    accepted_by text COLLATE "C",
    goal text,
    value text,
    answers_source text,
    answers_id text,
    award_grant text,
    withdraws uuid,
    skills text[],
    helped_by text[],
    words_digest bytea NOT NULL,  -- SHA-256 over salt and free text; stays when the words are erased
    -- So a key that is unique in its month is unique altogether.
    CONSTRAINT id_holds_the_time CHECK (occurred_at = id_time(id)),
    CONSTRAINT codes_are_known CHECK (
        kind BETWEEN 1 AND 6 AND subkind / 10 = kind AND by BETWEEN 1 AND 3
        AND basis BETWEEN 1 AND 3 AND size BETWEEN 1 AND 3 AND visibility BETWEEN 1 AND 3
    ),
    CONSTRAINT recognitions_say_who CHECK ((kind = 2) = (by IS NOT NULL) AND (by IS NOT NULL OR giver IS NULL)),
    CONSTRAINT withdrawals_say_what CHECK ((kind = 3) = (withdraws IS NOT NULL))
) PARTITION BY RANGE (occurred_at);

-- What a person gave: for refolding the giver of a withdrawn recognition, and for their own page.
CREATE INDEX entry_giver ON entry (giver, occurred_at) WHERE giver IS NOT NULL;
-- The wall, newest first.
CREATE INDEX entry_public ON entry (occurred_at, id) WHERE kind = 2 AND visibility = 3;

-- Free text of an entry, apart, so that erasure deletes words and nothing else. `words` is the giver's words, the
-- deed's description, the person's note or the withdrawal's reason; `lines` are a career picture's.
-- The salt is drawn as the words arrive and goes with them: `entry.words_digest`, over both, cannot be guessed
-- afterwards.
CREATE TABLE words (
    occurred_at timestamptz NOT NULL,
    entry_id uuid NOT NULL,
    employee text COLLATE "C" NOT NULL,
    salt bytea NOT NULL,
    title text,
    words text,
    impact text,
    links text[],
    lines text  -- JSON, as it was hashed
) PARTITION BY RANGE (occurred_at);

-- Where a person stands today. No index on what changes, and room on the page: updates stay HOT.
CREATE TABLE standing (
    employee text COLLATE "C" PRIMARY KEY,
    last_received_at timestamptz,  -- received: recognitions by a person
    last_from_manager_at timestamptz,
    last_from_peer_at timestamptz,
    last_given_at timestamptz,
    last_growth_at timestamptz,  -- training, goal step, first use of a skill, mentoring, stretch begun
    last_purpose_at timestamptz,  -- a recognition, by whomever, that carries a goal
    last_lead_at timestamptz,  -- an assignment to lead, taken on or finished
    last_deed_at timestamptz,
    received_count integer NOT NULL DEFAULT 0 CHECK (received_count >= 0),
    given_count integer NOT NULL DEFAULT 0 CHECK (given_count >= 0),
    deed_count integer NOT NULL DEFAULT 0 CHECK (deed_count >= 0),
    withdrawal_count integer NOT NULL DEFAULT 0,  -- entries that withdraw something of this person
    erased_scope smallint NOT NULL DEFAULT 0 CHECK (erased_scope BETWEEN 0 AND 2)  -- 1 received, 2 given too
) WITH (fillfactor = 70);

-- Recognitions per person and day (UTC), by month of `day`. Days, because gap windows end at 00:00 UTC: the last
-- receipt alone would hide an earlier one that lies within the window. Received = effort + result + both.
CREATE TABLE recognition_day (
    employee text COLLATE "C" NOT NULL,
    day date NOT NULL,
    effort_count integer NOT NULL,  -- received from a person, by basis
    result_count integer NOT NULL,
    both_count integer NOT NULL,
    automatic_count integer NOT NULL,  -- by rule or calendar
    purpose_count integer NOT NULL,  -- of all of these, those that carry a goal
    given_count integer NOT NULL,
    PRIMARY KEY (employee, day)
) PARTITION BY RANGE (day);

-- Deeds and their answers, whichever comes first: `deed_id` is NULL until the deed is there (or once it is
-- withdrawn), `answered_at` until a person answers: thanks that name it, or another person's acceptance.
CREATE TABLE deed (
    employee text COLLATE "C" NOT NULL,
    cause_source text COLLATE "C" NOT NULL,
    cause_id text COLLATE "C" NOT NULL,
    deed_id uuid,
    occurred_at timestamptz,
    answered_at timestamptz,
    PRIMARY KEY (employee, cause_source, cause_id),
    CHECK ((deed_id IS NULL) = (occurred_at IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX deed_occurred_at ON deed USING brin (occurred_at) WITH (autosummarize = on);

-- Entries that no longer count; a withdrawal may come before its entry.
CREATE TABLE withdrawal (
    employee text COLLATE "C" NOT NULL,
    entry_id uuid NOT NULL,
    PRIMARY KEY (employee, entry_id)
);

-- The directory: the newest record by (occurred_at, event_id) is the whole truth. No addresses: nobody is written to
-- from here. Periods are parallel arrays in rising order of `since`; an empty manager means none.
CREATE TABLE person (
    employee text COLLATE "C" PRIMARY KEY,
    occurred_at timestamptz NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    digest bytea NOT NULL,
    name text NOT NULL,
    timezone text NOT NULL,
    language text NOT NULL,
    formerly text[] NOT NULL,
    team_since date[] NOT NULL,
    team text[] NOT NULL,
    manager_since date[] NOT NULL,
    manager text[] NOT NULL,
    status_since date[] NOT NULL,
    status text[] NOT NULL,
    CHECK (cardinality(team_since) = cardinality(team)),
    CHECK (cardinality(manager_since) = cardinality(manager)),
    CHECK (cardinality(status_since) = cardinality(status))
);
-- Who leads whom, and who somebody was before: asked at each reading (see 0009_rights.sql), changed seldom.
CREATE INDEX person_manager ON person USING gin (manager) WITH (fastupdate = off);
CREATE INDEX person_formerly ON person USING gin (formerly) WITH (fastupdate = off);

-- What of a person's wishes concerns showing: the newest by (occurred_at, event_id), on a tie the more private.
CREATE TABLE preference (
    employee text COLLATE "C" PRIMARY KEY,
    occurred_at timestamptz NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    celebrate smallint NOT NULL CHECK (celebrate BETWEEN 0 AND 3)  -- 0 not-at-all, 1 private, 2 team, 3 public
);

-- Who was erased, how far, and how many words went.
CREATE TABLE erasure (
    employee text COLLATE "C" PRIMARY KEY,
    requested_at timestamptz NOT NULL,
    erased_at timestamptz NOT NULL DEFAULT now(),
    scope smallint NOT NULL CHECK (scope BETWEEN 1 AND 2),
    words_erased bigint NOT NULL DEFAULT 0,
    formerly text[] NOT NULL DEFAULT '{}'  -- ids they had before, told after the erasure
);

-- Append-only: the service's role has no right to change these; this holds for whoever has.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', tg_table_name USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON batch
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Make the month that begins on `first`, unless it is there. Attaching a table made before takes SHARE UPDATE
-- EXCLUSIVE on the parent, which lets other transactions go on copying; PARTITION OF would shut them out.
-- A statement that addresses a month directly meets only the month's own triggers and policies.
CREATE FUNCTION make_month(first date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    suffix text := to_char(first, '_YYYY_MM');
    until date := (first + interval '1 month')::date;
    since_at timestamptz := first::timestamp AT TIME ZONE 'UTC';
    until_at timestamptz := until::timestamp AT TIME ZONE 'UTC';
BEGIN
    IF first <> date_trunc('month', first)::date OR first NOT BETWEEN date '2000-01-01' AND date '2199-12-01' THEN
        RAISE EXCEPTION 'not a month: %', first USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF to_regclass('entry' || suffix) IS NOT NULL THEN
        RETURN;
    END IF;
    -- One at a time; whoever waited finds the month there. Held until the transaction ends.
    PERFORM pg_advisory_xact_lock(hashtext('waystone ledger make_month'));
    -- Asked of the table, not of to_regclass: its cache may still say what was true before the wait.
    IF EXISTS (
        SELECT FROM pg_catalog.pg_class WHERE relname = 'entry' || suffix AND relnamespace = 'public'::regnamespace
    ) THEN
        RETURN;
    END IF;

    EXECUTE format('CREATE TABLE %I (LIKE entry INCLUDING ALL, PRIMARY KEY (employee, id),
        CHECK (occurred_at >= %L AND occurred_at < %L))', 'entry' || suffix, since_at, until_at);
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', 'entry' || suffix);
    EXECUTE format('ALTER TABLE entry ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        'entry' || suffix, since_at, until_at);
    PERFORM guard_rows(to_regclass('entry' || suffix));

    EXECUTE format('CREATE TABLE %I (LIKE words INCLUDING ALL, PRIMARY KEY (employee, entry_id),
        CHECK (occurred_at >= %L AND occurred_at < %L))', 'words' || suffix, since_at, until_at);
    EXECUTE format('ALTER TABLE words ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        'words' || suffix, since_at, until_at);
    PERFORM guard_rows(to_regclass('words' || suffix));

    EXECUTE format('CREATE TABLE %I (LIKE recognition_day INCLUDING ALL,
        CHECK (day >= %L AND day < %L)) WITH (fillfactor = 80)', 'recognition_day' || suffix, first, until);
    EXECUTE format('ALTER TABLE recognition_day ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        'recognition_day' || suffix, first, until);
    PERFORM guard_rows(to_regclass('recognition_day' || suffix));
END
$$;

-- Entries that count.
CREATE VIEW counted_entry AS
SELECT e.* FROM entry AS e
WHERE NOT EXISTS (SELECT FROM withdrawal AS w WHERE w.employee = e.employee AND w.entry_id = e.id);

-- The folds, in SQL: what the tables of the same name must equal. Read for single persons after a withdrawal, and
-- for all of them by verification.
CREATE VIEW standing_fold AS
SELECT employee,
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
GROUP BY employee;

CREATE VIEW recognition_day_fold AS
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
GROUP BY employee, day;

CREATE VIEW deed_fold AS
SELECT employee, cause_source, cause_id, (array_agg(deed_id ORDER BY deed_id))[1] AS deed_id, min(occurred_at) AS occurred_at,
    min(answered_at) AS answered_at
FROM (
    SELECT employee, cause_source COLLATE "C" AS cause_source, cause_id COLLATE "C" AS cause_id, id AS deed_id,
        occurred_at, CASE WHEN accepted_by <> employee THEN occurred_at END AS answered_at
    FROM counted_entry
    WHERE kind = 1
    UNION ALL
    SELECT employee, answers_source, answers_id, NULL, NULL, occurred_at
    FROM counted_entry
    WHERE by = 1 AND answers_id IS NOT NULL
) AS part
GROUP BY employee, cause_source, cause_id;
