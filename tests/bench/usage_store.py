"""What does it cost to ask what was used, among a million requests?

python -m tests.bench.usage_store [--lines 1000000] [--keep FOLDER]

Lines are made by SQL, in the real tables: two years of fifty people in working hours, forty requests a conversation,
with sub-agents and helpers; quarters and days are their sums. Measured are the product's own questions, the median of
five, as a page asks them.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

from ops.db.pool import Connection
from ops.serve_database import migrated
from ops.stores import opened
from projections.read_models import builds, usage_queries
from projections.read_models.builds import named
from projections.read_models.usage_queries import UsageFilter, UsageQuestion
from projections.read_models.usage_rollup import DIMENSIONS, MEASURES
from projections.registry import projection
from tests.bench.big_store import server_in

LAST = datetime(2026, 11, 22, tzinfo=UTC)
DAYS = 728
LIMIT_MS = 100
GROW_LINES = """
INSERT INTO {schema}.usage_lines
SELECT md5('r' || n)::uuid, 0, 'message',
    '{last}'::timestamptz - make_interval(days => {days} - (c * {days}::bigint / $1)::int)
        + make_interval(hours => 7 + h % 9, mins => h / 9 % 60, secs => n % 40 * 90),
    CASE WHEN n % 40 = 0 THEN p ELSE '' END, '', CASE WHEN a THEN md5('s' || c || '-' || n % 3)::uuid END,
    'account:' || md5('a' || c % 10), 'account:' || md5('a' || c % 10), 'localhost', 'key-' || c % 50,
    md5('d' || c % 50) || md5('e' || c % 50), p,
    CASE WHEN n % 10 = 9 THEN 'claude-haiku-4-5' WHEN h % 5 = 0 THEN 'claude-sonnet-5' ELSE 'claude-opus-5-5' END,
    CASE WHEN n % 10 = 9 THEN 'auxiliary' WHEN a THEN 'subagent' ELSE 'main' END,
    CASE WHEN a THEN CASE n % 3 WHEN 0 THEN 'Explore' ELSE 'general-purpose' END ELSE '' END,
    CASE WHEN n % 10 < 9 THEN md5('c' || c)::uuid END,
    CASE WHEN n % 10 < 9 THEN CASE WHEN a THEN md5('s' || c || '-' || n % 3)::uuid ELSE md5('c' || c)::uuid END END,
    'standard', '', '', n % 97 = 0, false,
    1, (n % 50 = 0)::int, (n % 70 = 0)::int, n % 1000, n % 3000, 0, 0, n % 90000, n % 700, n % 400, 0
FROM (
    SELECT n, n / 40 AS c, abs(hashint8(n / 40)) AS h, n % 40 > 25 AND n % 10 < 9 AS a,
        'dir:' || left(md5('p' || n / 40 % 50 || '-' || abs(hashint8(n / 40)) % 2), 16) AS p
    FROM generate_series(0, $1::bigint * 40 - 1) n
) each
"""
SUM_UP = """
INSERT INTO {schema}.{table} (starts_at, group_id, {dimensions}, {measures})
SELECT {moment}, md5(ROW({dimensions})::text)::uuid, {dimensions}, {sums}
FROM {schema}.{source} GROUP BY 1, 2, {dimensions}
"""
COUNT = "SELECT count(*) FROM {schema}.{table}"
SIZE = "SELECT pg_total_relation_size('{schema}.{table}')"
SOME_CONVERSATION = "SELECT conversation_id FROM read.usage_lines WHERE conversation_id IS NOT NULL LIMIT 1"


async def grow(connection: Connection, schema: str, lines: int) -> None:
    """Conversations of forty lines each, spread over the days before ``LAST``."""
    await connection.execute(
        GROW_LINES.format(schema=schema, last=LAST.isoformat(), days=DAYS), lines // 40, timeout=3600
    )
    words = {
        "schema": schema,
        "dimensions": ", ".join(DIMENSIONS),
        "measures": ", ".join(MEASURES),
        "sums": ", ".join(f"sum({name})" for name in MEASURES),
    }
    quarter, day = "date_bin('15 minutes', received_at, 'epoch')", "date_trunc('day', starts_at, 'UTC')"
    for table, source, moment in (
        ("usage_quarters", "usage_lines", quarter),
        ("usage_days", "usage_quarters", day),
    ):
        await connection.execute(SUM_UP.format(**words, table=table, source=source, moment=moment), timeout=3600)
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
    yield "all, by month and class, Kathmandu", last(
        DAYS, bucket="month", group_by=("request_class",), zone=kathmandu
    )
    yield "all, by day and model, UTC", last(DAYS, bucket="day", group_by=("model",))
    yield "all, by day and model, Berlin", last(DAYS, bucket="day", group_by=("model",), zone=berlin)
    yield "all, in one sum", last(DAYS)
    yield "all, by agent type and device", last(DAYS, group_by=("agent_type", "device"))
    key = UsageFilter({"key_id": ("key-7",)})
    yield "all of a key, by day, Berlin", last(DAYS, bucket="day", zone=berlin, wanted=key)
    one = UsageFilter({"conversation_id": (conversation,)})
    yield "a conversation, by branch", UsageQuestion(
        since=begin, until=LAST, group_by=("branch_id",), wanted=one, price_days=prices
    )


async def report(dsn: str, lines: int) -> None:
    await migrated(dsn)
    conversations = projection("conversations")
    async with opened(dsn, "nexus-bench") as pool, pool.acquire() as connection:
        async with connection.transaction():
            schema = (await builds.ensure_live(connection, conversations)).schema
        if not await connection.fetchval(named(COUNT, schema=schema, table="usage_lines")):
            await grow(connection, schema, lines)
        for table in ("usage_lines", "usage_quarters", "usage_days"):
            count = await connection.fetchval(named(COUNT, schema=schema, table=table))
            size = await connection.fetchval(named(SIZE, schema=schema, table=table))
            print(f"{table:<40}{count:>10} rows {size / 1e6:>9.0f} MB")
        for what, question in questions(await connection.fetchval(SOME_CONVERSATION)):
            times, found = list[float](), 0
            for _ in range(5):
                began = time.perf_counter()
                found = len(await usage_queries.usage(connection, question))
                times.append((time.perf_counter() - began) * 1000)
            words = "" if statistics.median(times) < LIMIT_MS else "   above the goal"
            print(f"{what:<40}{found:>10} rows {statistics.median(times):>9.1f} ms{words}")


async def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path)
    words = parser.parse_args(arguments)
    with server_in(words.keep) as server:
        await report(server.dsn_of("postgres"), words.lines)


if __name__ == "__main__":
    asyncio.run(main())
