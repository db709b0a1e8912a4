"""What does it cost to ask what was used, among a million requests?

python -m tests.bench.usage_store [--lines 1000000] [--keep FOLDER]

Lines are made by SQL, in the real tables: two years of fifty people in working hours, forty requests a conversation,
with sub-agents and helpers; quarters and days are their sums. Measured are the product's own questions, the median of
five, and then what the page of usage asks, from the words of its address to the answer with its money.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import product
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import psutil

from dashboard.data import DataStore
from dashboard.told import Sayings
from dashboard.usage import By, UsageQuery
from dashboard.views.usage_ranges import bucket_of
from domain.prices import PriceBook
from domain.usage_sums import UsageFilter, UsageQuestion
from ops.db.borrowing import borrowed
from ops.db.event_log import PostgresEventLog
from ops.db.payloads import PostgresPayloads
from ops.db.pool import Connection, Pool
from ops.prices import shipped_prices
from ops.serve_database import migrated
from ops.stores import opened
from projections.read_models import builds, usage_queries
from projections.read_models.builds import named
from projections.read_models.usage_rollup import GROUP, MEASURES, NOWHERE, PLACE
from projections.registry import USAGE_TABLES, projection
from schemas.usage_api import UsageAnswer
from tests.bench.big_store import server_in

LAST = datetime(2026, 11, 22, tzinfo=UTC)
DAYS = 728
LIMIT_MS = 100
ROUNDS = 5
GROW_LINES = """
CREATE TEMP TABLE grown AS
SELECT md5('r' || n)::uuid AS request_id, 0 AS line, 'message' AS kind,
    '{last}'::timestamptz - make_interval(days => {days} - (c * {days}::bigint / $1)::int)
        + make_interval(hours => 7 + h % 9, mins => h / 9 % 60, secs => n % 40 * 90) AS received_at,
    CASE WHEN n % 40 = 0 THEN p ELSE '' END AS said_project, '' AS said_agent_type,
    CASE WHEN n % 10 < 9 THEN md5('c' || c)::uuid END AS conversation_id,
    CASE WHEN n % 10 < 9 THEN CASE WHEN a THEN md5('s' || c || '-' || n % 3)::uuid ELSE md5('c' || c)::uuid END END
        AS branch_id,
    'account:' || md5('a' || c % 10) AS scope, 'account:' || md5('a' || c % 10) AS account,
    'localhost' AS client_domain, 'key-' || c % 50 AS key_id, md5('d' || c % 50) || md5('e' || c % 50) AS device,
    p AS project,
    CASE WHEN n % 10 = 9 THEN 'claude-haiku-4-5' WHEN h % 5 = 0 THEN 'claude-sonnet-5' ELSE 'claude-opus-5-5' END
        AS model,
    CASE WHEN n % 10 = 9 THEN 'auxiliary' WHEN a THEN 'subagent' ELSE 'main' END AS request_class,
    CASE WHEN a THEN CASE n % 3 WHEN 0 THEN 'Explore' ELSE 'general-purpose' END ELSE '' END AS agent_type,
    'standard' AS service_tier, '' AS speed, '' AS inference_geo, n % 97 = 0 AS long_context, false AS estimated,
    1 AS requests, (n % 50 = 0)::int AS failed, (n % 70 = 0)::int AS aborted, (n % 90 = 0)::int AS unrecorded,
    n % 1000 AS input_tokens,
    n % 3000 AS output_tokens, 0 AS estimated_output_tokens, 0 AS thinking_tokens, n % 90000 AS cache_read_tokens,
    n % 700 AS cache_write_5m_tokens, n % 400 AS cache_write_1h_tokens, 0 AS web_searches
FROM (
    SELECT n, n / 40 AS c, abs(hashint8(n / 40)) AS h, n % 40 > 25 AND n % 10 < 9 AS a,
        'dir:' || left(md5('p' || n / 40 % 50 || '-' || abs(hashint8(n / 40)) % 2), 16) AS p
    FROM generate_series(0, $1::bigint * 40 - 1) n
) each
"""
GROUPS = """
INSERT INTO {schema}.usage_groups (group_id, {group})
SELECT DISTINCT md5(ROW({group})::text)::uuid, {group} FROM grown
"""
LINES = """
INSERT INTO {schema}.usage_lines (request_id, line, kind, received_at, said_project, said_agent_type, conversation_id,
    branch_id, group_id, {measures})
SELECT request_id, line, kind, received_at, said_project, said_agent_type, conversation_id, branch_id,
    md5(ROW({group})::text)::uuid, {measures} FROM grown
