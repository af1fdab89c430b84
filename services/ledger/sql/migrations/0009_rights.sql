-- Who may do what. Three roles: the owner (runs migrations, rebuilds, verifies), the writer (the service) and the
-- reader (API and pages). The last two are groups that cannot log in: log-in roles are their members. A DBA may make
-- them beforehand; else the owner does, who then needs CREATEROLE.
--
-- A table made by a later migration is closed to both until that migration grants it and, if there is a person in it,
-- gives it policies (`guard_rows`, then one for the reader).
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['waystone_ledger_writer', 'waystone_ledger_reader'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = role) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', role);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;  -- another database of this server was migrated at the same moment
            END;
        END IF;
    END LOOP;
    -- The writer's batches wait in temporary tables.
    EXECUTE format('REVOKE CONNECT, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO waystone_ledger_writer', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO waystone_ledger_reader', current_database());
END
$$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO waystone_ledger_writer, waystone_ledger_reader;

-- --- how the reader sees history ----------------------------------------------------------------------------------
-- Row security and COPY exclude each other, and COPY is how entries and words arrive. So each has a parent with its
-- rows and row security: the parents are the reader's, `entry` and `words` the writer's, the months nobody's.
CREATE TABLE history (LIKE entry) PARTITION BY RANGE (occurred_at);
ALTER TABLE history ATTACH PARTITION entry FOR VALUES FROM (MINVALUE) TO (MAXVALUE);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON history
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE history_words (LIKE words) PARTITION BY RANGE (occurred_at);
ALTER TABLE history_words ATTACH PARTITION words FOR VALUES FROM (MINVALUE) TO (MAXVALUE);

-- --- who asks -----------------------------------------------------------------------------------------------------
-- Set by the service inside each transaction: `waystone.subject`, `waystone.scopes` (separated by spaces) and, where
-- today is not the server's, `waystone.day`. Not set and empty mean nobody, who sees nothing.
CREATE FUNCTION asker() RETURNS text LANGUAGE sql STABLE
RETURN nullif(current_setting('waystone.subject', true), '');

CREATE FUNCTION asker_may(scope text) RETURNS boolean LANGUAGE sql STABLE
RETURN asker() IS NOT NULL
    AND coalesce(scope = ANY (string_to_array(current_setting('waystone.scopes', true), ' ')), false);

CREATE FUNCTION asker_day() RETURNS date LANGUAGE sql STABLE
RETURN coalesce(nullif(current_setting('waystone.day', true), '')::date, (now() AT TIME ZONE 'UTC')::date);

-- These look beyond what the asker may see, to find out what that is: they run as the owner, and the policies call
-- each once per query.

-- The asker's id and those they had before.
CREATE FUNCTION asker_ids() RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT CASE WHEN asker() IS NULL THEN '{}' ELSE ARRAY[asker()] || coalesce(
        (SELECT formerly FROM person WHERE employee = asker()), '{}'
    ) END
$$;

-- The same for somebody who may read what is their own; else nobody.
CREATE FUNCTION own_ids() RETURNS text[] LANGUAGE sql STABLE
RETURN CASE WHEN asker_may('self') THEN asker_ids() ELSE '{}' END;

-- How widely a person's recognitions may be seen (0 nobody … 3 all), under whichever of their ids; team unless they said.
CREATE FUNCTION circle_of(known_as text) RETURNS smallint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    -- Materialized, or the first one is looked for in order of employee, through everybody.
    WITH later AS MATERIALIZED (SELECT employee FROM person WHERE formerly @> ARRAY[known_as])
    SELECT coalesce((
        SELECT celebrate FROM preference WHERE employee = coalesce((SELECT min(employee) FROM later), known_as)
    ), 2::smallint)
$$;

-- Ids, former ones included, of the people whose present lead asks and who let at least this circle see. The record
-- of an id that somebody no longer has names no lead.
CREATE FUNCTION led_ids(circle integer DEFAULT 0) RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH me AS MATERIALIZED (
        SELECT CASE WHEN asker_may('team') THEN asker_ids() ELSE '{}' END AS ids
    ),
    team AS MATERIALIZED (
        SELECT p.employee, p.formerly
        FROM person AS p
        WHERE p.manager && (SELECT ids FROM me)
          AND p.manager[width_bucket(asker_day(), p.manager_since)] = ANY ((SELECT ids FROM me)::text[])
    ),
    merged_away AS MATERIALIZED (
        SELECT unnest(formerly) AS id FROM person WHERE formerly && ARRAY(SELECT employee::text FROM team)
    )
    SELECT ARRAY(
        SELECT known_as.id
        FROM team
        LEFT JOIN preference AS wish ON wish.employee = team.employee
        CROSS JOIN LATERAL (SELECT team.employee UNION ALL SELECT unnest(team.formerly)) AS known_as (id)
        WHERE team.employee NOT IN (SELECT id FROM merged_away) AND coalesce(wish.celebrate, 2) >= circle
    )
$$;

-- Teams of which the asker leads somebody at present. The record of an id that somebody no longer has names no team.
CREATE FUNCTION led_teams() RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH led AS MATERIALIZED (SELECT led_ids() AS ids)
    SELECT ARRAY(
        SELECT DISTINCT team[width_bucket(asker_day(), team_since)]
        FROM person
        WHERE employee = ANY ((SELECT ids FROM led)::text[])
          AND employee NOT IN (SELECT unnest(formerly) FROM person WHERE formerly && (SELECT ids FROM led)::text[])
    )
$$;

-- Entries of these people that they show to nobody else.
CREATE FUNCTION hidden_of(people text[]) RETURNS uuid[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT ARRAY(
        SELECT entry_id FROM entry_mark
        WHERE employee = ANY (people) AND (hidden OR withdrawn_at IS NOT NULL)
    )
$$;

-- Whether a public recognition may hang on the wall now: its recipient wants it, and nobody took it back, hides or
-- disputes it.
CREATE FUNCTION is_on_wall(recipient text, entry uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT circle_of(recipient) = 3
        AND NOT EXISTS (SELECT FROM withdrawal AS w WHERE w.employee = recipient AND w.entry_id = entry)
        AND NOT EXISTS (
            SELECT FROM entry_mark AS m
            WHERE m.employee = recipient AND m.entry_id = entry AND (m.hidden OR m.withdrawn_at IS NOT NULL)
        )
        AND NOT EXISTS (
            SELECT FROM dispute AS d
            WHERE d.employee = recipient AND d.entry_id = entry AND d.decided_at IS NULL
        )
$$;

-- Words of these entries (by time, id of the person and id) as far as they are for the asker: their own; what they gave;
-- those of people they lead, but no private words, no notes of the person's own, nothing hidden or withdrawn; and what
-- hangs on the wall. A set at a time: asked row by row, a policy would look up each entry again.
CREATE FUNCTION readable_words(ats timestamptz[], people text[], entries uuid[]) RETURNS SETOF words
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH who AS MATERIALIZED (
        SELECT own_ids() AS own, led_ids() AS led, led_ids(2) AS shown, hidden_of(led_ids()) AS hidden
    )
    SELECT w.*
    FROM unnest(ats, people, entries) AS n (at, employee, id)
    JOIN words AS w ON w.occurred_at = n.at AND w.employee = n.employee AND w.entry_id = n.id
    JOIN entry AS e ON e.occurred_at = n.at AND e.employee = n.employee AND e.id = n.id
    CROSS JOIN who
    WHERE e.employee = ANY (own)
       OR e.giver = ANY (own)
       OR (
           e.employee = ANY (led)
           AND CASE
               WHEN e.giver = ANY (asker_ids()) THEN true
               WHEN e.id = ANY (hidden) THEN false
               WHEN e.kind = 1 THEN e.visibility >= 2
               WHEN e.kind = 2 THEN e.visibility >= 2 AND e.employee = ANY (shown)
               WHEN e.kind = 4 THEN e.subkind NOT IN (47, 48) AND w.words IS NULL
               ELSE e.kind IN (5, 6)
           END
           AND NOT EXISTS (SELECT FROM withdrawal AS t WHERE t.employee = e.employee AND t.entry_id = e.id)
       )
       OR (e.kind = 2 AND e.visibility = 3 AND cardinality(own) > 0 AND is_on_wall(e.employee, e.id))
$$;

-- Names by id, former ids included, for somebody who may read anything about people; of nobody who was erased.
CREATE FUNCTION names_of(people text[]) RETURNS TABLE (employee text, name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH later AS (
        SELECT former.id, min(p.name) AS name
        FROM person AS p CROSS JOIN LATERAL unnest(p.formerly) AS former (id)
        WHERE p.formerly && people
        GROUP BY former.id
    )
    SELECT asked.id, coalesce(later.name, p.name)
    FROM unnest(people) AS asked (id)
    LEFT JOIN later ON later.id = asked.id
    LEFT JOIN person AS p ON p.employee = asked.id
    WHERE (asker_may('self') OR asker_may('team') OR asker_may('hr'))
      AND NOT EXISTS (SELECT FROM erasure AS e WHERE e.employee = asked.id)
$$;

-- The present lead of the asker, who owns a dispute of theirs; NULL if nobody leads them.
CREATE FUNCTION own_lead() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT nullif(nullif(manager[width_bucket(asker_day(), manager_since)], ''), employee)
    FROM person
    WHERE employee = asker() AND asker_may('self')
$$;

-- --- row security -------------------------------------------------------------------------------------------------
-- Shut a table, even to its owner, and open it again to owner and writer. The reader's policy is the caller's to add.
CREATE FUNCTION guard_rows(guarded regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', guarded);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', guarded);
    EXECUTE format('CREATE POLICY owner ON %s TO CURRENT_USER USING (true) WITH CHECK (true)', guarded);
    EXECUTE format('CREATE POLICY writer ON %s TO waystone_ledger_writer USING (true) WITH CHECK (true)', guarded);
END
$$;

SELECT guard_rows(guarded) FROM unnest(ARRAY[
    'history', 'history_words', 'standing', 'recognition_day', 'deed', 'withdrawal', 'person', 'preference', 'erasure',
    'removal', 'entry_mark', 'dispute', 'request_key', 'gap_form', 'gap_day', 'gap_figure', 'gap_pair', 'gap',
    'unnoticed_deed', 'erasure_report', 'archived_standing', 'archived_deed', 'archived_giving', 'verification'
]::regclass[]) AS guarded;

-- One policy a table, for its alternatives are tried in the order they are written in: what is cheapest and most
-- frequent first.
CREATE POLICY reader ON history FOR SELECT TO waystone_ledger_reader USING (
    employee = ANY ((SELECT own_ids())::text[])
    OR giver = ANY ((SELECT own_ids())::text[])
    OR (
        employee = ANY ((SELECT led_ids())::text[])
        AND (kind <> 2 OR employee = ANY ((SELECT led_ids(1))::text[]))
        AND id <> ALL ((SELECT hidden_of(led_ids()))::uuid[])
    )
    OR (kind = 2 AND visibility = 3 AND (SELECT asker_may('self')) AND is_on_wall(employee, id))
);
-- One's own; those of others come by `readable_words`.
CREATE POLICY reader ON history_words FOR SELECT TO waystone_ledger_reader
USING (employee = ANY ((SELECT own_ids())::text[]));
CREATE POLICY reader ON deed FOR SELECT TO waystone_ledger_reader USING (
    employee = ANY ((SELECT own_ids())::text[])
    OR (
        employee = ANY ((SELECT led_ids())::text[])
        AND deed_id <> ALL ((SELECT hidden_of(led_ids()))::uuid[])
    )
);
CREATE POLICY reader ON standing FOR SELECT TO waystone_ledger_reader USING (
    employee = ANY ((SELECT own_ids())::text[]) OR employee = ANY ((SELECT led_ids())::text[])
);
CREATE POLICY reader ON withdrawal FOR SELECT TO waystone_ledger_reader USING (
    employee = ANY ((SELECT own_ids())::text[]) OR employee = ANY ((SELECT led_ids())::text[])
);
CREATE POLICY reader ON person FOR SELECT TO waystone_ledger_reader USING (
    employee = ANY ((SELECT own_ids())::text[]) OR employee = ANY ((SELECT led_ids())::text[])
);
CREATE POLICY reader ON preference FOR SELECT TO waystone_ledger_reader USING (
    employee = ANY ((SELECT own_ids())::text[]) OR employee = ANY ((SELECT led_ids())::text[])
);
CREATE POLICY reader ON entry_mark FOR SELECT TO waystone_ledger_reader
USING (employee = ANY ((SELECT own_ids())::text[]));
-- For the person, for the owner as long as they lead them, and for HR: without an owner, or past its day.
CREATE POLICY reader ON dispute FOR SELECT TO waystone_ledger_reader USING (
    employee = ANY ((SELECT own_ids())::text[])
    OR (owner = ANY ((SELECT asker_ids())::text[]) AND employee = ANY ((SELECT led_ids())::text[]))
    OR (
        (SELECT asker_may('hr')) AND (owner IS NULL OR due_on <= (SELECT asker_day()))
        AND employee <> ALL ((SELECT asker_ids())::text[])
    )
);
CREATE POLICY reader ON gap_day FOR SELECT TO waystone_ledger_reader USING ((SELECT asker_may('ops')));
CREATE POLICY reader ON gap_figure FOR SELECT TO waystone_ledger_reader USING ((SELECT asker_may('ops')));
-- What was told to a lead: of the people they lead, and of the teams these are in.
CREATE POLICY reader ON gap FOR SELECT TO waystone_ledger_reader USING (
    CASE WHEN employee = '' THEN team = ANY ((SELECT led_teams())::text[])
    ELSE employee = ANY ((SELECT led_ids())::text[]) END
);
CREATE POLICY reader ON verification FOR SELECT TO waystone_ledger_reader USING ((SELECT asker()) IS NOT NULL);

-- When a batch was stored; no person in it.
GRANT SELECT (topic, partition, epoch, first_offset, next_offset, committed_at) ON batch TO waystone_ledger_reader;
GRANT SELECT ON history, history_words, standing, deed, withdrawal, person, preference, entry_mark, dispute,
    gap_day, gap_figure, gap, verification TO waystone_ledger_reader;

-- Views see with the eyes of whoever asks.
ALTER VIEW counted_entry SET (security_invoker = true);
ALTER VIEW standing_fold SET (security_invoker = true);
ALTER VIEW recognition_day_fold SET (security_invoker = true);
ALTER VIEW deed_fold SET (security_invoker = true);
ALTER VIEW standing_month_fold SET (security_invoker = true);
ALTER VIEW deed_month_fold SET (security_invoker = true);
ALTER VIEW archived_until SET (security_invoker = true);

-- --- the writer ---------------------------------------------------------------------------------------------------
-- Evidence is added to and never changed: no UPDATE, no DELETE. Words go when they are erased.
GRANT SELECT, INSERT ON entry, batch, batch_proof, checkpoint, checkpoint_key TO waystone_ledger_writer;
GRANT SELECT, INSERT, DELETE ON words TO waystone_ledger_writer;
-- Where each partition stands, and what follows from entries.
GRANT SELECT, INSERT, UPDATE ON consumer_position, standing, recognition_day, deed, withdrawal, erasure,
    erasure_report, removal, gap_day, gap_figure, unnoticed_progress, entry_mark, dispute TO waystone_ledger_writer;
-- What goes for good: a record published, a person erased or taken away, a key or a pair past its day, a unit that is
-- no more.
GRANT SELECT, INSERT, UPDATE, DELETE ON outbox, person, preference, request_key, gap_form, gap, unnoticed_deed
TO waystone_ledger_writer;
GRANT SELECT, INSERT, DELETE ON gap_pair TO waystone_ledger_writer;
GRANT SELECT, INSERT, DELETE ON outbox_aside TO waystone_ledger_writer;
GRANT USAGE ON SEQUENCE outbox_id_seq TO waystone_ledger_writer;
GRANT SELECT ON schema_migration, verification, archived_month, archived_standing, archived_deed, archived_giving,
    archived_until, counted_entry, standing_month_fold, deed_month_fold, standing_fold, recognition_day_fold, deed_fold
TO waystone_ledger_writer;
-- Statistics of a whole table are the service's to refresh: autovacuum looks after each month alone.
GRANT MAINTAIN ON entry, words, recognition_day TO waystone_ledger_writer;

REVOKE EXECUTE ON FUNCTION make_month(date), guard_rows(regclass), asker_ids(), circle_of(text), led_ids(integer),
    led_teams(), hidden_of(text[]), is_on_wall(text, uuid), names_of(text[]), own_lead(),
    readable_words(timestamptz[], text[], uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION make_month(date) TO waystone_ledger_writer;
GRANT EXECUTE ON FUNCTION asker_ids(), led_ids(integer), led_teams(), hidden_of(text[]), is_on_wall(text, uuid),
    names_of(text[]), own_lead(),
    readable_words(timestamptz[], text[], uuid[]) TO waystone_ledger_reader;
