-- What each service said of an erasure it carried out; with `erasure`, all that a receipt is made of. Ids and numbers
-- only. Carried out again after a restore it is told again, under the same erasure.
CREATE TABLE erasure_report (
    employee text COLLATE "C" NOT NULL,
    service text COLLATE "C" NOT NULL CHECK (service IN ('recognition', 'ledger', 'notifier')),
    erasure_source text COLLATE "C" NOT NULL,
    erasure_id text COLLATE "C" NOT NULL,
    scope smallint NOT NULL CHECK (scope BETWEEN 1 AND 2),
    finished_at timestamptz NOT NULL,
    gone jsonb NOT NULL,  -- what was deleted → how many
    formerly text[] NOT NULL,  -- ids the person had before, as far as the service knew
    kafka_until date NOT NULL,
    backups_until date NOT NULL,
    PRIMARY KEY (employee, service, erasure_source, erasure_id)
);
