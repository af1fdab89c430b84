-- What people say about entries of their own history, by the API: kept here and nowhere else, beside the log.

-- Hidden: shown to nobody but the person, until they show it again. Withdrawn by the person: for good, and without
-- its words. Neither changes an entry or a count: what no longer counts is withdrawn by the event it came from.
-- `employee` is the id the entry is kept under, which may be a former one.
CREATE TABLE entry_mark (
    employee text COLLATE "C" NOT NULL,
    entry_id uuid NOT NULL,
    hidden boolean NOT NULL DEFAULT false,
    withdrawn_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (employee, entry_id)
) WITH (fillfactor = 80);

-- One dispute of an entry, ever. It has an owner (the lead of the day it was opened; NULL: HR) and an end: from
-- `due_on` on HR may decide it, too. `reason` and `answer` are the person's and the owner's words; erasure empties them.
CREATE TABLE dispute (
    employee text COLLATE "C" NOT NULL,
    entry_id uuid NOT NULL,
    opened_by text COLLATE "C" NOT NULL,  -- the person, under the id they had then
    owner text COLLATE "C",
    reason text NOT NULL,
    opened_at timestamptz NOT NULL,
    due_on date NOT NULL,
    decided_at timestamptz,
    decided_by text COLLATE "C",
    accepted boolean,
    answer text,
    PRIMARY KEY (entry_id, employee),
    CONSTRAINT nobody_judges_themselves CHECK (owner IS DISTINCT FROM opened_by AND decided_by IS DISTINCT FROM opened_by),
    CONSTRAINT decided_whole CHECK (
        (decided_at IS NULL) = (accepted IS NULL)
        AND (decided_at IS NULL) = (decided_by IS NULL)
        AND (decided_at IS NULL) = (answer IS NULL)
    )
) WITH (fillfactor = 80);
CREATE INDEX dispute_owner ON dispute (owner, entry_id) WHERE decided_at IS NULL;
CREATE INDEX dispute_employee ON dispute (employee);

-- Keys that came with a POST (`Idempotency-Key`), by who asked: the same one again changes nothing. Kept for a day.
CREATE TABLE request_key (
    subject text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    digest bytea NOT NULL,  -- SHA-256 over route and body
    made_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subject, key)
);
CREATE INDEX request_key_made_at ON request_key (made_at);

-- Results of verifications (`waystone verify`), newest last. fault: the check that found the first one, no person in it.
CREATE TABLE verification (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    finished_at timestamptz NOT NULL DEFAULT now(),
    checked bigint NOT NULL CHECK (checked >= 0),  -- things looked at
    faults integer NOT NULL CHECK (faults >= 0),
    fault text,
    CONSTRAINT a_fault_has_a_name CHECK ((faults = 0) = (fault IS NULL))
);
