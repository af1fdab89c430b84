-- When a person's directory record, or their wishes, were last taken away by a tombstone: an older record that comes
-- late must not bring them back. A newer one does, and leaves this row as it is.
CREATE TABLE removal (
    employee text COLLATE "C" NOT NULL,
    of_what text NOT NULL CHECK (of_what IN ('person', 'preference')),
    removed_at timestamptz NOT NULL,
    PRIMARY KEY (employee, of_what)
);
