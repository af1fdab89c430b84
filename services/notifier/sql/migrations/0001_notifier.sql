-- The directory: the newest record of each person, as its event's body. A record taken away leaves its time, so that
-- an older one does not come back; an erased person keeps a row with nothing in it.
CREATE TABLE person (
    employee text COLLATE "C" PRIMARY KEY,
    happened_at timestamptz,
    event_id text COLLATE "C",
    body text,
    digest bytea,  -- HMAC-SHA-256 of the event's body
    erased text CHECK (erased IN ('received', 'given')),
    CONSTRAINT a_record_has_its_event CHECK (
        (happened_at IS NULL) = (event_id IS NULL) AND (body IS NULL OR happened_at IS NOT NULL)
    ),
    CONSTRAINT either_a_record_or_erased CHECK ((happened_at IS NULL) = (erased IS NOT NULL))
);
CREATE INDEX person_erased ON person (employee) WHERE erased IS NOT NULL;

-- The newest wishes of each person, as their event's body; none once they were taken away. privacy: greater is more
-- private, decides a tie.
CREATE TABLE preference (
    employee text COLLATE "C" PRIMARY KEY,
    happened_at timestamptz NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    privacy integer NOT NULL,
    body text
);

-- Recognitions taken back, whether or not they ever arrive here.
CREATE TABLE withdrawn (
    recognition uuid PRIMARY KEY,
    withdrawn_at timestamptz NOT NULL DEFAULT now()
);

-- What goes to a person in one piece by one channel. Its id gives the Message-ID.
CREATE TABLE message (
    id uuid PRIMARY KEY,
    employee text COLLATE "C" NOT NULL,
    channel text NOT NULL CHECK (channel IN ('email', 'chat')),
    state text NOT NULL DEFAULT 'due'
        CHECK (state IN ('due', 'sending', 'sent', 'suppressed', 'ambiguous', 'failed')),
    reason text NOT NULL DEFAULT '' CHECK (reason ~ '^[a-z_]{0,64}$'),
    due_at timestamptz NOT NULL,
    tries integer NOT NULL DEFAULT 0 CHECK (tries BETWEEN 0 AND 1000),
    doubts integer NOT NULL DEFAULT 0 CHECK (doubts BETWEEN 0 AND 2),
    claimed_at timestamptz,
    lease_until timestamptz,
    made_at timestamptz NOT NULL,
    ended_at timestamptz,
    CONSTRAINT only_sending_has_a_lease CHECK (
        (state = 'sending') = (lease_until IS NOT NULL) AND (state <> 'sending' OR claimed_at IS NOT NULL)
    ),
    CONSTRAINT only_the_end_has_an_end CHECK ((state IN ('due', 'sending')) = (ended_at IS NULL)),
    CONSTRAINT sending_and_sent_were_tried CHECK (state NOT IN ('sending', 'sent', 'failed') OR tries > 0),
    CONSTRAINT ambiguous_has_a_doubt CHECK (state <> 'ambiguous' OR doubts > 0),
    CONSTRAINT not_sent_has_a_reason CHECK (state NOT IN ('suppressed', 'failed', 'ambiguous') OR reason <> '')
);
CREATE INDEX message_to_look_at ON message (channel, coalesce(lease_until, due_at))
    WHERE state IN ('due', 'sending');

-- One recognition to be told to one person, once, however often and by whichever channel it could have gone.
-- The words stay until it has ended or the person is erased.
CREATE TABLE intent (
    recognition uuid NOT NULL,
    employee text COLLATE "C" NOT NULL,
    award_grant text COLLATE "C",
    giver text COLLATE "C",
    occurred_at timestamptz NOT NULL,
    correlation text NOT NULL,
    body text,
    digest bytea NOT NULL,  -- HMAC-SHA-256 of the event's body: another body under this id is a conflict
    state text NOT NULL DEFAULT 'due'
        CHECK (state IN ('due', 'sending', 'sent', 'suppressed', 'ambiguous', 'failed')),
    channel text CHECK (channel IN ('email', 'chat')),
    reason text NOT NULL DEFAULT '' CHECK (reason ~ '^[a-z_]{0,64}$'),
    message uuid REFERENCES message,
    due_at timestamptz NOT NULL,
    arrived_at timestamptz NOT NULL,
    ended_at timestamptz,
    PRIMARY KEY (recognition, employee),
    UNIQUE (employee, award_grant),
    -- A message carries one intent until digests come.
    UNIQUE (message),
    CONSTRAINT due_has_words_and_no_message CHECK (
        state <> 'due' OR (body IS NOT NULL AND message IS NULL AND channel IS NULL)
    ),
    CONSTRAINT others_have_a_channel CHECK (state = 'due' OR channel IS NOT NULL),
    CONSTRAINT told_by_a_message CHECK (state IN ('due', 'suppressed') OR message IS NOT NULL),
    CONSTRAINT ended_has_no_words CHECK (state IN ('due', 'sending') OR body IS NULL),
    CONSTRAINT only_the_end_has_an_end CHECK ((state IN ('due', 'sending')) = (ended_at IS NULL)),
    CONSTRAINT not_sent_has_a_reason CHECK (state NOT IN ('suppressed', 'failed', 'ambiguous') OR reason <> '')
);
CREATE INDEX intent_due ON intent (due_at) WHERE state = 'due';
CREATE INDEX intent_open_by_employee ON intent (employee) WHERE state IN ('due', 'sending');
CREATE INDEX intent_open_by_giver ON intent (giver) WHERE state IN ('due', 'sending');

-- Each try to hand a message to a server, and what came of it.
CREATE TABLE attempt (
    message uuid NOT NULL REFERENCES message,
    number integer NOT NULL CHECK (number > 0),
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('sent', 'temporary', 'permanent', 'ambiguous', 'lapsed')),
    code text NOT NULL CHECK (length(code) <= 64),
    PRIMARY KEY (message, number)
);

-- What is not ended and must not be told any more: who it is for, or from, is erased, or it was taken back. Looked at
-- every few seconds, so it starts from the few: the erased, and what is open.
CREATE VIEW called_off AS
SELECT recognition, employee, message, bool_or(words_go) AS words_go
FROM (
    SELECT i.recognition, i.employee, i.message, true AS words_go
    FROM person AS p
    JOIN intent AS i ON i.employee = p.employee
    WHERE p.erased IS NOT NULL AND i.state IN ('due', 'sending')
    UNION ALL
    SELECT i.recognition, i.employee, i.message, true
    FROM person AS g
    JOIN intent AS i ON i.giver = g.employee
    WHERE g.erased = 'given' AND i.state IN ('due', 'sending')
    UNION ALL
    SELECT i.recognition, i.employee, i.message, false
    FROM intent AS i
    JOIN withdrawn AS w ON w.recognition = i.recognition
    WHERE i.state IN ('due', 'sending')
) AS reason
GROUP BY recognition, employee, message;
