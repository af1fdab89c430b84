-- The statements, in order, that are left to do until login $1 is a member of group $2. $3: the login's password, or
-- NULL where the server asks for none.
SELECT statement
FROM (
    SELECT 1 AS place, format('CREATE ROLE %I NOLOGIN', $2::text) AS statement
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = $2)
    UNION ALL
    SELECT 2, format('CREATE ROLE %I LOGIN', $1::text) || coalesce(format(' PASSWORD %L', $3::text), '')
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)
    UNION ALL
    SELECT 3, format('GRANT %I TO %I', $2, $1)
    WHERE NOT EXISTS (
        SELECT FROM pg_auth_members
        WHERE roleid = to_regrole(quote_ident($2)) AND member = to_regrole(quote_ident($1))
    )
) AS missing
ORDER BY place
