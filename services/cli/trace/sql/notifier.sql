-- name: intents
-- Whether and how these recognitions were told. $1: ids.
SELECT i.recognition AS entry, i.employee, i.state, i.channel, i.reason, i.arrived_at, i.ended_at, i.message,
    coalesce(m.tries, 0) AS tries
FROM intent AS i LEFT JOIN message AS m ON m.id = i.message
WHERE i.recognition = ANY ($1::uuid[]) ORDER BY i.recognition, i.employee LIMIT 1000;

-- name: attempts
-- Each try of these messages. $1: ids of the messages.
SELECT message, number, outcome, code, ended_at FROM attempt
WHERE message = ANY ($1::uuid[]) ORDER BY message, number LIMIT 10000;
