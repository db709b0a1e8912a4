-- The event store: one append-only table in the layout of eventsourcing's PostgresApplicationRecorder.

CREATE TABLE nexus_migrations (
    name text PRIMARY KEY,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- Partitioned by the stream's id: exchanges have UUIDv7 ids, which begin with the time, so a month of them is a
-- range. The ids of aggregates are random and stay in the default partition. A unique index on notification_id is not
-- possible across partitions; the sequence, drawn under the append lock, keeps positions unique.
CREATE TABLE nexus_events (
    originator_id uuid NOT NULL,
    originator_version bigint NOT NULL,
    topic text,
    state bytea,
    notification_id bigserial,
    PRIMARY KEY (originator_id, originator_version)
) PARTITION BY RANGE (originator_id);

CREATE INDEX nexus_events_notification_id_idx ON nexus_events (notification_id);

-- The codec compresses; pglz would only try again.
ALTER TABLE nexus_events ALTER COLUMN state SET STORAGE EXTERNAL;

-- What the library's writers send their rows as.
CREATE TYPE stored_event_uuid AS (
    originator_id uuid,
    originator_version bigint,
    topic text,
    state bytea
);

CREATE FUNCTION nexus_refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'Events are append-only: % on % is refused.', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON nexus_events
    FOR EACH STATEMENT EXECUTE FUNCTION nexus_refuse_change();

-- What every partition gets. Rows are never changed: vacuum comes for the visibility map and freezes at once, so that
-- a closed month is never rewritten; analyze follows growth by a twentieth.
CREATE FUNCTION nexus_tune_partition(partition regclass) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    EXECUTE format(
        'ALTER TABLE %s SET (autovacuum_vacuum_insert_threshold = 50000, autovacuum_vacuum_insert_scale_factor = 0.05, '
        'autovacuum_freeze_min_age = 0, autovacuum_analyze_threshold = 10000, autovacuum_analyze_scale_factor = 0.05)',
        partition);
END
$$;

-- A statement trigger fires only on the table that the statement names, so each partition has its own.
CREATE FUNCTION nexus_protect_partition(partition regclass) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    EXECUTE format(
        'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %s '
        'FOR EACH STATEMENT EXECUTE FUNCTION nexus_refuse_change()',
        partition);
END
$$;

CREATE TABLE nexus_events_default PARTITION OF nexus_events DEFAULT;
SELECT nexus_tune_partition('nexus_events_default');
SELECT nexus_protect_partition('nexus_events_default');

-- The smallest UUIDv7 of a moment.
CREATE FUNCTION nexus_first_uuid(moment timestamptz) RETURNS uuid
    LANGUAGE sql
    IMMUTABLE
    AS $$
    SELECT (lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

-- Make the partition of a month (UTC); NULL if it is there, or if rows of that month already lie in the default
-- partition: there they stay, which costs nothing but the tidy cut.
CREATE FUNCTION nexus_add_month(parent regclass, first_day date) RETURNS text
    LANGUAGE plpgsql
    AS $$
DECLARE
    partition text := parent::text || to_char(first_day, '_YYYY_MM');
    opens uuid := nexus_first_uuid(first_day::timestamp AT TIME ZONE 'UTC');
    closes uuid := nexus_first_uuid((first_day + interval '1 month') AT TIME ZONE 'UTC');
BEGIN
    IF to_regclass(partition) IS NOT NULL THEN
        RETURN NULL;
    END IF;
    EXECUTE format('CREATE TABLE %I PARTITION OF %s FOR VALUES FROM (%L) TO (%L)', partition, parent, opens, closes);
    PERFORM nexus_tune_partition(partition::regclass);
    IF parent = 'nexus_events'::regclass THEN
        PERFORM nexus_protect_partition(partition::regclass);
    END IF;
    RETURN partition;
EXCEPTION
    WHEN check_violation THEN
        RETURN NULL;
END
$$;
