-- Read queries of the API and the pages, run as the reader role: row security decides what each may find (see
-- sql/migrations/0009_rights.sql). Every one names what it wants all the same; none scans.

-- name: identify
-- Who asks until this transaction ends: subject, scopes separated by spaces, today.
SELECT set_config('waystone.subject', $1::text, true),
    set_config('waystone.scopes', $2::text, true),
    set_config('waystone.day', $3::text, true);

-- name: rights_too_wide
-- What the role can do that would go round row security; NULL when it is as it should be.
SELECT coalesce(
    (SELECT 'is a superuser' FROM pg_catalog.pg_roles WHERE rolname = current_user AND rolsuper),
    (SELECT 'bypasses row security' FROM pg_catalog.pg_roles WHERE rolname = current_user AND rolbypassrls),
    (
        SELECT 'may read ' || min(relname::text)
        FROM pg_catalog.pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relforcerowsecurity
          AND has_table_privilege(oid, 'SELECT')
        HAVING count(*) > 0
    ),
    (
        SELECT 'may write ' || min(relname::text)
        FROM pg_catalog.pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
          AND has_table_privilege(oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
        HAVING count(*) > 0
    )
);

-- name: may_lead
-- Whether the asker leads person $1 at present.
SELECT $1::text = ANY (led_ids());

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
-- $3 rows at most; of one kind $4, skill $5, goal $6, not before $7, before $8 (each or NULL). Entries under former
-- ids belong to it. A giver who was erased, or whom the directory does not know, has no name.
WITH known_as AS (
    SELECT $1::text AS employee
    UNION
    SELECT unnest(formerly) FROM person WHERE employee = $1
),
page AS (
    SELECT e.*
    FROM known_as
    CROSS JOIN LATERAL (
        SELECT * FROM history
        WHERE history.employee = known_as.employee COLLATE "C"
          AND history.id < coalesce($2::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
          AND history.occurred_at <= coalesce(
              timestamptz 'epoch' + substr(uuid_send($2::uuid), 1, 6)::bigint * interval '1 millisecond', 'infinity'
          )
          AND history.kind = coalesce($4::smallint, history.kind)
          AND history.kind <> 3
          AND ($5::text IS NULL OR history.skills @> ARRAY[$5])
          AND ($6::text IS NULL OR history.goal = $6)
          AND history.occurred_at >= coalesce($7::timestamptz, '-infinity')
          AND history.occurred_at < coalesce($8::timestamptz, 'infinity')
        ORDER BY history.id DESC
        LIMIT $3::integer
    ) AS e
    ORDER BY e.id DESC
    LIMIT $3
)
SELECT page.id, page.occurred_at, page.kind, page.subkind, page.by, page.basis, page.size, page.visibility,
    page.giver_is_manager, page.lead, page.stretch, page.goal, page.value, page.skills, page.follow_up,
    page.giver, giver.name AS giver_name,
    withdrawal.entry_id IS NOT NULL OR mark.withdrawn_at IS NOT NULL AS withdrawn,
    coalesce(mark.hidden, false) AS kept_from_others,
    dispute.entry_id IS NOT NULL AND dispute.decided_at IS NULL AS disputed,
    page.kind = 1 AND deed.deed_id IS NOT NULL AND deed.answered_at IS NULL AS waiting,
    deed.answered_at,
    words.entry_id IS NULL AS erased,
    words.title, words.words, words.impact, words.links, words.lines
FROM page
LEFT JOIN readable_words(
    ARRAY(SELECT occurred_at FROM page), ARRAY(SELECT employee FROM page), ARRAY(SELECT id FROM page)
) AS words ON words.employee = page.employee AND words.entry_id = page.id
LEFT JOIN withdrawal ON withdrawal.employee = page.employee AND withdrawal.entry_id = page.id
LEFT JOIN entry_mark AS mark ON mark.employee = page.employee AND mark.entry_id = page.id
LEFT JOIN dispute ON dispute.employee = page.employee AND dispute.entry_id = page.id
LEFT JOIN deed ON page.kind = 1 AND deed.employee = page.employee
    AND deed.cause_source = page.cause_source AND deed.cause_id = page.cause_id
LEFT JOIN names_of(ARRAY(SELECT DISTINCT giver FROM page WHERE giver IS NOT NULL)) AS giver
    ON giver.employee = page.giver
ORDER BY page.id DESC;

-- name: receipt
-- Where entry $2 of person $1 comes from and what became of it. $2 names its month, too.
WITH known_as AS (
    SELECT $1::text AS employee
    UNION
    SELECT unnest(formerly) FROM person WHERE employee = $1
),
entry AS (
    SELECT history.* FROM known_as JOIN history ON history.employee = known_as.employee COLLATE "C"
    WHERE history.id = $2::uuid
      AND history.occurred_at = timestamptz 'epoch' + substr(uuid_send($2::uuid), 1, 6)::bigint * interval '1 millisecond'
)
SELECT entry.employee, entry.cause_source, entry.cause_id, entry.award_grant, entry.answers_source, entry.answers_id,
    entry.accepted_by, entry.helped_by, entry.log_partition, entry.log_offset, batch.epoch, batch.committed_at,
    ARRAY(
        SELECT answer.id FROM history AS answer
        WHERE answer.employee = entry.employee AND entry.kind = 1 AND answer.kind = 2 AND answer.by = 1
          AND answer.answers_source = entry.cause_source AND answer.answers_id = entry.cause_id
          AND (answer.visibility > 1 OR answer.employee = ANY (own_ids()))
        ORDER BY answer.id LIMIT 50
    ) AS answered_by,
    (
        SELECT min(taken_back.occurred_at) FROM history AS taken_back
        WHERE taken_back.employee = entry.employee AND taken_back.withdraws = entry.id
    ) AS withdrawn_at
FROM entry
LEFT JOIN LATERAL (
    SELECT epoch, next_offset, committed_at FROM batch
    WHERE topic = 'recognition.entries.v1' AND partition = entry.log_partition AND first_offset <= entry.log_offset
    ORDER BY first_offset DESC LIMIT 1
) AS batch ON batch.next_offset > entry.log_offset
LIMIT 1;

-- name: standing
-- Where person $1 stands, what came under former ids included; no row if nothing is known.
WITH known_as AS (
    SELECT $1::text AS employee
    UNION
    SELECT unnest(formerly) FROM person WHERE employee = $1
)
SELECT max(last_received_at) AS last_received_at,
    max(last_from_manager_at) AS last_from_manager_at,
    max(last_from_peer_at) AS last_from_peer_at,
    max(last_given_at) AS last_given_at,
    max(last_growth_at) AS last_growth_at,
    max(last_purpose_at) AS last_purpose_at,
    max(last_lead_at) AS last_lead_at,
    max(last_deed_at) AS last_deed_at,
    sum(received_count)::bigint AS received,
    sum(given_count)::bigint AS given,
    sum(deed_count)::bigint AS deeds
FROM standing JOIN known_as ON standing.employee = known_as.employee COLLATE "C"
HAVING count(*) > 0;

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
WITH page AS (
    SELECT e.id, e.employee, e.occurred_at, e.size, e.visibility, p.name
    FROM deed AS d
    JOIN person AS p USING (employee)
    JOIN history AS e ON e.employee = d.employee AND e.id = d.deed_id AND e.occurred_at = d.occurred_at
    WHERE d.employee = ANY ($1::text[]) AND d.answered_at IS NULL
      AND d.occurred_at >= $2::timestamptz AND d.occurred_at < $3::timestamptz
    ORDER BY d.occurred_at, d.deed_id
    LIMIT 500
)
SELECT page.id, page.employee, page.name, CASE WHEN page.visibility > 1 THEN words.title END AS title, page.size,
    page.occurred_at AS done_at
FROM page
LEFT JOIN readable_words(
    ARRAY(SELECT occurred_at FROM page), ARRAY(SELECT employee FROM page), ARRAY(SELECT id FROM page)
) AS words ON words.employee = page.employee AND words.entry_id = page.id
ORDER BY page.occurred_at, page.id;

-- name: open_gaps
-- Open gaps of team $1 itself, and of those of its people named in $2; the newest first.
SELECT gap.gap_id AS id, gap.metric, nullif(gap.employee, '') AS employee, p.name, gap.opened_at, gap.evidence,
    gap.asked_at IS NOT NULL AS asks_about_role
FROM gap LEFT JOIN person AS p ON p.employee = gap.employee
WHERE gap.team = $1 AND gap.closed_at IS NULL AND (gap.employee = '' OR gap.employee = ANY ($2::text[]))
ORDER BY gap.opened_at DESC, gap.gap_id
LIMIT 500;

-- name: deeds_awaiting_answer
-- Deeds that nobody has answered, oldest first: the asker's own, or ($1) those of the people they lead. After id $2 (or
-- NULL), not before $3, at most $4. What the asker hides or has withdrawn waits for nothing.
WITH page AS (
    SELECT e.id, e.employee, e.occurred_at, e.size
    FROM deed AS d
    JOIN history AS e ON e.employee = d.employee AND e.id = d.deed_id AND e.occurred_at = d.occurred_at
    WHERE d.employee = ANY ((SELECT CASE WHEN $1::boolean THEN led_ids() ELSE own_ids() END)::text[])
      AND d.deed_id <> ALL ((SELECT hidden_of(own_ids()))::uuid[])
      AND d.answered_at IS NULL
      AND d.occurred_at >= $3::timestamptz
      AND ($2::uuid IS NULL OR d.deed_id > $2)
    ORDER BY d.deed_id
    LIMIT $4::integer
)
SELECT page.id, page.employee, who.name, words.title, page.size, page.occurred_at AS done_at
FROM page
LEFT JOIN readable_words(
    ARRAY(SELECT occurred_at FROM page), ARRAY(SELECT employee FROM page), ARRAY(SELECT id FROM page)
) AS words ON words.employee = page.employee AND words.entry_id = page.id
LEFT JOIN names_of(ARRAY(SELECT DISTINCT employee FROM page)) AS who ON who.employee = page.employee
ORDER BY page.id;

-- name: wall
-- Public recognitions whose recipients want it so today, newest first: $1 the last id of the page before (or NULL),
-- $2 rows at most.
WITH page AS (
    SELECT id, employee, occurred_at, subkind, by, basis, size, giver, goal, value, skills
    FROM history
    WHERE kind = 2 AND visibility = 3
      AND id < coalesce($1::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
      AND occurred_at <= coalesce(
          timestamptz 'epoch' + substr(uuid_send($1::uuid), 1, 6)::bigint * interval '1 millisecond', 'infinity'
      )
      AND is_on_wall(employee, id)
    -- The same as by id, but months come in this order, too: the newest are read and no others.
    ORDER BY occurred_at DESC, id DESC
    LIMIT $2::integer
)
SELECT page.*, recipient.name, giver.name AS giver_name, words.title, words.words, words.impact
FROM page
JOIN readable_words(
    ARRAY(SELECT occurred_at FROM page), ARRAY(SELECT employee FROM page), ARRAY(SELECT id FROM page)
) AS words ON words.employee = page.employee AND words.entry_id = page.id
LEFT JOIN names_of(ARRAY(SELECT DISTINCT employee FROM page)) AS recipient ON recipient.employee = page.employee
LEFT JOIN names_of(ARRAY(SELECT DISTINCT giver FROM page WHERE giver IS NOT NULL)) AS giver
    ON giver.employee = page.giver
ORDER BY page.id DESC;

-- name: own_entry
-- Entry $1 of the asker, under whichever of their ids: the id it is kept under, their present lead, its marks.
SELECT history.employee, history.id AS entry, own_lead() AS lead, coalesce(mark.hidden, false) AS hidden,
    mark.withdrawn_at IS NOT NULL AS withdrawn
FROM history
LEFT JOIN entry_mark AS mark ON mark.employee = history.employee AND mark.entry_id = history.id
WHERE history.employee = ANY ((SELECT own_ids())::text[]) AND history.kind <> 3 AND history.id = $1::uuid
  AND history.occurred_at = timestamptz 'epoch' + substr(uuid_send($1::uuid), 1, 6)::bigint * interval '1 millisecond';

-- name: dispute
-- The dispute about entry $2 of person $1 that the asker has, owns or may decide.
SELECT employee, entry_id, owner, reason, opened_at, due_on, decided_at, accepted, answer,
    employee = ANY (asker_ids()) AS own
FROM dispute
WHERE entry_id = $2::uuid AND $1::text IN (employee, opened_by);

-- name: open_disputes
-- Open disputes that wait for the asker's decision, by entry: $1 the last id of the page before (or NULL), $2 rows.
SELECT employee, entry_id, owner, reason, opened_at, due_on, decided_at, accepted, answer, false AS own
FROM dispute
WHERE decided_at IS NULL AND employee <> ALL ((SELECT asker_ids())::text[])
  AND ($1::uuid IS NULL OR entry_id > $1)
ORDER BY entry_id
LIMIT $2::integer;

-- name: verifications
-- The newest results.
SELECT finished_at, checked, faults, fault FROM verification ORDER BY id DESC LIMIT $1::integer;
