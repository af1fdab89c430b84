-- name: keep_people
-- Directory records and erasures, one row per person. The newest record by (time, id) stays; an erased person
-- gets none any more, and an erasure never asks for less than one before.
INSERT INTO person AS p (employee, happened_at, event_id, body, erased, digest)
SELECT n.employee, n.happened_at, n.event_id, n.body, n.erased, n.digest
FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::bytea[])
    AS n (employee, happened_at, event_id, body, erased, digest)
ORDER BY n.employee COLLATE "C"
ON CONFLICT (employee) DO UPDATE SET
    happened_at = excluded.happened_at,
    event_id = excluded.event_id,
    body = excluded.body,
    digest = excluded.digest,
    erased = CASE WHEN p.erased = 'given' THEN p.erased ELSE excluded.erased END
WHERE (excluded.erased IS NOT NULL AND p.erased IS DISTINCT FROM 'given'
        AND p.erased IS DISTINCT FROM excluded.erased)
    OR (p.erased IS NULL AND (excluded.happened_at, excluded.event_id) > (p.happened_at, p.event_id))
RETURNING p.employee;

-- name: read_people_versions
-- What is stored of these people: tells a record seen before from one that is out of date.
SELECT employee, happened_at, event_id, erased, digest FROM person WHERE employee = ANY ($1::text[]);

-- name: delete_preferences
-- Of erased people.
DELETE FROM preference WHERE employee = ANY ($1::text[]) RETURNING employee;

-- name: keep_preferences
-- Wishes, one row per person. The newest by (time, id) stays, on a tie the more private.
INSERT INTO preference AS p (employee, happened_at, event_id, privacy, body)
SELECT n.employee, n.happened_at, n.event_id, n.privacy, n.body
FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::integer[], $5::text[])
    AS n (employee, happened_at, event_id, privacy, body)
ORDER BY n.employee COLLATE "C"
ON CONFLICT (employee) DO UPDATE SET
    happened_at = excluded.happened_at,
    event_id = excluded.event_id,
    privacy = excluded.privacy,
    body = excluded.body
WHERE (excluded.happened_at, excluded.event_id, excluded.privacy) > (p.happened_at, p.event_id, p.privacy)
RETURNING p.employee;

-- name: read_preference_versions
-- What is stored of these people's wishes.
SELECT employee, happened_at, event_id, privacy FROM preference WHERE employee = ANY ($1::text[]);

-- name: keep_withdrawn
-- Recognitions taken back; returns those not known before.
INSERT INTO withdrawn (recognition)
SELECT n.recognition FROM unnest($1::uuid[]) AS n (recognition)
ORDER BY n.recognition
ON CONFLICT DO NOTHING
RETURNING recognition;

-- name: keep_told
-- Deliveries of ours that came back. Nearly all have an intent, and nothing is written; the others are remembered.
INSERT INTO told (recognition, employee)
SELECT n.recognition, n.employee
FROM unnest($1::uuid[], $2::text[]) AS n (recognition, employee)
WHERE NOT EXISTS (SELECT FROM intent AS i WHERE i.recognition = n.recognition AND i.employee = n.employee)
ORDER BY n.employee COLLATE "C", n.recognition
ON CONFLICT DO NOTHING
RETURNING recognition, employee;

-- name: end_told
-- Intents that have not ended here although their delivery is in the log: ended before this database was restored.
-- A try that was under way in the backup is no try of ours; what had a doubt keeps it.
WITH delivered AS (
    SELECT DISTINCT i.recognition, i.employee, i.message, n.channel
    FROM unnest($1::uuid[], $2::text[], $3::text[]) AS n (recognition, employee, channel)
    JOIN intent AS i ON i.recognition = n.recognition AND i.employee = n.employee
    WHERE i.state IN ('due', 'sending')
),
ended AS (
    UPDATE message AS m SET
        state = CASE WHEN m.doubts > 0 THEN 'ambiguous' ELSE 'suppressed' END,
        reason = 'already_told',
        tries = m.tries - (m.state = 'sending')::integer,
        lease_until = NULL,
        ended_at = $4
    FROM delivered AS d
    WHERE m.id = d.message AND m.state IN ('due', 'sending')
    RETURNING m.id, m.state, m.channel
)
UPDATE intent AS i SET
    state = coalesce(e.state, 'suppressed'),
    channel = coalesce(e.channel, d.channel),
    reason = 'already_told',
    body = NULL,
    ended_at = $4
