-- A large company for `python -m tests.bench.gaps`, written straight into the ledger's tables.

-- name: people
-- $1 people in units of ten, led by the first of each; everybody here since 2024.
INSERT INTO person
SELECT 'e-' || n, now(), 'p', '', 'Somebody', 'Europe/Rome', 'en', '{}', ARRAY[date '2024-03-01'],
    ARRAY['team-' || n / 10], ARRAY[date '2024-03-01'], ARRAY['e-' || CASE n % 10 WHEN 0 THEN 0 ELSE n - n % 10 END],
    ARRAY[date '2024-03-01'], ARRAY['active']
FROM generate_series(0, $1::integer - 1) AS n;

-- name: entries
-- $2 thanks and a tenth as many steps of growth among $1 people over the 120 days before $3, in no order of people.
INSERT INTO entry (occurred_at, log_offset, log_partition, kind, subkind, by, basis, size, visibility,
    giver_is_manager, lead, stretch, id, employee, cause_source, cause_id, digest, giver, goal, words_digest)
SELECT id_time(id), n, 0, CASE WHEN grew THEN 4 ELSE 2 END, CASE WHEN grew THEN 43 ELSE 21 END,
    CASE WHEN NOT grew THEN 1 END, CASE WHEN NOT grew THEN 1 + n % 3 END, 1, 2, NOT grew AND n % 5 = 0, false, false, id,
    'e-' || recipient, 'urn:bench', n::text, '', CASE WHEN NOT grew THEN 'e-' || (recipient + 1 + n % 17) % $1 END,
    CASE WHEN n % 3 = 0 THEN 'clear-water' END, ''
FROM (
    SELECT n, n % 11 = 0 AS grew, hashint8(n)::bigint & 2147483647 AS number, (hashint8(n)::bigint & 2147483647) % $1
        AS recipient,
        (lpad(to_hex((extract(epoch FROM $3::timestamptz) * 1000)::bigint
            - (hashint8(n + 7)::bigint & 2147483647) % 10368000 * 1000 - 1), 12, '0')
            || '8' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid AS id
    FROM generate_series(1, $2::bigint * 11 / 10) AS n
) AS drawn;

-- name: deeds
-- Three deeds for each of $1 people in the 60 days before $2, two of three answered in four days.
INSERT INTO deed (employee, cause_source, cause_id, deed_id, occurred_at, answered_at)
SELECT 'e-' || n, 'urn:bench', 'd' || k, gen_random_uuid(), done, CASE WHEN k < 3 THEN done + interval '4 days' END
FROM generate_series(0, $1::integer - 1) AS n, generate_series(1, 3) AS k,
    LATERAL (SELECT $2::timestamptz - (hashint8(n * 3 + k)::bigint & 2147483647) % 60 * interval '1 day' AS done) AS d;

-- name: standing
INSERT INTO standing (employee, last_received_at, last_from_manager_at, last_from_peer_at, last_given_at,
    last_growth_at, last_purpose_at, last_lead_at, last_deed_at, received_count, given_count, deed_count,
    withdrawal_count)
SELECT * FROM standing_fold;

-- name: days
INSERT INTO recognition_day (employee, day, effort_count, result_count, both_count, automatic_count, purpose_count,
    given_count)
SELECT * FROM recognition_day_fold;
