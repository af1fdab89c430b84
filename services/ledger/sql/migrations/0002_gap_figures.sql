-- Figures about units, as published: computed once a day for windows that ended at 00:00 UTC, never again.

-- The people a unit's figures are counted over, frozen; unit '' is everybody. Replaced when at least five people have
-- changed. since: the day it replaced another, from whose days its windows keep away; NULL if nothing came before.
CREATE TABLE gap_form (
    unit text COLLATE "C" PRIMARY KEY,
    formed_on date NOT NULL,
    since date,
    members text[] NOT NULL
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
        metric IN (
            'coverage_7d', 'coverage_30d', 'manager_coverage', 'giver_participation', 'effort_mix', 'growth_gap',
            'purpose_gap', 'purpose_people', 'ownership_gap', 'notice_ratio', 'gini', 'gini_by_chance', 'ripple',
            'top_decile_share', 'reciprocity', 'one_sided_giving', 'isolation', 'equity_tenure_1y', 'equity_tenure_3y'
        )
    ),
    unit text COLLATE "C" NOT NULL,
    low double precision,
    high double precision,
    people integer,
    reason text CHECK (reason IN ('too_few_people', 'complement', 'too_few_contributors', 'roster_changed', 'no_manager')),
    PRIMARY KEY (day, metric, unit),
    CONSTRAINT a_band_or_a_reason CHECK ((low IS NULL) = (high IS NULL) AND (low IS NULL) = (reason IS NOT NULL)),
    CONSTRAINT a_band_is_no_point CHECK (low < high),
    -- The difference of two shares, and the quotient of two, are figures of everybody alone.
    CONSTRAINT a_share_is_a_share CHECK ((low >= 0 AND high <= 1) OR (unit = '' AND low >= -1)),
    CONSTRAINT no_small_group CHECK (people IS NULL OR (people >= 5 AND low IS NOT NULL))
);
