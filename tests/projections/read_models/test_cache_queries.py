"""Sums of waste say the same as a plain loop over the rows."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, get_args
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.data import DataStore
from dashboard.told import Sayings
from domain.billing import BilledLine, Tariff
from domain.cache_misses import Rewritten
from domain.prices import PriceBook
from ops.db.borrowing import borrowed
from ops.db.event_log import PostgresEventLog
from ops.db.payloads import PostgresPayloads
from ops.db.pool import Pool
from projections.read_models import builds, cache_queries, links
from projections.read_models.cache import VerdictRow, replace_verdicts
from projections.read_models.cache_queries import CacheFilter, Compared
from projections.read_models.connection import Connection
from projections.registry import projection
from schemas.cache_api import CacheDivergence, GroupBy
from tests.price_samples import TEN, price
from tests.projections.read_models.test_cache import verdict_row
from tests.stored_rows import START, link_row, make_live, request_row

CONVERSATIONS = 3
CAUSES = ("none", "first", "compaction", "ttl_lapsed", "unknown", "tools_changed")
QUIET = {"none", "first", "compaction"}
on_one_database = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@st.composite
def verdicts(draw: st.DrawFn) -> list[VerdictRow]:
    counts = st.integers(0, 10**6)
    return [
        verdict_row(
            number + 1,
            received_at=START + timedelta(hours=draw(st.integers(0, 48))),
            cause=draw(st.sampled_from(CAUSES)),
            certainty=draw(st.sampled_from(["certain", "unsure"])),
            rewritten_5m_tokens=draw(counts),
            rewritten_1h_tokens=draw(counts),
            rewritten_input_tokens=draw(counts),
            rewritten_estimated=draw(st.booleans()),
            prompt_tokens=draw(counts),
            model=draw(st.sampled_from(["opus", "haiku"])),
            account=draw(st.sampled_from(["acme", "zoo"])),
            client_domain=draw(st.sampled_from(["a", "b"])),
            project=draw(st.sampled_from(["x", None])),
            long_context=draw(st.booleans()),
        )
        for number in range(draw(st.integers(0, 12)))
    ]


def conversation_of(row: VerdictRow) -> UUID:
    return UUID(int=row.request_id.int % CONVERSATIONS + 1)


async def put(tx: Connection, rows: Sequence[VerdictRow]) -> None:
    await builds.enter(tx, await builds.ensure_live(tx, projection("cache")))
    await replace_verdicts(tx, [row.request_id for row in rows], rows)
    await builds.enter(tx, await builds.ensure_live(tx, projection("conversations")))
    linked = [link_row(request_row(row.request_id.int), conversation_id=conversation_of(row)) for row in rows]
    await links.replace(tx, linked)


def key_of(row: VerdictRow, group_by: GroupBy) -> str | None:
    found: str | None = str(conversation_of(row)) if group_by == "conversation" else getattr(row, group_by)
    return found


@given(
    rows=verdicts(),
    group_by=st.sampled_from(get_args(GroupBy)),
    since=st.none() | st.integers(0, 48),
    until=st.none() | st.integers(0, 48),
    member=st.none() | st.integers(1, 12),
    price_days=st.sets(st.integers(-1, 3).map(lambda days: START.date() + timedelta(days=days))).map(sorted),
)
@on_one_database
async def test_sums_are_those_of_a_plain_loop(
    pool: Pool,
    rows: list[VerdictRow],
    group_by: GroupBy,
    since: int | None,
    until: int | None,
    member: int | None,
    price_days: list[date],
) -> None:
    await make_live(pool)
    wanted = CacheFilter(
        since=None if since is None else START + timedelta(hours=since),
        until=None if until is None else START + timedelta(hours=until),
        group_by=group_by,
        conversation=None if member is None else UUID(int=member),
    )
    asked = next((conversation_of(row) for row in rows if row.request_id.int == member), None)
    inside = [
        row
        for row in rows
        if (wanted.since is None or row.received_at >= wanted.since)
        and (wanted.until is None or row.received_at < wanted.until)
        and (member is None or conversation_of(row) == asked)
    ]
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            await put(connection, rows)
            found = await cache_queries.waste(connection, wanted, price_days)
            compared = await cache_queries.compared(connection, wanted)
        finally:
            await transaction.rollback()
    assert compared == Compared(len(inside), sum(row.prompt_tokens for row in inside))
    misses = [row for row in inside if row.cause not in QUIET]
    told = {(one.key, one.cause, one.tariff, one.day): one for one in found}
    assert len(told) == len(found)
    assert set(told) == {place(row, group_by, price_days) for row in misses}
    for at, one in told.items():
        own = [row for row in misses if place(row, group_by, price_days) == at]
        assert one.rewritten == Rewritten(
            sum(row.rewritten_5m_tokens for row in own),
            sum(row.rewritten_1h_tokens for row in own),
            sum(row.rewritten_input_tokens for row in own),
        )
        counted = (one.requests, one.estimated, one.unsure)
        unsure = sum(row.certainty == "unsure" for row in own)
        assert counted == (len(own), sum(row.rewritten_estimated for row in own), unsure)
        most = sorted(((again(row), row.request_id) for row in own), reverse=True)
        assert list(one.examples) == most[:3]


def again(row: VerdictRow) -> int:
    return row.rewritten_5m_tokens + row.rewritten_1h_tokens + row.rewritten_input_tokens


def place(row: VerdictRow, group_by: GroupBy, price_days: Sequence[date]) -> tuple[str | None, str, Tariff, date]:
    tariff = Tariff(model=row.model, long_context=row.long_context)
    begun = [day for day in price_days if day <= row.received_at.date()]
    return key_of(row, group_by), row.cause, tariff, max(begun, default=date.min)


def dollars(line: BilledLine, _: date) -> Decimal:
    tokens: dict[str, Any] = {"cache_write_5m_tokens": 3, "cache_read_tokens": 1}
    return sum((Decimal(getattr(line.tokens, name) * price) for name, price in tokens.items()), Decimal(0))


async def test_one_verdict_with_its_price(pool: Pool) -> None:
    await make_live(pool)
    divergence: dict[str, str | int] = {"section": "tool", "place": 2, "name": "Bash", "role": "", "kind": "tool"}
    row = replace(verdict_row(1), cause="tools_changed", divergence=divergence, rewritten_5m_tokens=10)
    async with pool.acquire() as connection, connection.transaction():
        await put(connection, [row])
        found = await cache_queries.verdict(connection, UUID(int=1), dollars)
        assert await cache_queries.verdict(connection, UUID(int=2), dollars) is None
    assert found is not None
    assert found.divergence == CacheDivergence.model_validate(divergence)
    assert (found.cause, found.rewritten.tokens, found.cost_usd) == ("tools_changed", 10, Decimal(20))


async def test_before_anything_is_projected_there_is_nothing(pool: Pool) -> None:
    async with pool.acquire() as connection:
        assert await cache_queries.waste(connection, CacheFilter(), []) == []
        assert await cache_queries.compared(connection, CacheFilter()) == Compared(0, 0)
        assert await cache_queries.verdict(connection, UUID(int=1), dollars) is None


@pytest.mark.parametrize("group_by", get_args(GroupBy))
async def test_every_group_can_be_asked_for(pool: Pool, group_by: GroupBy) -> None:
    await make_live(pool)
    async with pool.acquire() as connection:
        assert await cache_queries.waste(connection, CacheFilter(group_by=group_by), []) == []


async def test_a_miss_costs_what_stood_in_the_list_of_its_day(pool: Pool) -> None:
    """Asked through the store that the pages have: the price doubles between two misses."""
    await make_live(pool)
    rise = START.date() + timedelta(days=1)
    book = PriceBook((price("opus", effective_from=date.min), price("opus", effective_from=rise, rates=TEN)))

    async def said() -> Sayings:
        return Sayings(book=book)

    rows = [
        verdict_row(number, received_at=START + timedelta(days=number - 1), cause="ttl_lapsed", model="opus",
                    rewritten_5m_tokens=0, rewritten_1h_tokens=1_000_000, rewritten_input_tokens=0)
        for number in (1, 2, 3)
    ]  # fmt: skip
    async with pool.acquire() as connection, connection.transaction():
        await put(connection, rows)
    store = DataStore(partial(borrowed, pool, 5.0), PostgresEventLog(pool), PostgresPayloads(pool), said)
    [found] = (await store.cache_insights(CacheFilter())).items
    assert found.cost_usd == 5 * (Decimal(10) - Decimal("0.5"))
