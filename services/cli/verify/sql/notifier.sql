-- What the notifier keeps of what it told, and of what it did not tell.

-- name: figures
SELECT count(*) AS intents,
    count(*) FILTER (WHERE state = 'due') AS due,
    count(*) FILTER (WHERE state = 'suppressed' AND message IS NULL) AS suppressed,
    (SELECT count(*) FROM message) AS messages,
    (SELECT count(*) FROM attempt) AS attempts,
    (SELECT count(*) FROM withdrawn) AS withdrawn,
    count(*) FILTER (WHERE award_grant IS NOT NULL) AS grants
FROM intent;

-- name: states
SELECT state, reason, count(*) AS intents FROM intent GROUP BY state, reason ORDER BY state, reason;

-- name: intents_at_offsets
-- $1: the entries topic. Each applied offset left an intent or the mark of a withdrawal.
SELECT format('topic %s', $1::text) AS place, format('%s applied offsets', a.offsets) AS expected,
    format('%s intents and %s withdrawals', i.intents, w.withdrawn) AS found, abs(a.offsets - i.intents - w.withdrawn) AS faults
FROM (SELECT coalesce(sum(upper(r) - lower(r)), 0)::bigint AS offsets
    FROM batch CROSS JOIN LATERAL unnest(applied) AS r WHERE topic = $1) AS a
CROSS JOIN (SELECT count(*) AS intents FROM intent) AS i
CROSS JOIN (SELECT count(*) AS withdrawn FROM withdrawn) AS w
WHERE a.offsets <> i.intents + w.withdrawn;

-- name: intents_once
-- Per recognition and recipient, by whichever channel.
SELECT format('recognition %s employee %s', recognition, employee) AS place, 'one intent' AS expected,
    count(*)::text AS found, count(*) OVER () AS faults
FROM intent GROUP BY recognition, employee HAVING count(*) > 1
ORDER BY recognition, employee LIMIT 1;

-- name: grants_once
SELECT format('employee %s grant %s', employee, award_grant) AS place, 'one intent' AS expected,
    format('%s: %s', count(*), string_agg(recognition::text, ', ' ORDER BY recognition)) AS found,
    count(*) OVER () AS faults
FROM intent WHERE award_grant IS NOT NULL
GROUP BY employee, award_grant HAVING count(*) > 1
ORDER BY employee, award_grant LIMIT 1;

-- name: states_legal
-- due: undecided, with words. sending: its message is on its way. The others are ends: without words, with a reason
-- unless sent, and with a message unless suppressed.
WITH fault AS (
    SELECT recognition, state,
        CASE
            WHEN state NOT IN ('due', 'sending', 'sent', 'suppressed', 'ambiguous', 'failed') THEN 'a known state'
            WHEN state IN ('due', 'sending') AND ended_at IS NOT NULL THEN 'no end yet'
            WHEN state NOT IN ('due', 'sending') AND ended_at IS NULL THEN 'a time of the end'
            WHEN state = 'due' AND (message IS NOT NULL OR channel IS NOT NULL) THEN 'no message and no channel yet'
            WHEN state = 'due' AND body IS NULL THEN 'words to tell'
            WHEN state NOT IN ('due', 'suppressed') AND message IS NULL THEN 'a message'
            WHEN state <> 'due' AND channel IS NULL THEN 'a channel'
            WHEN state NOT IN ('due', 'sending') AND body IS NOT NULL THEN 'no words any more'
            WHEN state IN ('suppressed', 'ambiguous', 'failed') AND reason = '' THEN 'a reason'
        END AS expected
    FROM intent
)
SELECT format('intent of recognition %s', recognition) AS place, format('%s, being %s', expected, state) AS expected,
    'not so' AS found, count(*) OVER () AS faults
FROM fault WHERE expected IS NOT NULL
ORDER BY recognition LIMIT 1;

-- name: messages_match
-- A message carries one intent of the same person and shares its end; until then the intent is `sending`.
WITH fault AS (
    SELECT m.id, 'one intent' AS expected, count(i.recognition)::text AS found
    FROM message AS m LEFT JOIN intent AS i ON i.message = m.id
    GROUP BY m.id HAVING count(i.recognition) <> 1
    UNION ALL
    SELECT m.id, format('%s, as its intent', i.state), m.state
    FROM message AS m JOIN intent AS i ON i.message = m.id
    WHERE CASE WHEN m.state = 'due' THEN 'sending' ELSE m.state END <> i.state
    UNION ALL
    SELECT m.id, format('for %s by %s, as its intent', i.employee, i.channel), format('for %s by %s', m.employee, m.channel)
    FROM message AS m JOIN intent AS i ON i.message = m.id
    WHERE m.employee <> i.employee OR (m.channel <> i.channel AND i.state <> 'sending')
    UNION ALL
    SELECT i.message, 'a message', 'none'
    FROM intent AS i LEFT JOIN message AS m ON m.id = i.message
    WHERE i.message IS NOT NULL AND m.id IS NULL
)
SELECT format('message %s', id) AS place, expected, found, count(*) OVER () AS faults
FROM fault ORDER BY id, expected LIMIT 1;

-- name: intents_add_up
SELECT 'all intents' AS place, format('%s', i.intents) AS expected,
    format('%s messages, %s suppressed, %s due', m.messages, i.suppressed, i.due) AS found,
    abs(i.intents - m.messages - i.suppressed - i.due) AS faults
FROM (SELECT count(*) AS intents, count(*) FILTER (WHERE state = 'due') AS due,
        count(*) FILTER (WHERE state = 'suppressed' AND message IS NULL) AS suppressed FROM intent) AS i
CROSS JOIN (SELECT count(*) AS messages FROM message) AS m
WHERE i.intents <> m.messages + i.suppressed + i.due;

-- name: attempts_add_up
-- Every try is recorded but the one under way, numbered from 1; what was sent has a last try that says so.
WITH tried AS (
    SELECT message, count(*) AS attempts, max(number) AS last FROM attempt GROUP BY message
),
fault AS (
    SELECT m.id, format('%s attempts', m.tries - (m.state = 'sending')::integer) AS expected,
        format('%s, numbered up to %s', coalesce(t.attempts, 0), coalesce(t.last, 0)) AS found
    FROM message AS m LEFT JOIN tried AS t ON t.message = m.id
    WHERE coalesce(t.attempts, 0) <> m.tries - (m.state = 'sending')::integer
        OR coalesce(t.last, 0) <> coalesce(t.attempts, 0)
    UNION ALL
    SELECT m.id, 'a last attempt that was sent', format('%s', a.outcome)
    FROM message AS m LEFT JOIN attempt AS a ON a.message = m.id AND a.number = m.tries
    WHERE m.state = 'sent' AND a.outcome IS DISTINCT FROM 'sent'
)
SELECT format('message %s', id) AS place, expected, found, count(*) OVER () AS faults
FROM fault ORDER BY id, expected LIMIT 1;

-- name: recognitions
-- In order of id: for comparing with the ledger. Awards are left out: of two with one grant only the first is told.
SELECT recognition AS id, employee FROM intent WHERE award_grant IS NULL ORDER BY recognition;
