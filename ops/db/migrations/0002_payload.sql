-- Payload: the bytes that events refer to. Erasure, retention and encryption touch these tables, never the log.
-- codec: 0 raw, 1 zstd. key_id: the encryption key of the row; NULL: not encrypted.

CREATE TABLE scopes (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scope text NOT NULL UNIQUE,
    key bytea NOT NULL,
    key_id integer,
    wrap smallint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN scopes.key IS 'HMAC key of the scope, wrapped as "wrap" says (0: as it is) with master key key_id';

-- No foreign key to scopes: it would lock the scope's row once for every part.
CREATE TABLE parts (
    scope_id integer NOT NULL,
    key bytea NOT NULL CHECK (octet_length(key) = 16),
    codec smallint NOT NULL,
    key_id integer,
    raw_length integer NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (scope_id, key)
);
ALTER TABLE parts ALTER COLUMN data SET STORAGE EXTERNAL;
SELECT nexus_tune_partition('parts');

CREATE TABLE chunks (
    request_id uuid NOT NULL,
    "offset" bigint NOT NULL,
    codec smallint NOT NULL,
    key_id integer,
    raw_length integer NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (request_id, "offset")
) PARTITION BY RANGE (request_id);
ALTER TABLE chunks ALTER COLUMN data SET STORAGE EXTERNAL;
CREATE TABLE chunks_default PARTITION OF chunks DEFAULT;
SELECT nexus_tune_partition('chunks_default');

-- How far each journal is shipped. Updated with every batch, so its pages keep room for the next version of a row.
CREATE TABLE journals (
    journal_id uuid PRIMARY KEY,
    segment integer NOT NULL,
    "offset" bigint NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- Exchanges whose first event a journal brought and whose terminal event is still to come. Small: rows go with the end
-- of the exchange or of the journal.
CREATE TABLE open_exchanges (
    journal_id uuid NOT NULL,
    request_id uuid NOT NULL,
    PRIMARY KEY (journal_id, request_id)
);
