-- name: dispositions
-- How many records of each topic had which outcome, in any of the services.
SELECT batch.topic, part.outcome, sum(upper(run) - lower(run))::bigint AS records
FROM batch
CROSS JOIN LATERAL (VALUES
    ('applied', applied), ('duplicate', duplicate), ('rejected', rejected), ('parked', parked), ('ignored', ignored)
) AS part (outcome, offsets)
CROSS JOIN LATERAL unnest(part.offsets) AS run
GROUP BY batch.topic, part.outcome;

-- name: outbox
-- Records that wait to be published, and records no broker would take.
SELECT (SELECT coalesce(sum(record_count), 0) FROM outbox)::bigint AS waiting,
    (SELECT count(*) FROM outbox_aside) AS aside;

-- name: parked
-- Parts of events that wait for somebody's directory record, in recognition.
SELECT count(*) FROM parked;

-- name: entries
-- Entries by kind (the ledger's codes), in the ledger.
SELECT kind, count(*) AS entries FROM entry GROUP BY kind;

-- name: intents
-- Intents by state, channel and reason, in the notifier. One that is put off for longer than $1 seconds waits for
-- the person: for the end of their quiet hours or of their leave.
SELECT CASE
        WHEN state = 'due' AND due_at > now() + $1::double precision * interval '1 second' THEN 'held'
        ELSE state
    END AS state,
    coalesce(channel, '') AS channel, reason, count(*) AS intents
FROM intent
GROUP BY 1, 2, 3;

-- name: held_unasked
-- Intents put off for longer than $1 seconds although their person has neither quiet hours nor a leave.
SELECT count(*)
FROM intent AS i
LEFT JOIN preference AS wish USING (employee)
LEFT JOIN person AS p USING (employee)
WHERE i.state = 'due' AND i.due_at > now() + $1::double precision * interval '1 second'
    AND coalesce(wish.body::jsonb -> 'quiet', 'null'::jsonb) = 'null'::jsonb
    AND NOT coalesce(p.body::jsonb @? '$.statuses[*] ? (@.status == "on-leave")', false);
