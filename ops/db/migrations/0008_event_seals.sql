-- An independent chain of checksums over the log: one row for each transaction that appended events, written by that
-- transaction while it held the append lock. ops/db/seals.py says what is hashed.
--
-- Events that were there before have no seal; `nexus store check` counts them.
CREATE TABLE event_seals (
    last_position bigint PRIMARY KEY,
    first_position bigint NOT NULL CHECK (first_position <= last_position),
    marks bytea NOT NULL,
    digest bytea NOT NULL CHECK (octet_length(digest) = 32)
);
COMMENT ON COLUMN event_seals.marks IS 'the CRC32 of each event, four bytes, in the order of positions';
COMMENT ON COLUMN event_seals.digest IS 'SHA-256 of the digest before, both positions and the SHA-256 of the events';

-- Checksums: nothing to compress.
ALTER TABLE event_seals ALTER COLUMN marks SET STORAGE EXTERNAL;
SELECT nexus_tune_partition('event_seals');
SELECT nexus_protect_partition('event_seals');
