-- The statement that creates the ordinary role which owns the services' databases: no superuser, so that
-- rights and row policies hold for it; it may create databases and narrower roles. $1: name, $2: password.
SELECT format('CREATE ROLE %I LOGIN CREATEDB CREATEROLE PASSWORD %L', $1::text, $2::text)
