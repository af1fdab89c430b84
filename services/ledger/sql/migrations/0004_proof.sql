-- Tamper evidence; what the bytes mean is in docs/proof.md.

-- Proof of each batch of the entries topic: leaf hashes of its entries in order of offset, their root, the head of the
-- partition's tree with this batch as its last leaf, and the peaks from which that tree goes on.
-- The leaves are kept so that a fault has a name and a proof costs no walk through history.
CREATE TABLE batch_proof (
    partition integer NOT NULL,
    tree_index bigint NOT NULL CHECK (tree_index >= 0),
    first_offset bigint NOT NULL,
    leaves bytea NOT NULL CHECK (octet_length(leaves) % 32 = 0),
    root bytea NOT NULL CHECK (octet_length(root) = 32),
    head bytea NOT NULL CHECK (octet_length(head) = 32),
    peaks bytea NOT NULL CHECK (octet_length(peaks) % 32 = 0),
    PRIMARY KEY (partition, tree_index),
    UNIQUE (partition, first_offset)
);
-- Hashes do not compress.
ALTER TABLE batch_proof ALTER COLUMN leaves SET STORAGE EXTERNAL;

-- Every public key (Ed25519, raw) that ever signed here, or is named as retired.
CREATE TABLE checkpoint_key (
    key_id text COLLATE "C" PRIMARY KEY,
    public_key bytea NOT NULL CHECK (octet_length(public_key) = 32),
    first_seen_at timestamptz NOT NULL DEFAULT now()
);

-- Signed statements of how far each partition's tree had come: one for a size, whoever signed first.
CREATE TABLE checkpoint (
    partition integer NOT NULL,
    tree_size bigint NOT NULL CHECK (tree_size > 0),
    head bytea NOT NULL CHECK (octet_length(head) = 32),
    signed_at timestamptz NOT NULL,
    key_id text COLLATE "C" NOT NULL REFERENCES checkpoint_key,
    signature bytea NOT NULL CHECK (octet_length(signature) = 64),
    PRIMARY KEY (partition, tree_size)
);
CREATE INDEX checkpoint_key_id ON checkpoint (key_id, signed_at);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON batch_proof
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON checkpoint_key
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
