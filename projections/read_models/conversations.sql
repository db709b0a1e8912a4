-- What linking knows of each exchange, the trie of what was said, and the links that follow.
-- A node is 16 bytes of a hash, kept as uuid.
CREATE TABLE exchanges (
    request_id uuid PRIMARY KEY,
    received_at timestamptz NOT NULL,
    scope text NOT NULL,
    client_domain text NOT NULL,
    session text,
    agent text,
    parent_agent text,
    device text,
    declared_class text NOT NULL,
    class_evidence jsonb NOT NULL,
    side boolean NOT NULL,
    history boolean NOT NULL,
    depth int NOT NULL,
    request_node uuid,
    answer_node uuid,
    state text NOT NULL,
    prompt uuid,
    title text NOT NULL,
    asked text NOT NULL,
    continuation text NOT NULL,
    summary text NOT NULL
);
CREATE INDEX exchanges_by_request_node ON exchanges (request_node, session, agent);
CREATE INDEX exchanges_by_answer_node ON exchanges (answer_node) WHERE answer_node IS NOT NULL;
CREATE INDEX exchanges_by_thread ON exchanges (scope, session, agent, received_at, request_id);
CREATE INDEX exchanges_by_prompt ON exchanges (scope, session, prompt) WHERE NOT history;
CREATE INDEX exchanges_with_summary ON exchanges (scope, session) WHERE summary <> '';
CREATE INDEX exchanges_with_continuation ON exchanges (scope, session) WHERE continuation <> '';

CREATE TABLE nodes (
    node uuid PRIMARY KEY,
    parent uuid
);

-- Calls of the tool that starts a sub-agent, in recorded answers.
CREATE TABLE tasks (
    request_id uuid NOT NULL,
    ordinal int NOT NULL,
    scope text NOT NULL,
    session text,
    tool_use_id text NOT NULL,
    prompt uuid NOT NULL,
    agent_type text NOT NULL,
    description text NOT NULL,
    PRIMARY KEY (request_id, ordinal)
);
CREATE INDEX tasks_by_prompt ON tasks (scope, session, prompt);
CREATE INDEX tasks_by_tool_use ON tasks (scope, tool_use_id);

-- What clients said of which call started which agent.
CREATE TABLE mentions (
    scope text NOT NULL,
    session text NOT NULL,
    agent text NOT NULL,
    tool_use_id text NOT NULL,
    PRIMARY KEY (scope, session, agent, tool_use_id)
);
CREATE INDEX mentions_by_tool_use ON mentions (scope, session, tool_use_id);

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
    depth int NOT NULL
);
CREATE INDEX links_by_parent ON links (parent_request_id);
CREATE INDEX links_by_conversation ON links (conversation_id, received_at, request_id);
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
