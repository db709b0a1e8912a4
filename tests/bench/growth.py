"""How is a store grown by SQL? In its real tables, from rows that the product itself has written.

Exchange ``n`` of ``total`` gets an id and a moment that follow from ``n``, spread evenly over two years.
"""

from ops.db.pool import Connection
from ops.progress import progress_bar
from tests.bench.long_sessions import BEGAN

EVENTS_OF_EXCHANGE = 4
MONTHS = 24
PER_STATEMENT = 25_000
MOMENT = """
CREATE OR REPLACE FUNCTION pg_temp.at(n bigint, total bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT '{began}'::timestamptz - interval '{months} months' * ((total - n)::float8 / total) - interval '1 hour'
$$
"""
IDENTITY = """
CREATE OR REPLACE FUNCTION pg_temp.id(n bigint, total bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT overlay(overlay(overlay(md5(n::text) PLACING
        left(replace(nexus_first_uuid(pg_temp.at(n, total))::text, '-', ''), 12) FROM 1)
        PLACING '7' FROM 13) PLACING 'a' FROM 17)::uuid
$$
"""
GROW_EVENTS = """
INSERT INTO nexus_events (originator_id, originator_version, topic, state)
SELECT pg_temp.id(n, $3), t.originator_version, t.topic, t.state
FROM generate_series($1::bigint, $2) n,
(SELECT * FROM nexus_events WHERE originator_id = (
    SELECT originator_id FROM nexus_events WHERE topic = 'response-completed' ORDER BY notification_id LIMIT 1)) t
ORDER BY n, t.originator_version
"""
GROW_CHUNKS = """
INSERT INTO chunks
SELECT grown.* FROM (SELECT c FROM chunks c ORDER BY request_id LIMIT 1) one, generate_series($1::bigint, $2) n,
LATERAL jsonb_populate_record(one.c, jsonb_build_object('request_id', pg_temp.id(n, $3))) grown
"""
GROW_PARTS = """
INSERT INTO parts (scope_id, key, codec, raw_length, data)
SELECT one.scope_id + n % 50, substr(sha256((n || '/' || k)::bytea), 1, 16), one.codec, one.raw_length, one.data
FROM (SELECT * FROM parts ORDER BY abs(octet_length(data) - 300), key LIMIT 1) one, generate_series($1::bigint, $2) n,
generate_series(1, 2) k WHERE $3 > 0
"""
GROW_REQUESTS = """
INSERT INTO {requests}.requests
SELECT grown.* FROM (SELECT r FROM {requests}.requests r ORDER BY position LIMIT 1) one, generate_series($1::bigint, $2)
n, LATERAL jsonb_populate_record(one.r, jsonb_build_object(
    'request_id', pg_temp.id(n, $3), 'position', n * 4, 'received_at', pg_temp.at(n, $3),
    'completed_at', pg_temp.at(n, $3) + interval '5 seconds', 'session_id', 's' || n / 40, 'scope', 'scope ' || n % 50,
    'model', 'model ' || n % 5)) grown
"""
GROW_EXCHANGES = """
INSERT INTO {conversations}.exchanges
SELECT grown.* FROM (SELECT e FROM {conversations}.exchanges e ORDER BY received_at LIMIT 1) one,
generate_series($1::bigint, $2) n, LATERAL jsonb_populate_record(one.e, jsonb_build_object(
    'request_id', pg_temp.id(n, $3), 'received_at', pg_temp.at(n, $3), 'scope', 'scope ' || n % 50,
    'session', 's' || n / 40, 'first_node', md5('f' || n / 40)::uuid, 'request_node', md5('r' || n)::uuid,
    'answer_node', md5('a' || n)::uuid, 'held_before', md5('h' || n)::uuid, 'held_content', md5('c' || n)::uuid,
    'answer_content', md5('d' || n)::uuid, 'prompt', md5('p' || n)::uuid)) grown
"""
GROW_NODES = """
INSERT INTO {conversations}.nodes
SELECT md5('r' || n)::uuid, md5('a' || n - 1)::uuid FROM generate_series($1::bigint, $2) n WHERE $3 > 0
UNION ALL SELECT md5('a' || n)::uuid, md5('r' || n)::uuid FROM generate_series($1::bigint, $2) n
"""
GROW_LINKS = """
INSERT INTO {conversations}.links
SELECT grown.* FROM (SELECT l FROM {conversations}.links l ORDER BY received_at LIMIT 1) one,
generate_series($1::bigint, $2) n, LATERAL jsonb_populate_record(one.l, jsonb_build_object(
    'request_id', pg_temp.id(n, $3), 'received_at', pg_temp.at(n, $3), 'edge', 'continues', 'own_edge', 'continues',
    'parent_request_id', pg_temp.id(n - 1, $3), 'conversation_id', pg_temp.id(n / 40 * 40, $3),
    'branch_id', pg_temp.id(n / 40 * 40, $3))) grown
"""
GROW_CONVERSATIONS = """
INSERT INTO {conversations}.conversations
SELECT grown.* FROM (SELECT c FROM {conversations}.conversations c LIMIT 1) one,
generate_series(($1::bigint + 39) / 40 * 40, $2, 40) n, LATERAL jsonb_populate_record(one.c, jsonb_build_object(
    'conversation_id', pg_temp.id(n, $3), 'scope', 'scope ' || n % 50, 'started_at', pg_temp.at(n, $3),
    'last_at', pg_temp.at(n + 39, $3))) grown
"""
GROW = (
    GROW_EVENTS, GROW_CHUNKS, GROW_PARTS, GROW_REQUESTS, GROW_EXCHANGES, GROW_NODES, GROW_LINKS, GROW_CONVERSATIONS,
)  # fmt: skip
REACH_ALL = """
UPDATE nexus_tracking SET notification_id = (SELECT max(notification_id) FROM nexus_events)
WHERE application_name LIKE '%:%'
"""


async def grow(connection: Connection, schemas: dict[str, str], events: int) -> None:
    """``events`` of exchanges over the months before the sessions."""
    total = events // EVENTS_OF_EXCHANGE
    await connection.execute(MOMENT.format(began=BEGAN.isoformat(), months=MONTHS))
    await connection.execute(IDENTITY)
    with progress_bar(f"{events} events") as progress:
        for first in range(0, total, PER_STATEMENT):
            last = min(first + PER_STATEMENT, total) - 1
            for statement in GROW:
                await connection.execute(statement.format(**schemas), first, last, total, timeout=600)
            progress(last + 1, total)
    await connection.execute(REACH_ALL)
    await connection.execute("VACUUM ANALYZE", timeout=3600)
