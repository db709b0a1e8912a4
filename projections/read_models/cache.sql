-- Each request of a line of talk as the prompt cache sees it, and what became of the cache in it.
-- A session or agent of '' means that there is none; digests are 16 bytes of a hash, kept as uuid.
CREATE TABLE cache_prompts (
    request_id uuid PRIMARY KEY,
    received_at timestamptz NOT NULL,
    answering_at timestamptz,
    ended_at timestamptz,
    scope text NOT NULL,
    session text NOT NULL,
    agent text NOT NULL,
    talks boolean NOT NULL,                -- it continues the line of talk: the next request is compared with it
    whole boolean NOT NULL,                -- all its blocks are recorded
    opening uuid,                          -- of the first text,
    frame uuid,                            -- and of tools and system prompt: by one of them the line is known again
    continues boolean NOT NULL,
    segments uuid[] NOT NULL,
    marks jsonb NOT NULL,                  -- [[number of the block, lifetime], …]
    model text NOT NULL,
    organisation text NOT NULL,
    settings jsonb NOT NULL,               -- [[name, JSON], …]
    betas text[] NOT NULL,
    answered boolean NOT NULL,             -- the answer says what was used
    cached bigint NOT NULL,                -- tokens in the cache afterwards
    used jsonb,
    client_domain text NOT NULL,
    account text NOT NULL,
    project text,
    service_tier text NOT NULL,
    speed text NOT NULL,
    inference_geo text NOT NULL
);
CREATE INDEX cache_prompts_by_thread ON cache_prompts (scope, session, agent, received_at, request_id);
CREATE INDEX cache_prompts_by_opening ON cache_prompts (scope, session, agent, opening, received_at, request_id)
    WHERE talks AND answered AND whole;
CREATE INDEX cache_prompts_by_frame ON cache_prompts (scope, session, agent, frame, received_at, request_id)
    WHERE talks AND answered AND whole;

-- Up to 32 blocks each, written once a scope.
CREATE TABLE cache_segments (
    segment uuid PRIMARY KEY,
    pieces bytea NOT NULL
);

CREATE TABLE cache_verdicts (
    request_id uuid PRIMARY KEY,
    received_at timestamptz NOT NULL,
    previous_request_id uuid,
    cause text NOT NULL,
    certainty text NOT NULL,
    detail text NOT NULL,
    stable_blocks int,
    stable_tokens bigint,
    stable_estimated boolean NOT NULL,
    divergence jsonb,                      -- {"section", "place", "name", "role", "kind"}
    lost_tokens bigint NOT NULL,
    rewritten_5m_tokens bigint NOT NULL,
    rewritten_1h_tokens bigint NOT NULL,
    rewritten_input_tokens bigint NOT NULL,
    rewritten_estimated boolean NOT NULL,
    prompt_tokens bigint NOT NULL,         -- all of the request, however they were paid
    long_context boolean NOT NULL,
    model text NOT NULL,
    client_domain text NOT NULL,
    account text NOT NULL,
    project text,
    service_tier text NOT NULL,
    speed text NOT NULL,
    inference_geo text NOT NULL
);
-- Sums are read from these alone: of all requests only their tokens, of the few misses whatever they are grouped by.
CREATE INDEX cache_verdicts_by_time ON cache_verdicts (received_at) INCLUDE (prompt_tokens);
CREATE INDEX cache_verdicts_of_misses ON cache_verdicts (received_at)
    INCLUDE (request_id, cause, certainty, model, service_tier, speed, inference_geo, long_context, client_domain,
        account, project, rewritten_5m_tokens, rewritten_1h_tokens, rewritten_input_tokens, rewritten_estimated)
    WHERE cause NOT IN ('none', 'first', 'compaction');
