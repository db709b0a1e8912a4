-- Exchanges that a projection could not take in: set aside so that the others go on, tried again by a rebuild.
CREATE TABLE projection_failures (
    name text NOT NULL,
    build integer NOT NULL,
    request_id uuid NOT NULL,
    position bigint NOT NULL,
    error text NOT NULL,
    failed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, build, request_id)
);
