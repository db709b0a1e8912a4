"""By rank a list has every row that has the measure, once, in the order of a plain sort; and it is read along an index.

What money and sums rank by is held against whole pages in ``tests/dashboard/test_lists.py``.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.billing import Tariff
from domain.ranking import (
    CONVERSATION_MEASURES,
    REQUEST_MEASURES,
    ConversationMeasure,
    Rank,
    Rate,
    RequestMeasure,
    Sort,
)
from ops.db.pool import Pool
from projections.read_models import builds, ranked_queries
from projections.read_models.conversation_queries import ConversationFilter
from projections.read_models.conversation_queries import newest as latest
from projections.read_models.ranked_queries import RankedPage
from projections.read_models.request_queries import RequestFilter, newest
from projections.read_models.rows import as_json
from projections.registry import projection
from tests.projections.read_models.test_request_queries import MANY, MANY_LINKS, MANY_REQUESTS, filters, index_names
from tests.ranked_lists import sorted_conversations, sorted_requests
from tests.stored_rows import START, Stored, histories, link_row, make_live, request_row, stored

on_one_database = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
REQUEST_SORTS = [Sort(by, way) for by in REQUEST_MEASURES for way in (False, True)]
TIMES: list[ConversationMeasure] = ["last_at", "started_at"]
NOTHING: RankedPage[object] = RankedPage([], [])
LASTED = st.none() | st.integers(0, 3).map(lambda each: each * 1000)


@pytest.fixture
async def read_models(pool: Pool) -> Pool:
    await make_live(pool)
    return pool


@st.composite
def timed(draw: st.DrawFn) -> list[Stored]:
    return [
        replace(one, row=replace(one.row, duration_us=draw(LASTED), time_to_first_byte_us=draw(LASTED)))
        for one in draw(histories())
    ]


Item = TypeVar("Item")


def no_rates(_: Sequence[Tariff]) -> list[Rate]:
    return []


async def paged(ask: Callable[[tuple[Rank | None, int]], Awaitable[RankedPage[Item]]], limit: int) -> list[Item]:
    """Page by page, until one is not full."""
    found: list[Item] = []
    behind: Rank | None = None
    while True:
        page = await ask((behind, limit))
        found += page.items
        if len(page.ranks) < limit:
            return found
        behind = page.ranks[-1]


@on_one_database
@given(timed(), filters(), st.sampled_from(REQUEST_SORTS), st.integers(1, 7))
async def test_requests_come_by_rank_each_once(
    read_models: Pool, exchanges: list[Stored], wanted: RequestFilter, sort: Sort[RequestMeasure], limit: int
) -> None:
    async with stored(read_models, exchanges) as connection:
        items = await newest(connection, wanted, None, 500)
        found = await paged(lambda page: ranked_queries.requests(connection, wanted, sort, page, no_rates), limit)
    assert found == sorted_requests(items, sort)


@on_one_database
@given(histories(), st.sampled_from(TIMES), st.booleans(), st.integers(1, 5), st.sampled_from([None, "acme"]))
async def test_conversations_come_by_their_times_each_once(
    read_models: Pool,
    exchanges: list[Stored],
    by: ConversationMeasure,
    ascending: bool,
    limit: int,
    account: str | None,
) -> None:
    sort, wanted = Sort(by, ascending), ConversationFilter(account=account)
    async with stored(read_models, exchanges) as connection:
        items = await latest(connection, wanted, None, 500)
        found = await paged(lambda page: ranked_queries.conversations(connection, wanted, sort, page, no_rates), limit)
    assert found == sorted_conversations(items, sort)


async def test_a_place_behind_all_calendars_is_the_end_or_the_beginning(read_models: Pool) -> None:
    row = request_row(1)
    behind = (2**63 - 1, UUID(int=0))
    async with stored(read_models, [Stored(row, link_row(row))]) as connection:
        first = await ranked_queries.requests(connection, RequestFilter(), Sort("received_at"), (behind, 5), no_rates)
        last = await ranked_queries.requests(
            connection, RequestFilter(), Sort("received_at", ascending=True), (behind, 5), no_rates
        )
    assert ([item.request_id for item in first.items], last.items) == ([row.request_id], [])


async def test_nothing_has_a_rank_before_the_first_build(pool: Pool) -> None:
    async with pool.acquire() as connection:
        for sort in REQUEST_SORTS:
            assert await ranked_queries.requests(connection, RequestFilter(), sort, (None, 5), no_rates) == NOTHING
        for by in CONVERSATION_MEASURES:
            assert (
                await ranked_queries.conversations(connection, ConversationFilter(), Sort(by), (None, 5), no_rates)
                == NOTHING
            )


INDEXES: list[tuple[RequestMeasure, str]] = [
    ("prompt_tokens", "requests_by_prompt"),
    ("output_tokens", "requests_by_output"),
    ("time_to_first_byte_ms", "requests_by_first_byte"),
    ("duration_ms", "requests_by_duration"),
]


async def test_what_stands_in_a_row_is_ranked_along_an_index(read_models: Pool) -> None:
    counts = dict.fromkeys(("input_tokens", "output_tokens", "cache_read_tokens"), 7)
    row = request_row(1, **counts, cache_write_5m_tokens=1, cache_write_1h_tokens=1)
    async with stored(read_models, []) as connection:
        await builds.enter(connection, await builds.ensure_live(connection, projection("requests")))
        await connection.execute(MANY_REQUESTS, as_json([row])[1:-1], MANY)
        await builds.enter(connection, await builds.ensure_live(connection, projection("conversations")))
        await connection.execute(MANY_LINKS, as_json([link_row(row)])[1:-1])
        await connection.execute("ANALYZE")
        await connection.execute("SET LOCAL plan_cache_mode = force_custom_plan")
        await connection.execute("SET LOCAL random_page_cost = 1.1")  # a few thousand rows stand for millions
        for by, index in INDEXES:
            for ascending in (False, True):
                explain = "EXPLAIN (FORMAT JSON)" + ranked_queries.REQUESTS[Sort("measured", ascending)]
                for behind in ((None, None), (7, UUID(int=9))):
                    plan = await connection.fetchval(explain, 50, *[None] * 10, *behind, by)
                    assert index in index_names(json.loads(plan)[0]["Plan"]), (by, ascending, behind)
        explain = "EXPLAIN (FORMAT JSON)" + ranked_queries.REQUESTS[Sort("received_at", ascending=True)]
        plan = await connection.fetchval(explain, 50, *[None] * 10, START, UUID(int=9))
        assert "requests_by_time" in index_names(json.loads(plan)[0]["Plan"])
