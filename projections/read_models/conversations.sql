-- What linking knows of each exchange, the trie of what was said, and the links that follow.
-- A node is 16 bytes of a hash, kept as uuid. A session or agent of '' means that there is none.
CREATE TABLE exchanges (
    request_id uuid PRIMARY KEY,
    received_at timestamptz NOT NULL,
    ended_at timestamptz,
    scope text NOT NULL,
    client_domain text NOT NULL,
    session text NOT NULL,
    agent text NOT NULL,
    parent_agent text NOT NULL,
    device text NOT NULL,
    declared_class text NOT NULL,
    class_evidence jsonb NOT NULL,
    side boolean NOT NULL,
    helper boolean NOT NULL,
    history boolean NOT NULL,
    depth int NOT NULL,
    first_node uuid,
    request_node uuid,
    held_before uuid,                      -- of the newest answer in the request: the node it stands on,
    held_before_depth int NOT NULL,
    held_depth int NOT NULL,               -- where it ends,
    held_content uuid,                     -- what it says,
    held_last_content uuid,                -- and its last message,
    held_chars int NOT NULL,               -- its text,
    held_text uuid,
    held_tool_uses text[] NOT NULL,        -- the calls in it,
    held_signed uuid,                      -- and the signatures of all thinking up to there
    answer_node uuid,
    answer_content uuid,
    answer_tool_uses text[] NOT NULL,
    signed uuid,                           -- signatures of all thinking in request and answer
    cut_text text NOT NULL,
    state text NOT NULL,
    prompt uuid,
    title text NOT NULL,
    asked text NOT NULL,
    opening uuid,                          -- texts that may hand on a summary
    continuation uuid,
    summary text NOT NULL,
    session_title text NOT NULL
);
CREATE INDEX exchanges_by_request_node ON exchanges (request_node, session, agent);
CREATE INDEX exchanges_by_answer_node ON exchanges (answer_node) WHERE answer_node IS NOT NULL;
CREATE INDEX exchanges_by_first_node ON exchanges (first_node, received_at, request_id);
CREATE INDEX exchanges_by_session ON exchanges (scope, session, received_at, request_id) WHERE session <> '';
CREATE INDEX exchanges_by_thread ON exchanges (scope, session, agent, received_at, request_id);
CREATE INDEX exchanges_by_prompt ON exchanges (scope, session, prompt) WHERE NOT history;
CREATE INDEX exchanges_with_summary ON exchanges (scope, session) WHERE summary <> '';
CREATE INDEX exchanges_with_continuation ON exchanges (scope, received_at, request_id) WHERE continuation IS NOT NULL;
CREATE INDEX exchanges_with_title ON exchanges (scope, session, received_at, request_id) WHERE session_title <> '';

CREATE TABLE nodes (
    node uuid PRIMARY KEY,
    parent uuid
);

-- Each text that may hand on a summary, once.
CREATE TABLE texts (
    text_id uuid PRIMARY KEY,
    content text NOT NULL
);

-- Calls that may have started a sub-agent, in recorded answers.
CREATE TABLE tasks (
    request_id uuid NOT NULL,
    ordinal int NOT NULL,
    scope text NOT NULL,
    session text NOT NULL,
    tool_use_id text NOT NULL,
    prompt uuid NOT NULL,
    agent_type text NOT NULL,
    description text NOT NULL,
    PRIMARY KEY (request_id, ordinal)
);
CREATE INDEX tasks_by_prompt ON tasks (scope, session, prompt);
CREATE INDEX tasks_by_tool_use ON tasks (scope, session, tool_use_id);

-- What clients said of which call started which agent.
CREATE TABLE mentions (
    scope text NOT NULL,
    session text NOT NULL,
    agent text NOT NULL,
    tool_use_id text NOT NULL,
    reported_tokens bigint,                -- the client's own figure of what the agent used; null: it gave none
    PRIMARY KEY (scope, session, agent, tool_use_id)
);
CREATE INDEX mentions_by_tool_use ON mentions (scope, session, tool_use_id);

-- What people said of a request's place, as it stands.
CREATE TABLE corrections (
    request_id uuid PRIMARY KEY,
    parent_request_id uuid,                -- null: it is a root
    who text NOT NULL,
    why text NOT NULL
);
CREATE INDEX corrections_by_parent ON corrections (parent_request_id);

CREATE TABLE links (
    request_id uuid PRIMARY KEY,
    received_at timestamptz NOT NULL,
    request_class text NOT NULL,
    own_edge text NOT NULL,                -- before its siblings were asked
    edge text NOT NULL,
    parent_request_id uuid,
    confidence double precision NOT NULL,
    evidence jsonb NOT NULL,               -- [{"kind": …, "detail": …}], of the class and of the edge
    tool_use_id text,
    conversation_id uuid,
    branch_id uuid,
    depth int NOT NULL,
    subtask_id uuid                        -- first exchange of the innermost sub-task around it
);
CREATE INDEX links_by_parent ON links (parent_request_id);
CREATE INDEX links_by_conversation ON links (conversation_id, received_at, request_id);
CREATE INDEX links_by_subtask ON links (subtask_id) WHERE subtask_id IS NOT NULL;
CREATE INDEX links_by_class ON links (request_class, received_at DESC, request_id DESC);

