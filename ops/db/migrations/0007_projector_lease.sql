-- Which projector leads: one row, made by the first that asks. The epoch is in a unique index so that raising it, and
-- nothing else, waits for the commits that hold the row FOR KEY SHARE.
CREATE TABLE projector_lease (
    name text PRIMARY KEY,
    epoch bigint NOT NULL,
    holder uuid NOT NULL,
    expires_at timestamptz NOT NULL,
    UNIQUE (name, epoch)
) WITH (fillfactor = 50);
COMMENT ON COLUMN projector_lease.expires_at IS 'by the clock of this database, which is the only one that counts';
