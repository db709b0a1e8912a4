"""What do the other pages of money cost, among a million requests: windows, status line, cache, streams, lists?

python -m tests.bench.money_pages [--lines 1000000] [--keep FOLDER]

The store is that of ``usage_store``, and beside each line its request, its link, what its answer said of limits and
what became of the prompt cache in it: one request in fifty is a miss. Milliseconds on the wall and of processor.
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

from dashboard.data import DataStore
from dashboard.told import Sayings
from domain.prices import PriceBook
from ops.collector import keep_what_is_there
from ops.db.borrowing import borrowed
from ops.db.event_log import PostgresEventLog
from ops.db.payloads import PostgresPayloads
from ops.db.pool import Connection, Pool
from ops.prices import shipped_prices
from ops.serve_database import migrated
from ops.stores import opened
from projections.read_models import builds
from projections.read_models.builds import named
from projections.read_models.cache_queries import CacheFilter
from projections.read_models.conversation_queries import ConversationFilter
from projections.read_models.request_queries import RequestFilter
from projections.read_models.stream_queries import StreamRange
from projections.registry import PROJECTIONS
from tests.bench.big_store import server_in
from tests.bench.usage_store import COUNT, LAST, grow, timed

AT_WORK = 10
"""Hours before ``LAST``, which is midnight: windows of all accounts are open then, and have forecasts."""
LINES = "FROM {conversations}.usage_lines u JOIN {conversations}.usage_groups g ON g.group_id = u.group_id"
REQUESTS = f"""
INSERT INTO {{requests}}.requests
SELECT populated.* FROM (
    SELECT u.request_id, row_number() OVER (ORDER BY u.received_at) AS position, u.received_at,
        u.received_at + interval '9 seconds' AS completed_at, 'pass_through' AS mode, 'POST' AS method,
        '/v1/messages' AS path, g.client_domain, g.scope, g.account, nullif(g.key_id, '') AS key_id, g.project,
        u.conversation_id::text AS session_id, g.model, true AS streamed, true AS parsable, 90000 AS request_bytes,
        false AS deferred, 200 AS status, 'upstream' AS origin, 'completed' AS outcome, '' AS detail,
        'end_turn' AS stop_reason, 4000 AS answer_bytes, 0 AS gaps, 0 AS missing_bytes, u.input_tokens, u.output_tokens,
        u.thinking_tokens, u.cache_read_tokens, u.cache_write_5m_tokens, u.cache_write_1h_tokens,
        900000 AS time_to_first_byte_us, 9000000 AS duration_us
    {LINES}
) each, LATERAL jsonb_populate_record(NULL::{{requests}}.requests, to_jsonb(each)) populated
"""
LINKS = f"""
INSERT INTO {{conversations}}.links
SELECT u.request_id, u.received_at, g.request_class, 'continues', 'continues', NULL, 1, '[]', NULL, u.conversation_id,
    u.branch_id, 0, NULL {LINES}