CREATE TABLE conversations (
    conversation_id uuid PRIMARY KEY,
    scope text NOT NULL,
    client_domain text NOT NULL,
    title text NOT NULL,
    started_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL
);
CREATE INDEX conversations_by_time ON conversations (last_at DESC, conversation_id DESC);

-- Who and what used it: all that usage is added up by, but for the conversation. A text of '' is not said.
CREATE TABLE usage_groups (
    group_id uuid PRIMARY KEY,             -- digest of the others
    scope text NOT NULL,
    account text NOT NULL,                 -- who pays, else the scope
    client_domain text NOT NULL,
    key_id text NOT NULL,
    device text NOT NULL,
    project text NOT NULL,
    model text NOT NULL,
    request_class text NOT NULL,
    agent_type text NOT NULL,
    service_tier text NOT NULL,
    speed text NOT NULL,
    inference_geo text NOT NULL,
    long_context boolean NOT NULL,
    estimated boolean NOT NULL
);

-- What each exchange used: a row for each billed line, at least one.
CREATE TABLE usage_lines (
    request_id uuid NOT NULL,
    received_at timestamptz NOT NULL,
    group_id uuid NOT NULL,
    line int NOT NULL,                     -- what is counted by exchange stands on line 0
    requests bigint NOT NULL,
    failed bigint NOT NULL,
    aborted bigint NOT NULL,
    unrecorded bigint NOT NULL,            -- answers whose use cannot be told from what could be kept of them
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    estimated_output_tokens bigint NOT NULL,
    thinking_tokens bigint NOT NULL,
    cache_read_tokens bigint NOT NULL,
    cache_write_5m_tokens bigint NOT NULL,
    cache_write_1h_tokens bigint NOT NULL,
    web_searches bigint NOT NULL,
    conversation_id uuid,
    branch_id uuid,
    kind text NOT NULL,
    said_project text NOT NULL,            -- by the request itself
    said_agent_type text NOT NULL,
    PRIMARY KEY (request_id, line)
);
CREATE INDEX usage_lines_by_time ON usage_lines (received_at);
CREATE INDEX usage_lines_by_conversation ON usage_lines (conversation_id, received_at);
CREATE INDEX usage_lines_by_branch ON usage_lines (branch_id, received_at);

-- Sums of the lines: by 15 minutes, by the day and the month of UTC, and by that day and branch. A sum of no line is no row.
CREATE TABLE usage_quarters (
    starts_at timestamptz NOT NULL,
    group_id uuid NOT NULL,
    lines bigint NOT NULL,
    requests bigint NOT NULL,
    failed bigint NOT NULL,
    aborted bigint NOT NULL,
    unrecorded bigint NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    estimated_output_tokens bigint NOT NULL,
    thinking_tokens bigint NOT NULL,
    cache_read_tokens bigint NOT NULL,
    cache_write_5m_tokens bigint NOT NULL,
    cache_write_1h_tokens bigint NOT NULL,
    web_searches bigint NOT NULL,
    PRIMARY KEY (starts_at, group_id)
);
CREATE TABLE usage_days (
    starts_at timestamptz NOT NULL,
    group_id uuid NOT NULL,
    lines bigint NOT NULL,
    requests bigint NOT NULL,
    failed bigint NOT NULL,
    aborted bigint NOT NULL,
    unrecorded bigint NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    estimated_output_tokens bigint NOT NULL,
    thinking_tokens bigint NOT NULL,
    cache_read_tokens bigint NOT NULL,
    cache_write_5m_tokens bigint NOT NULL,
    cache_write_1h_tokens bigint NOT NULL,
    web_searches bigint NOT NULL,
    PRIMARY KEY (starts_at, group_id)
);
CREATE INDEX usage_days_by_group ON usage_days (group_id);
CREATE TABLE usage_months (
    starts_at timestamptz NOT NULL,
    group_id uuid NOT NULL,
    lines bigint NOT NULL,
    requests bigint NOT NULL,
    failed bigint NOT NULL,
    aborted bigint NOT NULL,
    unrecorded bigint NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    estimated_output_tokens bigint NOT NULL,
    thinking_tokens bigint NOT NULL,
    cache_read_tokens bigint NOT NULL,
    cache_write_5m_tokens bigint NOT NULL,
    cache_write_1h_tokens bigint NOT NULL,
    web_searches bigint NOT NULL,
    PRIMARY KEY (starts_at, group_id)
);
CREATE TABLE usage_conversations (
    starts_at timestamptz NOT NULL,
    group_id uuid NOT NULL,
    conversation_id uuid NOT NULL,         -- 0: none
    branch_id uuid NOT NULL,
    lines bigint NOT NULL,
    requests bigint NOT NULL,
    failed bigint NOT NULL,
    aborted bigint NOT NULL,
    unrecorded bigint NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    estimated_output_tokens bigint NOT NULL,
    thinking_tokens bigint NOT NULL,
    cache_read_tokens bigint NOT NULL,
    cache_write_5m_tokens bigint NOT NULL,
    cache_write_1h_tokens bigint NOT NULL,
    web_searches bigint NOT NULL,
    PRIMARY KEY (starts_at, group_id, conversation_id, branch_id)
);
