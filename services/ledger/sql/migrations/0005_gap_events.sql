-- What is told of gaps, once each: the row is the memory that it was.

-- Who thanked whom on which day (UTC), filled once a day from the entries of recent months, pruned after 120 days.
CREATE TABLE gap_pair (
    day date NOT NULL,
    giver text COLLATE "C" NOT NULL,
    recipient text COLLATE "C" NOT NULL,
    PRIMARY KEY (giver, day, recipient)
);
CREATE INDEX gap_pair_recipient ON gap_pair (recipient, day);
CREATE INDEX gap_pair_day ON gap_pair USING brin (day);

-- Deeds told to a lead because nobody had answered for seven days. taken_back_at: when that was withdrawn.
CREATE TABLE unnoticed_deed (
    employee text COLLATE "C" NOT NULL,
    deed_id uuid NOT NULL,
    cause_source text COLLATE "C" NOT NULL,
    cause_id text COLLATE "C" NOT NULL,
    done_at timestamptz NOT NULL,
    team text COLLATE "C" NOT NULL,
    lead text COLLATE "C" NOT NULL,
    told_at timestamptz NOT NULL,
    taken_back_at timestamptz,
    PRIMARY KEY (employee, deed_id)
);
CREATE INDEX unnoticed_deed_waiting ON unnoticed_deed (employee, cause_source, cause_id) WHERE taken_back_at IS NULL;

-- Deeds done before `looked_to` have been looked at, each on its seventh day. One row.
CREATE TABLE unnoticed_progress (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    looked_to timestamptz NOT NULL
);

-- Gaps that opened, of teams (employee '') and, for the lead's eyes, of single persons.
CREATE TABLE gap (
    gap_id uuid PRIMARY KEY,
    team text COLLATE "C" NOT NULL,
    metric text NOT NULL,
    employee text COLLATE "C" NOT NULL,
    opened_at timestamptz NOT NULL,
    evidence text NOT NULL,  -- figures and dates, no words of anybody
    asked_at timestamptz,
    closed_at timestamptz
);
CREATE UNIQUE INDEX gap_open ON gap (metric, employee, team) WHERE closed_at IS NULL;
