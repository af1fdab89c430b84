-- The peers' table: an entry and its words in one row, with the ledger's key and its index on givers.

-- name: create
CREATE TABLE flat (
    occurred_at_ms bigint NOT NULL,
    kind text NOT NULL,
    id text NOT NULL,
    employee text COLLATE "C" NOT NULL,
    cause_source text NOT NULL,
    cause_id text NOT NULL,
    basis text,
    size text,
    visibility text,
    giver text COLLATE "C",
    answers_source text,
    answers_id text,
    skills text,
    title text,
    words text,
    PRIMARY KEY (employee, id)
);
CREATE INDEX flat_giver ON flat (giver, occurred_at_ms) WHERE giver IS NOT NULL;

-- name: count
SELECT count(*) FROM flat;
