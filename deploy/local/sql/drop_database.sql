-- The statement that drops a database, its connections ended; nothing where there is none. $1: name.
SELECT format('DROP DATABASE IF EXISTS %I WITH (FORCE)', $1::text)
