-- Whether a database of this name exists. $1: name.
SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)