FROM delivered AS d
LEFT JOIN ended AS e ON e.id = d.message
WHERE i.recognition = d.recognition AND i.employee = d.employee
RETURNING i.recognition, i.employee;

-- name: take_told
-- Those of these recognitions whose end is in the log already. With their intent they are remembered for good.
DELETE FROM told AS t
USING unnest($1::uuid[], $2::text[]) AS n (recognition, employee)
WHERE t.recognition = n.recognition AND t.employee = n.employee
RETURNING t.recognition, t.employee;

-- name: add_intents
-- New intents. One that exists (same recognition and person, or same award) is left as it is and not returned.
INSERT INTO intent (recognition, employee, award_grant, giver, occurred_at, correlation, body, digest,
    state, channel, reason, due_at, arrived_at, ended_at)
SELECT n.recognition, n.employee, n.award_grant, n.giver, n.occurred_at, n.correlation, n.body, n.digest,
    CASE WHEN n.reason = '' THEN 'due' ELSE 'suppressed' END,
    CASE WHEN n.reason = '' THEN NULL ELSE n.channel END,
    n.reason, n.arrived_at, n.arrived_at,
    CASE WHEN n.reason = '' THEN NULL ELSE n.arrived_at END
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::text[],
    $8::text[], $9::text[], $10::timestamptz[], $11::bytea[])
    AS n (recognition, employee, award_grant, giver, occurred_at, correlation, body, channel, reason, arrived_at,
        digest)
ORDER BY n.employee COLLATE "C", n.recognition
ON CONFLICT DO NOTHING
RETURNING recognition, employee;

-- name: read_digests
-- Of intents that were there already.
SELECT i.recognition, i.employee, i.digest
FROM unnest($1::uuid[], $2::text[]) AS n (recognition, employee)
JOIN intent AS i ON i.recognition = n.recognition AND i.employee = n.employee;

-- name: end_erased
-- What waits to be told to an erased person ($1), or by one whose words to others go, too ($2), ends here, and its
-- words with it. $3: the channel named when it would have gone by none, $4: now.
UPDATE intent AS i SET
    state = 'suppressed', channel = $3, reason = 'erased', body = NULL, ended_at = $4
WHERE i.state = 'due' AND (i.employee = ANY ($1::text[]) OR i.giver = ANY ($2::text[]))
RETURNING i.recognition, i.employee, i.giver, i.occurred_at, i.correlation;

-- name: silence_erased
-- Of what is on its way the words go; its message ends when it is looked at next, which is now.
UPDATE intent AS i SET body = NULL
WHERE i.state = 'sending' AND i.body IS NOT NULL
    AND (i.employee = ANY ($1::text[]) OR i.giver = ANY ($2::text[]))
RETURNING i.employee, i.giver;

-- name: read_erased
-- How far these people are erased, those who are.
SELECT employee, erased FROM person WHERE employee = ANY ($1::text[]) AND erased IS NOT NULL;

-- name: take_due_intents
-- Intents to decide on, locked until the end of the transaction, with all the decision needs.
SELECT i.recognition, i.employee, i.giver, i.occurred_at, i.correlation, i.body, i.arrived_at,
    p.body AS person, p.erased, f.body AS wishes, g.body AS giver_person, g.erased AS giver_erased,
    EXISTS (SELECT FROM withdrawn AS w WHERE w.recognition = i.recognition) AS withdrawn
FROM intent AS i
LEFT JOIN person AS p ON p.employee = i.employee
LEFT JOIN preference AS f ON f.employee = i.employee
LEFT JOIN person AS g ON g.employee = i.giver
WHERE i.state = 'due' AND i.due_at <= $1
ORDER BY i.due_at
LIMIT $2
FOR UPDATE OF i SKIP LOCKED;

-- name: take_due_messages
-- Messages of a channel to be tried now, or whose lease ran out, locked until the end of the transaction. $4: those
-- the caller has in hand itself.
SELECT m.id, m.state, m.tries, m.doubts, m.claimed_at,
    i.recognition, i.employee, i.giver, i.occurred_at, i.correlation, i.body, i.arrived_at,
    p.body AS person, p.erased, f.body AS wishes, g.body AS giver_person, g.erased AS giver_erased,
    EXISTS (SELECT FROM withdrawn AS w WHERE w.recognition = i.recognition) AS withdrawn
FROM message AS m
JOIN intent AS i ON i.message = m.id
LEFT JOIN person AS p ON p.employee = i.employee
LEFT JOIN preference AS f ON f.employee = i.employee
LEFT JOIN person AS g ON g.employee = i.giver
WHERE m.channel = $1 AND m.state IN ('due', 'sending') AND coalesce(m.lease_until, m.due_at) <= $2
    AND m.id <> ALL ($4::uuid[])
