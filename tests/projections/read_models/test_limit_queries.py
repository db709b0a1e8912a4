"""What is read of limits is what was written, no older than it matters, and along the indexes."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest

from domain.account_windows import LONG_HISTORY
from domain.rate_limits import Gauge
from domain.reckoned_windows import Use
from domain.windows import Sighting, length_of
from ops.db.pool import Pool
from projections.read_models import builds, limit_queries, limits
from projections.read_models.connection import Connection
from projections.read_models.limits import SightingRow
from projections.read_models.rows import as_json
from projections.registry import projection
from schemas.limits_api import AccountWindows
from tests.lending import always
from tests.plain_windows import lived, window_items
from tests.requirements import scaled
from tests.stored_rows import Stored, make_live, request_row, stored

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MANY = 3_000
GAUGE = ("status", "utilization", "resets_at", "surpassed", "threshold")
MANY_SIGHTINGS = """
INSERT INTO limit_sightings
SELECT made.* FROM generate_series(1, $3::int) AS n,
    jsonb_populate_record(NULL::limit_sightings, $1::jsonb || jsonb_build_object(
        'account_key', 'a' || n % 50, 'span', CASE n % 2 WHEN 0 THEN 1 ELSE 15 END,
        'bucket', $2::timestamptz - n * interval '1 minute')) AS made
"""
MANY_REQUESTS = """
INSERT INTO requests
SELECT made.* FROM generate_series(1, $2::int) AS n,
    jsonb_populate_record(NULL::requests, $1::jsonb || jsonb_build_object(
        'request_id', lpad(to_hex(n), 32, '0'), 'scope', 's' || n % 50)) AS made