"""
CONVERSATIONS = f"""
INSERT INTO {{conversations}}.conversations
SELECT u.conversation_id, min(g.scope), min(g.client_domain), 'A talk', min(u.received_at), max(u.received_at)
{LINES} WHERE u.conversation_id IS NOT NULL GROUP BY 1
"""
SIGHTINGS = f"""
INSERT INTO {{limits}}.limit_sightings
SELECT DISTINCT ON (1, 2, 3, 5) g.account, span.minutes, date_bin(span.width, u.received_at, 'epoch'),
    'window', span.gauge, u.received_at, u.request_id, g.scope, NULL, g.client_domain, 'allowed',
    extract(epoch FROM u.received_at - date_bin(span.lasts, u.received_at, 'epoch')) / extract(epoch FROM span.lasts),
    date_bin(span.lasts, u.received_at, 'epoch') + span.lasts, false, NULL::float,
    '{{{{}}}}'::jsonb, '{{{{}}}}'::jsonb, '[]'::jsonb
{LINES} CROSS JOIN LATERAL (
    SELECT minutes, gauge, make_interval(mins => minutes) AS width, make_interval(hours => hours) AS lasts
    FROM (VALUES (1, '5h', 5), (15, '5h', 5), (1, '7d', 168), (60, '7d', 168)) AS each(minutes, gauge, hours)
) AS span
ORDER BY 1, 2, 3, 5, u.received_at DESC
"""
VERDICTS = f"""
INSERT INTO {{cache}}.cache_verdicts
SELECT u.request_id, u.received_at, NULL, CASE WHEN h % 50 > 0 THEN 'none' WHEN h % 100 > 0 THEN 'ttl_lapsed' ELSE
    'tools_changed' END, 'certain', '', 1, 1000, false, NULL, 1, 100, 10, 1, false, 100000, g.long_context, g.model,
    g.client_domain, g.account, g.project, g.service_tier, g.speed, g.inference_geo
{LINES} CROSS JOIN LATERAL (SELECT abs(hashtext(u.request_id::text)) AS h) hashed
"""
SOME_SESSION = "SELECT session_id FROM read.requests WHERE session_id IS NOT NULL ORDER BY received_at DESC LIMIT 1"
SOME_ACCOUNT = "SELECT account FROM read.requests ORDER BY received_at DESC LIMIT 1"


async def grown(connection: Connection, lines: int) -> None:
    """All tables, unless they are there."""
    schemas = dict[str, str]()
    for projection in PROJECTIONS:
        async with connection.transaction():
            schemas[projection.name] = (await builds.ensure_live(connection, projection)).schema
    if not await connection.fetchval(named(COUNT, schema=schemas["conversations"], table="usage_lines")):
        await grow(connection, schemas["conversations"], lines)
    if await connection.fetchval(named(COUNT, schema=schemas["requests"], table="requests")):
        return
    for statement in (REQUESTS, LINKS, CONVERSATIONS, SIGHTINGS, VERDICTS):
        await connection.execute(statement.format(**schemas), timeout=3600)
    await connection.execute("VACUUM ANALYZE", timeout=3600)


Asking = Callable[[], Awaitable[object]]


async def page_of_limits(store: DataStore, account: str, now: datetime) -> None:
    """All accounts as they are now, and one of them with its history."""
    await store.windows(None, now, history=False)
    await store.windows(account, now)


def questions(store: DataStore, session: str, account: str) -> Iterator[tuple[str, Asking]]:
    at_work = LAST - timedelta(hours=AT_WORK)
    yield "windows of one account", partial(store.windows, account, LAST)
    yield "windows of all accounts", partial(store.windows, None, LAST)
    yield "windows of all accounts, at work", partial(store.windows, None, at_work)
    yield "the page of limits", partial(page_of_limits, store, account, LAST)
    yield "the page of limits, at work", partial(page_of_limits, store, account, at_work)
    yield "status line", partial(store.status_line, session, LAST)
    for days in (1, 7, 30, 365):
        since = LAST - timedelta(days=days)
        yield f"cache, {days} days, by cause", partial(store.cache_insights, CacheFilter(since=since))
        yield (
            f"cache, {days} days, by project",
            partial(store.cache_insights, CacheFilter(since=since, group_by="project")),
        )
        yield (
            f"cache, {days} days, by conversation",
            partial(store.cache_insights, CacheFilter(since=since, group_by="conversation")),
        )
    yield "streams, 7 days", partial(store.stream_insights, StreamRange(LAST - timedelta(days=7), None))
    yield "requests, newest 50", partial(store.requests, RequestFilter())
    yield "requests, open", partial(store.requests, RequestFilter(outcome="open"))
    yield "conversations, newest 50", partial(store.conversations, ConversationFilter())
    yield "counts", store.summary


async def report(dsn: str, lines: int) -> None:
    await migrated(dsn)
    async with opened(dsn, "nexus-bench") as pool:
        async with pool.acquire() as connection:
            await grown(connection, lines)
        await report_pages(pool)


async def report_pages(pool: Pool) -> None:
    book = PriceBook(shipped_prices())

    async def told() -> Sayings:
        return Sayings(book=book, shipped=book)

    store = DataStore(partial(borrowed, pool, 30.0), PostgresEventLog(pool), PostgresPayloads(pool), told)
    session, account = await pool.fetchval(SOME_SESSION), await pool.fetchval(SOME_ACCOUNT)
    print(f"{'what pages ask':<40}{'ms':>20}{'CPU ms: server':>16}{'client':>9}")
    for what, ask in questions(store, str(UUID(session)), account):
        await timed(what, pool, ask)


async def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path)
    words = parser.parse_args(arguments)
    keep_what_is_there()  # as the process of the pages does
    with server_in(words.keep) as server:
        await report(server.dsn_of("postgres"), words.lines)


if __name__ == "__main__":
    asyncio.run(main())
