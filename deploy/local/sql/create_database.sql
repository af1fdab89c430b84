-- The statement that creates a database owned by whoever runs it. $1: name.
SELECT format('CREATE DATABASE %I TEMPLATE template0 ENCODING ''UTF8''', $1::text)
