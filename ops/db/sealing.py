"""How does an append put its seal on the events it brings? One statement for our writer, one for the library's.

Whoever seals holds the append lock since an earlier statement and reads committed rows: the newest seal it sees is the
one before.
"""

INSERT_SEALED_EVENTS = """
WITH appended AS (
    INSERT INTO nexus_events (originator_id, originator_version, topic, state)
    SELECT id, version, topic, state
    FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::bytea[])
        WITH ORDINALITY AS new (id, version, topic, state, place)
    ORDER BY place
    RETURNING notification_id
), span AS (
    SELECT min(notification_id) AS first, max(notification_id) AS last FROM appended
)
INSERT INTO event_seals (first_position, last_position, marks, digest, lowest, highest)
SELECT span.first, span.last, $5, sha256(
    coalesce((SELECT digest FROM event_seals ORDER BY last_position DESC LIMIT 1), ''::bytea)
    || int8send(span.first) || int8send(span.last) || $6::bytea
), (SELECT id FROM unnest($1::uuid[]) AS id ORDER BY id LIMIT 1),
(SELECT id FROM unnest($1::uuid[]) AS id ORDER BY id DESC LIMIT 1)
FROM span
"""

INSERT_SEAL = """
INSERT INTO event_seals (first_position, last_position, marks, digest, lowest, highest)
SELECT span.first, span.last, %s, sha256(
    coalesce((SELECT digest FROM event_seals ORDER BY last_position DESC LIMIT 1), ''::bytea)
    || int8send(span.first) || int8send(span.last) || %s::bytea
), %s, %s
FROM (SELECT %s::bigint AS first, %s::bigint AS last) AS span
"""
"""For events that are inserted already: marks, digest of the contents, lowest and highest stream, first and last
position."""

READ_COMMITTED = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED"
