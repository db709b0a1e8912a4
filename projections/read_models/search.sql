-- Everything that was said, to be searched: each text once a scope, in pieces, and where each line of talk said it first.
-- A digest is 16 bytes of a hash, kept as uuid.
CREATE TABLE search_pieces (
    said uuid NOT NULL,                    -- of the scope, the kind and the words
    number int NOT NULL,                   -- from 0
    scope text NOT NULL,
    kind text NOT NULL,                    -- text, thinking, tool_input, tool_result
    is_error boolean NOT NULL,             -- a tool says that it failed
    content text NOT NULL,                 -- keys hidden
    words tsvector NOT NULL,               -- by domain/search_words.py
    PRIMARY KEY (said, number)
);
CREATE INDEX search_pieces_by_word ON search_pieces USING gin (words);

CREATE TABLE search_places (
    thread uuid NOT NULL,                  -- of scope, session and agent
    said uuid NOT NULL,
    received_at timestamptz NOT NULL,      -- of the request
    request_id uuid NOT NULL,
    in_answer boolean NOT NULL,
    place int NOT NULL,                    -- of the block in the request, or in the answer
    role text NOT NULL,
    tool_name text NOT NULL,               -- '': no tool
    aside boolean NOT NULL,                -- a call of the client's own, such as for a title
    PRIMARY KEY (thread, said)
);
CREATE INDEX search_places_by_said ON search_places (said);
CREATE INDEX search_places_by_time ON search_places (received_at DESC, request_id DESC, said);

-- The first request of a thread that says all up to here.
CREATE TABLE search_marks (
    mark uuid PRIMARY KEY,
    received_at timestamptz NOT NULL,
    request_id uuid NOT NULL
);
