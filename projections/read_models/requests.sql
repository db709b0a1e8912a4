-- One row per exchange: what was asked, what came back, how long it took, what it used.
CREATE TABLE requests (
    request_id uuid PRIMARY KEY,
    position bigint NOT NULL,              -- of the exchange's newest event
    received_at timestamptz NOT NULL,
    completed_at timestamptz,
    mode text,
    method text,
    path text,                             -- with query, as on the request line
    client_domain text,
    scope text,
    account text,
    key_id text,
    project text,
    session_id text,
    agent_id text,
    user_agent text,
    model text,
    streamed boolean,
    parsable boolean NOT NULL,             -- the body is a JSON object
    request_bytes bigint,
    deferred boolean NOT NULL,
    status int,
    origin text,                           -- who answered: upstream or gateway
    outcome text NOT NULL,                 -- open, completed, client, upstream, timeout, shutdown, gateway_crash
    detail text NOT NULL,
    stop_reason text,
    error_type text,
    error_message text,
    answer_bytes bigint,
    gaps int NOT NULL,
    missing_bytes bigint NOT NULL,
    input_tokens bigint,
    output_tokens bigint,
    thinking_tokens bigint,
    cache_read_tokens bigint,
    cache_write_5m_tokens bigint,
    cache_write_1h_tokens bigint,
    time_to_first_byte_us bigint,
    duration_us bigint,
    upstream_request_id text
);
CREATE INDEX requests_by_time ON requests (received_at DESC, request_id DESC);
CREATE INDEX requests_by_session ON requests (session_id, received_at DESC, request_id DESC);
CREATE INDEX requests_by_position ON requests (position);
CREATE INDEX requests_by_model ON requests (model, received_at DESC, request_id DESC);
CREATE INDEX requests_by_status ON requests (status, received_at DESC, request_id DESC);
CREATE INDEX requests_by_outcome ON requests (outcome, received_at DESC, request_id DESC);
-- What a client key, and all keys of an account together, used lately.
CREATE INDEX requests_by_key ON requests (key_id, received_at) WHERE key_id IS NOT NULL;
CREATE INDEX requests_by_account ON requests (account, received_at) WHERE key_id IS NOT NULL;
-- What whoever pays used, for windows that no header tells of.
CREATE INDEX requests_by_payer ON requests (coalesce(account, scope), received_at);
-- Whose, and of what: the newest first.
CREATE INDEX requests_by_project ON requests (project, received_at DESC, request_id DESC) WHERE project IS NOT NULL;
-- The most and the least of something. What has not ended has none of it.
CREATE INDEX requests_by_prompt ON requests (
    (input_tokens + cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens), request_id
) WHERE (input_tokens + cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens) IS NOT NULL;
CREATE INDEX requests_by_output ON requests (output_tokens, request_id) WHERE output_tokens IS NOT NULL;
CREATE INDEX requests_by_first_byte ON requests (time_to_first_byte_us, request_id)
    WHERE time_to_first_byte_us IS NOT NULL;
CREATE INDEX requests_by_duration ON requests (duration_us, request_id) WHERE duration_us IS NOT NULL;
