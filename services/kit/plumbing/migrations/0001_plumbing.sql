-- Where each partition stands. The row is the fence: its epoch names the owner.
CREATE TABLE consumer_position (
    topic text NOT NULL,
    partition integer NOT NULL CHECK (partition >= 0),
    cluster_id text NOT NULL,
    epoch bigint NOT NULL CHECK (epoch > 0),
    first_offset bigint NOT NULL CHECK (first_offset >= 0),
    next_offset bigint NOT NULL CHECK (next_offset >= first_offset),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);

-- One row per stored batch and partition: every offset has exactly one outcome. `control` are offsets the log
-- never showed: transaction markers, compacted or aborted records.
CREATE TABLE batch (
    topic text NOT NULL,
    partition integer NOT NULL,
    epoch bigint NOT NULL,
    first_offset bigint NOT NULL,
    next_offset bigint NOT NULL CHECK (next_offset > first_offset),
    applied int8multirange NOT NULL,
    duplicate int8multirange NOT NULL,
    rejected int8multirange NOT NULL,
    parked int8multirange NOT NULL,
    ignored int8multirange NOT NULL,
    control int8multirange NOT NULL,
    committed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition, first_offset),
    CONSTRAINT every_offset_has_an_outcome CHECK (
        applied + duplicate + rejected + parked + ignored + control
        = int8multirange(int8range(first_offset, next_offset))
    )
);

-- Events to publish: a row holds many records (MessagePack: topic, key, value, headers each).
CREATE SEQUENCE outbox_id_seq AS bigint;
CREATE TABLE outbox (
    id bigint PRIMARY KEY,
    record_count integer NOT NULL CHECK (record_count > 0),
    records bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Records a broker refused for good.
CREATE TABLE outbox_aside (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    key bytea,
    value bytea,
    headers bytea NOT NULL,
    code text NOT NULL,
    set_aside_at timestamptz NOT NULL DEFAULT now()
);
