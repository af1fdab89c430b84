-- Figures about units, as published: computed once a day for windows that ended at 00:00 UTC, never again.

-- The roster a unit's figures are counted over, frozen; replaced when at least five people of it have changed.
-- population  1 eligible: in the unit and active on the first day of the longest window
--             2 tenured: those of them who had been here for 90 days when the windows ended
CREATE TABLE gap_form (
    unit text COLLATE "C" NOT NULL,
    population smallint NOT NULL CHECK (population IN (1, 2)),
    since date NOT NULL,
    members text[] NOT NULL,
    PRIMARY KEY (unit, population)
);

-- Days whose figures are there: the row is the claim to compute them.
CREATE TABLE gap_day (
    day date PRIMARY KEY,
    computed_at timestamptz NOT NULL DEFAULT now()
);

-- One cell per day, metric and unit; unit '' is the whole organisation. Either a band or the reason for none.
-- people: the roster counted over; absent for a share of events, and where there is no band.
CREATE TABLE gap_figure (
    day date NOT NULL REFERENCES gap_day,
    metric text NOT NULL CHECK (
        metric IN ('coverage_7d', 'coverage_30d', 'never_recognised', 'effort_mix', 'notice_ratio')
    ),
    unit text COLLATE "C" NOT NULL,
    low double precision CHECK (low >= 0),
    high double precision CHECK (high <= 1),
    people integer,
    reason text CHECK (reason IN ('too_few_people', 'complement', 'too_few_contributors')),
    PRIMARY KEY (day, metric, unit),
    CONSTRAINT a_band_or_a_reason CHECK ((low IS NULL) = (high IS NULL) AND (low IS NULL) = (reason IS NOT NULL)),
    CONSTRAINT a_band_is_no_point CHECK (low < high),
    CONSTRAINT no_small_group CHECK (people IS NULL OR (people >= 5 AND low IS NOT NULL))
);
