-- Text keys sort by bytes, as the service sorts them: locks are always taken in one order.

-- The day this database began to listen. Of whoever started on it or later we know everything.
CREATE TABLE beginning (
    is_only_row boolean PRIMARY KEY DEFAULT true CHECK (is_only_row),
    day date NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')::date
);
INSERT INTO beginning DEFAULT VALUES;

-- Everybody an event has mentioned. A row without periods is a stub: the directory has not brought the person yet.
-- Every batch locks the rows of those it mentions, so that parking and the directory serialise on them.
CREATE TABLE person (
    employee text COLLATE "C" PRIMARY KEY,
    periods jsonb,
    record_time timestamptz,
    record_id text,
    erased boolean NOT NULL DEFAULT false,
    given_erased boolean NOT NULL DEFAULT false,  -- the words they gave, too
    formerly text[] NOT NULL DEFAULT '{}',  -- ids they had before: erased with this one
    celebrate text NOT NULL DEFAULT 'team' CHECK (celebrate IN ('public', 'team', 'private', 'not-at-all')),
    wishes_time timestamptz,
    wishes_id text,
    waiting integer NOT NULL DEFAULT 0,
    CONSTRAINT a_record_has_a_version CHECK (
        (record_time IS NULL) = (record_id IS NULL) AND (periods IS NULL OR record_time IS NOT NULL)
    ),
    CONSTRAINT wishes_have_a_version CHECK ((wishes_time IS NULL) = (wishes_id IS NULL)),
    CONSTRAINT an_erased_person_has_no_record CHECK (NOT erased OR (periods IS NULL AND wishes_time IS NULL)),
    CONSTRAINT given_is_further_than_received CHECK (erased OR NOT given_erased),
    CONSTRAINT waiting_is_a_count CHECK (waiting >= 0)
) WITH (fillfactor = 70);

CREATE TABLE skill (
    employee text COLLATE "C" NOT NULL,
    skill text COLLATE "C" NOT NULL,
    PRIMARY KEY (employee, skill)
);

-- What was accepted, by what makes it unique. A row without digest stands for an original that a withdrawal awaits, or,
-- closed, for one that was refused because somebody concerned was erased: then no withdrawal waits for it.
CREATE TABLE inbox (
    source text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    digest bytea CHECK (octet_length(digest) = 32),
    received_at timestamptz NOT NULL DEFAULT now(),
    closed boolean NOT NULL DEFAULT false,
    PRIMARY KEY (source, id),
    CONSTRAINT what_is_closed_was_not_accepted CHECK (NOT closed OR digest IS NULL)
);
CREATE INDEX inbox_received_at ON inbox USING brin (received_at);

-- Parts that wait for somebody's directory record (waits_for). `record` is the whole Kafka record, bytes untouched.
CREATE TABLE parked (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    recipient text COLLATE "C" NOT NULL,
    waits_for text COLLATE "C" NOT NULL,
    mentions text[] NOT NULL,
    record bytea NOT NULL,
    parked_at timestamptz NOT NULL,
    CONSTRAINT a_part_is_parked_once UNIQUE (source, id, recipient)
);
CREATE INDEX parked_waits_for ON parked (waits_for, seq);
CREATE INDEX parked_mentions ON parked USING gin (mentions);
CREATE INDEX parked_parked_at ON parked (parked_at);

-- Withdrawals that came before their original.
CREATE TABLE awaiting (
    of_source text COLLATE "C" NOT NULL,
    of_id text COLLATE "C" NOT NULL,
    source text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    by_employee text COLLATE "C",  -- who takes it back: the words of the reason are theirs
    record bytea NOT NULL,
    parked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (of_source, of_id, source, id)
);
CREATE INDEX awaiting_by_employee ON awaiting (by_employee) WHERE by_employee IS NOT NULL;
CREATE INDEX awaiting_parked_at ON awaiting (parked_at);

-- What was published because of each event: a withdrawal takes it back.
CREATE TABLE emitted (
    source text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    entry uuid NOT NULL,
    employee text NOT NULL,
    type_name text NOT NULL,
    withdrawn boolean NOT NULL DEFAULT false,
    PRIMARY KEY (source, id, entry)
);
