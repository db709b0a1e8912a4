-- Checkpoints in the layout of eventsourcing's single-row tracking table, and the registry of projection builds.

CREATE TABLE nexus_tracking (
    application_name text,
    notification_id bigint,
    PRIMARY KEY (application_name)
) WITH (fillfactor = 50);

-- Tells the library that this table has the single-row layout.
INSERT INTO nexus_tracking VALUES ('__migration__', 1);

-- Each build of a projection has its tables in a schema of its own; views in schema "read" show the live ones.
CREATE TABLE projections (
    name text NOT NULL,
    version integer NOT NULL,
    build integer NOT NULL,
    schema text NOT NULL UNIQUE,
    state text NOT NULL CHECK (state IN ('building', 'live', 'retired')),
    created_at timestamptz NOT NULL DEFAULT now(),
    switched_at timestamptz,
    PRIMARY KEY (name, build)
);
CREATE UNIQUE INDEX projections_one_live ON projections (name) WHERE state = 'live';

CREATE SCHEMA read;
