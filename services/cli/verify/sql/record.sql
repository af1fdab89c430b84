-- What a verification found. $1 things looked at, $2 faults, $3 the check that found the first (or NULL).
INSERT INTO verification (checked, faults, fault) VALUES ($1::bigint, $2::integer, $3::text)
