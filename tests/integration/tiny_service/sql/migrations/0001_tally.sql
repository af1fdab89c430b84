-- The numbers seen, in order.
CREATE TABLE tally (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n integer NOT NULL UNIQUE);