"""


def row(ago: timedelta, span: int = 1, **changes: Any) -> SightingRow:
    seen_at = NOW - ago
    plain = SightingRow(
        account_key="acme",
        span=span,
        bucket=seen_at,
        kind="window",
        gauge="5h",
        seen_at=seen_at,
        request_id=UUID(int=round(ago / MINUTE) + 1),
        scope="tenant",
        key_id=None,
        client_domain="localhost",
        status="allowed",
        utilization=0.25,
        resets_at=NOW + timedelta(hours=1),
        surpassed=True,
        threshold=0.2,
        facts={},
        unknown={"mood": "fine"},
        malformed=["reset"],
    )
    return replace(plain, **changes)


@pytest.fixture
async def live(pool: Pool) -> Pool:
    await make_live(pool)
    return pool


async def save(connection: Connection, *rows: SightingRow) -> None:
    await builds.enter(connection, await builds.ensure_live(connection, projection("limits")))
    await limits.save(connection, rows)


async def told(connection: Connection, account: str = "acme") -> AccountWindows:
    found = await limit_queries.windows_of(always(connection), account, NOW)
    assert found is not None
    return found


async def test_a_sighting_is_read_as_it_was_written_and_once(live: Pool) -> None:
    async with stored(live, []) as connection:
        await save(connection, row(2 * MINUTE), row(2 * MINUTE, 15), row(MINUTE, kind="bare", gauge=""))
        found = await told(connection)
    (window,) = found.windows
    assert (window.status, window.warning, window.threshold, window.resets_at) == (
        "allowed",
        True,
        0.2,
        NOW + timedelta(hours=1),
    )
    assert [(point.at, point.utilization) for point in window.history] == [(NOW - 2 * MINUTE, 0.25)]
    assert (found.unknown, found.malformed) == ({"5h-mood": "fine"}, ["5h-reset"])
    assert (found.headers_at, found.bare_at) == (NOW - 2 * MINUTE, NOW - MINUTE)


async def test_minutes_are_read_of_the_last_hours_and_weeks_of_longer_spans(live: Pool) -> None:
    day, week = timedelta(days=1), timedelta(weeks=1)
    ages = {7 * timedelta(hours=1): 1, day: 15, 3 * day: 60, 9 * week: 15}
    long_ago = NOW + 8 * week
    async with stored(live, []) as connection:
        await save(connection, *(row(ago, span, resets_at=long_ago) for ago, span in ages.items()))
        (window,) = (await told(connection)).windows
    assert [point.at for point in window.history] == [NOW - 3 * day, NOW - day]


async def test_tokens_are_those_of_the_account_or_else_of_the_scope_that_upstream_answered(live: Pool) -> None:
    many = {"cache_read_tokens": 4, "cache_write_5m_tokens": 8, "cache_write_1h_tokens": 16}
    at = {"received_at": NOW - MINUTE}
    rows = [
        request_row(1, account="acme", input_tokens=1, output_tokens=2, **many, **at),
        request_row(2, account="acme", scope="x", received_at=NOW - MINUTE + timedelta(seconds=1)),
        request_row(3, account="acme", origin="gateway", input_tokens=1_000, **at),
        request_row(4, account="zoo", scope="acme", input_tokens=1_000, **at),
        request_row(5, account=None, scope="acme", input_tokens=32, **at),
        request_row(6, account="acme", input_tokens=64, received_at=NOW - timedelta(days=9)),
    ]
    async with stored(live, [Stored(one, None) for one in rows]) as connection:
        await save(connection, row(MINUTE, kind="bare", gauge=""))
        (window,) = (await told(connection)).windows
    assert (window.bounds, window.starts_at, window.now.tokens) == ("reckoned", NOW - MINUTE, 63)
    assert window.past == []


async def test_accounts_are_listed_with_the_newest_first(live: Pool) -> None:
    async with stored(live, []) as connection:
        await save(
            connection,
            row(3 * MINUTE, 15),
            row(2 * MINUTE, 60, account_key="zoo", kind="bare", gauge=""),
            row(MINUTE, 60, account_key="old", seen_at=NOW - timedelta(weeks=9), bucket=NOW - timedelta(weeks=9)),
        )
        found = await limit_queries.windows(always(connection), None, NOW, 5)
        one = await limit_queries.windows(always(connection), "acme", NOW, 5)
        none = await limit_queries.windows(always(connection), "nobody", NOW, 5)
    assert ([each.account for each in found.accounts], found.as_of) == (["zoo", "acme"], NOW)
    assert one.accounts == found.accounts[1:]
    assert none.accounts == []


async def test_nothing_is_known_before_the_first_build(pool: Pool) -> None:
    async with pool.acquire() as connection:
        assert await limit_queries.windows_of(always(connection), "acme", NOW) is None
        assert (await limit_queries.windows(always(connection), None, NOW, 5)).accounts == []


def nodes(plan: dict[str, Any]) -> set[str]:
    own = {plan["Node Type"], plan.get("Index Name", "")}
    return own.union(*(nodes(below) for below in plan.get("Plans", [])))


async def test_every_query_reads_along_its_index(live: Pool) -> None:
    async with stored(live, []) as connection:
        await builds.enter(connection, await builds.ensure_live(connection, projection("limits")))
        one = as_json([row(MINUTE)])[1:-1]
        await connection.execute(MANY_SIGHTINGS, one, NOW, MANY)
        await builds.enter(connection, await builds.ensure_live(connection, projection("requests")))
        await connection.execute(MANY_REQUESTS, as_json([request_row(1)])[1:-1], MANY)
        await connection.execute("ANALYZE")
        await connection.execute("SET LOCAL plan_cache_mode = force_custom_plan")
        await connection.execute("SET LOCAL random_page_cost = 1.1")  # a few thousand rows stand for millions
        recent = NOW - 10 * MINUTE
        for query, arguments, index in (
            (limit_queries.SELECT_SIGHTINGS, (["a7"], recent, recent), "limit_sightings_pkey"),
            (limit_queries.SELECT_USES, (["s7"], NOW - 60 * MINUTE), "requests_by_payer"),
            (limit_queries.SELECT_ACCOUNTS, (recent, 5), "limit_sightings_by_time"),
        ):
            (plan,) = json.loads(await connection.fetchval("EXPLAIN (FORMAT JSON) " + query, *arguments))
            assert index in nodes(plan["Plan"]), query
            assert "Seq Scan" not in nodes(plan["Plan"]), query


def rows_of(account: str, one: Sighting) -> Iterator[SightingRow]:
    """As the projector makes them: of its minute, and of a longer span."""
    gauge, length = one.gauge, length_of(one.gauge.name)
    for span in (1, 15 if length is not None and length < timedelta(days=1) else 60):
        yield row(
            NOW - one.seen_at,
            span,
            account_key=account,
            bucket=one.seen_at.replace(minute=one.seen_at.minute // span * span, second=0, microsecond=0),
            request_id=one.request_id,
            unknown={},
            malformed=[],
            gauge=gauge.name,
            **{name: getattr(gauge, name) for name in GAUGE},
        )


def kept(rows: Sequence[SightingRow]) -> list[Sighting]:
    """The newest of each stretch of time, of minutes only lately."""
    newest = dict[tuple[str, int, datetime], SightingRow]()
    for one in sorted(rows, key=lambda one: (one.seen_at, one.request_id)):
        since = NOW - (limit_queries.MINUTES_KEPT if one.span == 1 else LONG_HISTORY)
        if one.bucket >= since:
            newest[one.gauge, one.span, one.bucket] = one
    return [
        Sighting(
            one.seen_at,
            one.request_id,
            Gauge("window", one.gauge, *(getattr(one, name) for name in GAUGE)),
        )
        for one in newest.values()
    ]


def minutes(uses: Sequence[Use]) -> list[Use]:
    found = dict[datetime, Use]()
    for use in sorted(uses):
        if use.at >= NOW - limit_queries.TOKENS_KEPT:
            minute = use.at.replace(second=0, microsecond=0)
            known = found.get(minute, Use(use.at, 0))
            found[minute] = Use(known.at, known.tokens + use.tokens)
    return list(found.values())


async def test_accounts_are_what_the_plain_way_makes_of_their_rows(live: Pool) -> None:
    """Packed by the server, read as columns, several accounts at once."""
    lives = {f"account {seed}": lived(Random(seed), NOW) for seed in range(scaled(6, 60))}
    written = {name: [each for one in seen for each in rows_of(name, one)] for name, (seen, _) in lives.items()}
    uses = [(name, use) for name, (_, used) in lives.items() for use in used]
    requests = [
        Stored(request_row(number, account=name, received_at=use.at, output_tokens=use.tokens), None)
        for number, (name, use) in enumerate(uses, 1)
    ]
    async with stored(live, requests) as connection:
        await save(connection, *(one for rows in written.values() for one in rows))
        found = await limit_queries.windows(always(connection), None, NOW, len(lives))
        alone = [await told(connection, one.account) for one in found.accounts]
    assert alone == found.accounts
    assert {one.account for one in found.accounts} == set(lives)
    for one in found.accounts:
        assert one.windows == window_items(kept(written[one.account]), minutes(lives[one.account][1]), NOW)


async def test_who_was_told_of_a_window_has_a_subscription(live: Pool) -> None:
    async with live.acquire() as connection, connection.transaction():
        assert await limit_queries.subscribed(connection) == []
        old = timedelta(days=300)
        await save(
            connection,
            row(MINUTE, account_key="by key", span=15, kind="key", gauge="requests"),
            row(MINUTE, account_key="plan b", span=15),
            row(MINUTE, account_key="plan b", span=15, gauge="7d"),
            row(old, account_key="plan a", span=60),
            row(MINUTE, account_key="no word", span=15, kind="bare"),
        )
        assert await limit_queries.subscribed(connection) == ["plan a", "plan b"]


async def test_before_there_are_tables_nobody_has_one(pool: Pool) -> None:
    async with pool.acquire() as connection:
        assert await limit_queries.subscribed(connection) == []