"""
SUM_UP = """
INSERT INTO {schema}.{table} (starts_at, group_id, {keys}lines, {measures})
SELECT {bin}, group_id, {values}count(*), {sums}
FROM {schema}.usage_lines GROUP BY 1, 2{grouped} ORDER BY 1
"""
COUNT = "SELECT count(*) FROM {schema}.{table}"
SIZE = "SELECT pg_total_relation_size('{schema}.{table}')"
BACKENDS = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'"
BYS_SHOWN: tuple[By, ...] = ("model", "project", "user")
SOME_CONVERSATION = "SELECT conversation_id FROM read.usage_lines WHERE conversation_id IS NOT NULL LIMIT 1"


async def grow(connection: Connection, schema: str, lines: int) -> None:
    """Conversations of forty lines each, spread over the days before ``LAST``."""
    grown = GROW_LINES.format(last=LAST.isoformat(), days=DAYS).replace("$1", str(lines // 40))
    await connection.execute(grown, timeout=3600)
    words = {
        "schema": schema,
        "group": ", ".join(GROUP),
        "measures": ", ".join(MEASURES),
        "sums": ", ".join(f"sum({name})" for name in MEASURES),
    }
    await connection.execute(GROUPS.format(**words), timeout=3600)
    await connection.execute(LINES.format(**words), timeout=3600)
    placed = ", ".join(f"coalesce({name}, '{NOWHERE}')" for name in PLACE) + ", "
    for table, bin_, keys, values, grouped in (
        ("usage_quarters", "date_bin('15 minutes', received_at, 'epoch')", "", "", ""),
        ("usage_days", "date_trunc('day', received_at, 'UTC')", "", "", ""),
        ("usage_months", "date_trunc('month', received_at, 'UTC')", "", "", ""),
        ("usage_conversations", "date_trunc('day', received_at, 'UTC')", ", ".join(PLACE) + ", ", placed, ", 3, 4"),
    ):
        statement = SUM_UP.format(**words, table=table, bin=bin_, keys=keys, values=values, grouped=grouped)
        await connection.execute(statement, timeout=3600)
    await connection.execute("VACUUM ANALYZE", timeout=3600)


def questions(conversation: UUID) -> Iterator[tuple[str, UsageQuestion]]:
    """The shapes that pages, the terminal and scripts ask in."""
    berlin, kathmandu = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kathmandu")
    prices, begin = (date(2025, 1, 1), date(2026, 3, 1), date(2026, 9, 1)), LAST - timedelta(days=DAYS)

    def last(days: float, **words: object) -> UsageQuestion:
        question: dict[str, object] = {"since": LAST - timedelta(days=days), "until": LAST, "price_days": prices}
        return UsageQuestion(**(question | words))  # type: ignore[arg-type]

    yield "an hour, by minute", last(2.5, until=LAST - timedelta(days=2.5) + timedelta(hours=1), bucket="minute")
    yield "a day, by hour and model", last(1.3, bucket="hour", group_by=("model",), zone=berlin)
    yield "30 days, by day and model, Berlin", last(30, bucket="day", group_by=("model",), zone=berlin)
    yield "30 days, by key and project", last(30, group_by=("key_id", "project"))
    yield "30 days, by hour, Kathmandu", last(30, bucket="hour", zone=kathmandu)
    yield "30 days, by conversation", last(30, group_by=("conversation_id",))
    yield "a year, by day and model, Berlin", last(365, bucket="day", group_by=("model",), zone=berlin)
    yield "a year, by month and project, Berlin", last(365, bucket="month", group_by=("project",), zone=berlin)
    yield "all, by month and class, Kathmandu", last(DAYS, bucket="month", group_by=("request_class",), zone=kathmandu)
    yield "all, by day and model, UTC", last(DAYS, bucket="day", group_by=("model",))
    yield "all, by day and model, Berlin", last(DAYS, bucket="day", group_by=("model",), zone=berlin)
    yield "all, in one sum", last(DAYS)
    yield "all, by agent type and device", last(DAYS, group_by=("agent_type", "device"))
    key = UsageFilter({"key_id": ("key-7",)})
    yield "all of a key, by day, Berlin", last(DAYS, bucket="day", zone=berlin, wanted=key)
    one = UsageFilter({"conversation_id": (conversation,)})
    yield (
        "a conversation, by branch",
        UsageQuestion(since=begin, until=LAST, group_by=("branch_id",), wanted=one, price_days=prices),
    )


async def report(dsn: str, lines: int) -> None:
    await migrated(dsn)
    conversations = projection("conversations")
    async with opened(dsn, "nexus-bench") as pool, pool.acquire() as connection:
        async with connection.transaction():
            schema = (await builds.ensure_live(connection, conversations)).schema
        if not await connection.fetchval(named(COUNT, schema=schema, table="usage_lines")):
            await grow(connection, schema, lines)
        for table in USAGE_TABLES:
            count = await connection.fetchval(named(COUNT, schema=schema, table=table))
            size = await connection.fetchval(named(SIZE, schema=schema, table=table))
            print(f"{table:<40}{count:>10} rows {size / 1e6:>9.0f} MB")
        backend = psutil.Process(await connection.fetchval("SELECT pg_backend_pid()"))
        await connection.execute("SET max_parallel_workers_per_gather = 0")  # all its time is the backend's
        print(f"{'what is asked':<40}{'rows':>10}{'ms':>10}{'CPU ms: server':>16}{'client':>9}")
        for what, question in questions(await connection.fetchval(SOME_CONVERSATION)):
            times, found, before, own = list[float](), 0, cpu_s(backend), time.process_time()
            for _ in range(ROUNDS):
                began = time.perf_counter()
                found = sum(len(one.points) for one in await usage_queries.usage(connection, question))
                times.append((time.perf_counter() - began) * 1000)
            server, client = cpu_s(backend) - before, time.process_time() - own
            words = "" if statistics.median(times) < LIMIT_MS else "   above the goal"
            costs = f"{1000 * server / ROUNDS:>16.1f}{1000 * client / ROUNDS:>9.1f}"
            print(f"{what:<40}{found:>10}{statistics.median(times):>10.1f}{costs}{words}", flush=True)
    async with opened(dsn, "nexus-bench") as pool:
        await report_answers(pool)


def on_the_page() -> Iterator[tuple[str, UsageQuery]]:
    """What the page asks for its bars, for its table, and for its conversations."""
    for days, by in product((1, 7, 30, 100, 365, DAYS), BYS_SHOWN):
        bucket = bucket_of(timedelta(days=days))
        asked = UsageQuery(since=LAST - timedelta(days=days), until=LAST, zone=ZoneInfo("Europe/Berlin"))
        yield f"{days} days: bars by {by}", replace(asked, bucket=bucket, group_by=(by,), limit=8)
        yield f"{days} days: table by {by}", replace(asked, group_by=(by,), limit=50)
        if by == BYS_SHOWN[-1] and days <= 31:
            yield f"{days} days: conversations", replace(asked, group_by=("conversation",), limit=20)
            yield (
                f"{days} days: sub-agents",
                replace(asked, group_by=("subtask",), limit=20, wanted={"class": "subagent"}),
            )
        if days == 365:
            yield f"{days} days, by day: bars by {by}", replace(asked, bucket="day", group_by=(by,), limit=8)


async def report_answers(pool: Pool) -> None:
    book = PriceBook(shipped_prices())

    async def told() -> Sayings:
        return Sayings(book=book, shipped=book)

    store = DataStore(partial(borrowed, pool, 30.0), PostgresEventLog(pool), PostgresPayloads(pool), told)
    print(f"{'what the page asks':<40}{'groups':>10}{'ms':>10}{'CPU ms: server':>16}{'client':>9}")
    for what, query in on_the_page():
        await timed(what, pool, partial(store.usage, query))


async def timed(what: str, pool: Pool, ask: Callable[[], Awaitable[object]]) -> None:
    """On a busy machine the clock on the wall tells of the others: so it is said too what was spent."""
    found = await ask()
    groups = str(len(found.items)) if isinstance(found, UsageAnswer) else ""
    backends = [psutil.Process(row["pid"]) for row in await pool.fetch(BACKENDS)]
    times, before, own = list[float](), sum(map(cpu_s, backends)), time.process_time()
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await ask()
        times.append((time.perf_counter() - began) * 1000)
    server, client = sum(map(cpu_s, backends)) - before, time.process_time() - own
    words = "" if statistics.median(times) < LIMIT_MS else "   above the goal"
    costs = f"{1000 * server / ROUNDS:>16.1f}{1000 * client / ROUNDS:>9.1f}"
    print(f"{what:<40}{groups:>10}{statistics.median(times):>10.1f}{costs}{words}", flush=True)


def cpu_s(process: psutil.Process) -> float:
    """What it has spent so far; on a busy machine the clock on the wall tells of the others."""
    spent = process.cpu_times()
    return spent.user + spent.system


async def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path)
    words = parser.parse_args(arguments)
    with server_in(words.keep) as server:
        await report(server.dsn_of("postgres"), words.lines)


if __name__ == "__main__":
    asyncio.run(main())
