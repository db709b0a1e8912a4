-- What answers told of an account's limits: of each gauge the newest sighting of every minute (span 1) and of every
-- quarter of an hour or hour (span 15 or 60, by the window's length), so that weeks can be read without their minutes.
CREATE TABLE limit_sightings (
    account_key text NOT NULL,             -- the account, else the scope
    span int NOT NULL,                     -- minutes of a bucket
    bucket timestamptz NOT NULL,           -- its beginning
    kind text NOT NULL,                    -- window, overall, overage, key; bare: an answer without such headers
    gauge text NOT NULL,
    seen_at timestamptz NOT NULL,
    request_id uuid NOT NULL,
    scope text NOT NULL,
    key_id text,
    client_domain text NOT NULL,
    status text,
    utilization double precision,
    resets_at timestamptz,
    surpassed boolean NOT NULL,
    threshold double precision,
    facts jsonb NOT NULL,
    unknown jsonb NOT NULL,
    malformed jsonb NOT NULL,
    PRIMARY KEY (account_key, span, bucket, kind, gauge)
);
CREATE INDEX limit_sightings_by_time ON limit_sightings (span, bucket, account_key);
