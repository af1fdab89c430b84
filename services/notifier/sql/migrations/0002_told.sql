-- Recognitions whose end is in the log of deliveries and that have no intent here: this database is younger than the
-- log, for it was rebuilt or restored. A row goes when its recognition arrives, which is then told to nobody.
CREATE TABLE told (
    recognition uuid NOT NULL,
    employee text COLLATE "C" NOT NULL,
    PRIMARY KEY (recognition, employee)
);