ORDER BY coalesce(m.lease_until, m.due_at)
LIMIT $3
FOR UPDATE OF m SKIP LOCKED;

-- name: make_messages
-- Messages just made from intents; their membership does not change any more.
INSERT INTO message (id, employee, channel, due_at, made_at)
SELECT n.id, n.employee, n.channel, $4::timestamptz, $4::timestamptz
FROM unnest($1::uuid[], $2::text[], $3::text[]) AS n (id, employee, channel)
ORDER BY n.id;

-- name: change_intents
-- Due intents, locked by take_due_intents: made into a message (sending), put off (due) or suppressed.
UPDATE intent AS i SET
    state = n.state,
    channel = n.channel,
    reason = n.reason,
    message = n.message,
    due_at = coalesce(n.due_at, i.due_at),
    body = CASE WHEN n.state IN ('due', 'sending') THEN i.body END,
    ended_at = CASE WHEN n.state IN ('due', 'sending') THEN NULL ELSE $8::timestamptz END
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::timestamptz[])
    AS n (recognition, employee, state, channel, reason, message, due_at)
WHERE i.recognition = n.recognition AND i.employee = n.employee AND i.state = 'due';

-- name: change_messages
-- Messages move on. State and tries before are the fence: whoever claimed a message since has counted it up, and a
-- result that is stored already finds it moved.
UPDATE message AS m SET
    state = n.state,
    channel = n.channel,
    reason = n.reason,
    due_at = coalesce(n.due_at, m.due_at),
    tries = n.tries,
    doubts = n.doubts,
    claimed_at = CASE WHEN n.state = 'sending' THEN $11::timestamptz ELSE m.claimed_at END,
    lease_until = n.lease_until,
    ended_at = CASE WHEN n.state IN ('due', 'sending') THEN NULL ELSE $11::timestamptz END
FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::timestamptz[],
    $8::integer[], $9::integer[], $10::timestamptz[])
    AS n (id, state_before, tries_before, state, channel, reason, due_at, tries, doubts, lease_until)
WHERE m.id = n.id AND m.state = n.state_before AND m.tries = n.tries_before
    AND n.state_before IN ('due', 'sending')
RETURNING m.id;

-- name: end_intents
-- Their message has ended, and they with it: the words go.
UPDATE intent AS i SET state = n.state, channel = n.channel, reason = n.reason, body = NULL, ended_at = $5
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) AS n (message, state, channel, reason)
WHERE i.message = n.message AND i.state = 'sending';

-- name: add_attempts
-- Tries that have ended.
INSERT INTO attempt (message, number, started_at, ended_at, outcome, code)
SELECT n.message, n.number, n.started_at, $6::timestamptz, n.outcome, n.code
FROM unnest($1::uuid[], $2::integer[], $3::timestamptz[], $4::text[], $5::text[])
    AS n (message, number, started_at, outcome, code)
ORDER BY n.message, n.number;

-- name: recall_messages
-- Messages that wait to be tried again and were called off: have them looked at now.
UPDATE message AS m SET due_at = $1
WHERE m.id IN (SELECT c.message FROM called_off AS c) AND m.state = 'due' AND m.due_at > $1;

-- name: recall_intents
-- Intents called off: those put off are looked at now; of those on their way, erased words go at once.
UPDATE intent AS i SET
    due_at = least(i.due_at, $1),
    body = CASE WHEN i.state = 'sending' AND c.words_go THEN NULL ELSE i.body END
FROM called_off AS c
WHERE i.recognition = c.recognition AND i.employee = c.employee
    AND ((i.state = 'due' AND i.due_at > $1) OR (i.state = 'sending' AND c.words_go AND i.body IS NOT NULL));

-- name: forget_preferences
-- Erased people have no wishes here.
DELETE FROM preference AS f USING person AS p WHERE p.employee = f.employee AND p.erased IS NOT NULL;

-- name: read_backlog
-- What waits now and how long the oldest of it has waited, in seconds.
SELECT count(*) AS due,
    coalesce(extract(epoch FROM $1::timestamptz - min(w.due_at)), 0)::double precision AS oldest_seconds
FROM (
    SELECT due_at FROM intent WHERE state = 'due' AND due_at <= $1
    UNION ALL
    SELECT due_at FROM message WHERE state = 'due' AND due_at <= $1
) AS w;
