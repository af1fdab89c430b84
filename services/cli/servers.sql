-- name: hidden_rows
-- A table of which row security keeps rows from the present role: no policy of it lets all through. NULL: none.
SELECT min(c.relname::text)
FROM pg_catalog.pg_class AS c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
  AND has_table_privilege(c.oid, 'SELECT') AND row_security_active(c.oid)
  AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_policy AS p
      WHERE p.polrelid = c.oid AND p.polpermissive AND p.polcmd IN ('r', '*')
        AND pg_get_expr(p.polqual, p.polrelid) = 'true'
        AND EXISTS (SELECT FROM unnest(p.polroles) AS r (id) WHERE r.id = 0 OR pg_has_role(r.id, 'USAGE'))
  );
