"""A list in any order has what the list has that nobody ordered, each row once, as a plain sort of it says.

The rows are real traffic, some of it at prices that nobody knows, some of it not recorded.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from random import Random
from typing import TypeVar, get_args
from uuid import UUID

import pytest

from dashboard.cursors import encode_rank
from dashboard.data import CacheFilter, ConversationFilter, DataStore, RequestFilter
from dashboard.errors import InvalidQueryError
from dashboard.told import Sayings
from dashboard.usage import BYS, UsageQuery
from domain.ids import Position
from domain.prices import PriceBook
from domain.ranking import (
    CONVERSATION_MEASURES,
    LATEST,
    NEWEST,
    REQUEST_MEASURES,
    ConversationMeasure,
    RequestMeasure,
    Sort,
)
from ops.db.borrowing import borrowed
from ops.db.event_log import PostgresEventLog
from ops.db.payloads import PostgresPayloads
from ops.db.pool import Pool
from schemas.read_api import ConversationItem, Listing, RequestItem
from tests import captures
from tests.price_samples import DAY, price
from tests.projected import Store
from tests.ranked_lists import OF_CONVERSATIONS, OF_REQUESTS, Value, sorted_conversations, sorted_requests
from tests.recorded import NOT_KEPT, append_all, recorded, request_ids
from tests.usage_variety import attributed, varied

Row = TypeVar("Row", RequestItem, ConversationItem)
CAPTURES = ("d2_two_agents", "errors_in_session", "a_oneshot", "c_tools", "interrupts", "e2_rewind")
SINCE, UNTIL = datetime(2025, 6, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
COSTS: Sort[RequestMeasure] = Sort("cost_usd")
LASTED: Sort[RequestMeasure] = Sort("duration_ms")
SAID = Sayings(book=PriceBook((price("claude-*"), price("*haiku*", effective_from=DAY), price("*opus*"))))


@pytest.fixture
async def store(pool: Pool) -> DataStore:
    source, random = Store.over(pool), Random("lists")
    for name in CAPTURES:
        listed = [one if n % 3 == 0 else varied(one, random) for n, one in enumerate(captures.exchanges(name))]
        listed[-1] = replace(listed[-1], answer=b"", fault=NOT_KEPT)
        ids = request_ids(listed)
        made = [await recorded(one, ids[one.n], source.ship) for one in listed]
        await append_all(source.ship, [attributed(one, random) for one in made])
    await source.follow()
    return store_of(pool)


def store_of(pool: Pool) -> DataStore:
    async def told() -> Sayings:
        return SAID

    return DataStore(partial(borrowed, pool, 5.0), PostgresEventLog(pool), PostgresPayloads(pool), told)


async def requests_by(store: DataStore, sort: Sort[RequestMeasure], limit: int) -> list[RequestItem]:
    return await every(lambda cursor: store.requests(RequestFilter(), sort=sort, cursor=cursor, limit=limit), limit)


async def conversations_by(store: DataStore, sort: Sort[ConversationMeasure], limit: int) -> list[ConversationItem]:
    return await every(
        lambda cursor: store.conversations(ConversationFilter(), sort=sort, cursor=cursor, limit=limit), limit
    )


async def every(page_at: Callable[[str | None], Awaitable[Listing[Row]]], limit: int) -> list[Row]:
    """The rows of all pages, one after the other; all but the last are full."""
    found = list[Row]()
    cursor: str | None = None
    while True:
        page = await page_at(cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found
        assert len(page.items) == limit


def measured(items: list[RequestItem], by: RequestMeasure) -> list[tuple[UUID, object]]:
    return [(item.request_id, OF_REQUESTS[by](item)) for item in items]


async def billed(store: DataStore, talks: list[ConversationItem]) -> list[ConversationItem]:
    """With the tokens that are billed: some steps of an answer are not in what it says of itself."""
    used = await store.usage(UsageQuery(since=SINCE, until=UNTIL, group_by=("conversation",), limit=1000))
    tokens = {item.group["conversation"]: item.tokens for item in used.items}
    return [
        item.model_copy(
            update={
                "input_tokens": own.input,
                "output_tokens": own.output,
                "cache_read_tokens": own.cache_read,
                "cache_write_tokens": own.cache_write_5m + own.cache_write_1h,
            }
        )
        for item in talks
        for own in [tokens[item.conversation_id]]
    ]


async def test_every_order_of_every_list_is_that_of_a_plain_sort(store: DataStore) -> None:
    whole = await requests_by(store, NEWEST, 500)
    talks = await conversations_by(store, LATEST, 500)
    costs = {item.cost_usd for item in whole}
    assert None in costs
    assert len(costs) > 10
    assert any(item.unrecorded for item in whole)
    assert len(talks) > 3
    for ascending in (False, True):
        for by in REQUEST_MEASURES:
            sort = Sort(by, ascending)
            assert measured(await requests_by(store, sort, 7), by) == measured(sorted_requests(whole, sort), by)
        for of in CONVERSATION_MEASURES:
            order = Sort(of, ascending)
            found = [item.conversation_id for item in await conversations_by(store, order, 2)]
            as_billed = await billed(store, talks) if of == "tokens" else talks
            assert found == [item.conversation_id for item in sorted_conversations(as_billed, order)], order


async def test_an_order_keeps_to_the_filters(store: DataStore) -> None:
    whole = await requests_by(store, NEWEST, 500)
    middle = sorted(item.received_at for item in whole)[len(whole) // 2]
    for wanted in (RequestFilter(request_class="subagent"), RequestFilter(since=middle), RequestFilter(until=middle)):
        fitting = (await store.requests(wanted, limit=500)).items
        for sort in (COSTS, LASTED):
            found = await store.requests(wanted, sort=sort, limit=500)
            assert found.items == sorted_requests(fitting, sort)
            assert found.items


async def test_a_cursor_of_another_order_and_following_in_an_order_are_refused(store: DataStore) -> None:
    page = await store.requests(RequestFilter(), sort=LASTED, limit=2)
    for sort in (NEWEST, replace(LASTED, ascending=True), COSTS):
        with pytest.raises(InvalidQueryError, match="none of this list"):
            await store.requests(RequestFilter(), sort=sort, cursor=page.next_cursor)
    with pytest.raises(InvalidQueryError, match="without cursor, sort and order"):
        await store.requests(RequestFilter(), sort=Sort("cost_usd"), after=Position(0))
    with pytest.raises(InvalidQueryError, match="none of this list"):
        await store.conversations(ConversationFilter(), sort=Sort("tokens"), cursor=page.next_cursor)


async def test_a_cursor_holds_what_the_last_row_measures(store: DataStore) -> None:
    for by in REQUEST_MEASURES:
        page = await store.requests(RequestFilter(), sort=Sort(by, ascending=True), limit=9)
        assert page.next_cursor == encode_rank(
            f"requests {by} asc", (number_of(OF_REQUESTS[by](page.items[-1])), page.items[-1].request_id)
        )
    talks = await billed(store, await conversations_by(store, LATEST, 500))
    assert {one.failures for one in talks} > {0}
    for of in CONVERSATION_MEASURES:
        order = Sort(of, ascending=True)
        for limit in range(1, len(talks)):
            found = await store.conversations(ConversationFilter(), sort=order, limit=limit)
            last = next(one for one in talks if one.conversation_id == found.items[-1].conversation_id)
            rank = (number_of(OF_CONVERSATIONS[of](last)), last.conversation_id)
            assert found.next_cursor in {None, encode_rank(f"conversations {of} asc", rank)}, of


def number_of(value: Value) -> int:
    """Microseconds, tokens, billionths of a US dollar."""
    if isinstance(value, datetime):
        return (value - datetime(2000, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    if isinstance(value, Decimal):
        return round(value * 10**9)
    assert value is not None
    return value if isinstance(value, int) else round(value * 1000)


def test_every_measure_has_an_order() -> None:
    assert set(REQUEST_MEASURES) == set(get_args(RequestMeasure))
    assert set(CONVERSATION_MEASURES) == set(get_args(ConversationMeasure))


@pytest.mark.parametrize("count", [2**40, 2**63 - 1, 2**80])
async def test_an_answer_that_counts_beyond_all_reason_spoils_no_list(pool: Pool, count: int) -> None:
    """Each of its counts might be right by itself; what adds them up has to come to an end."""
    source = Store.over(pool)
    listed = [replace(one, answer=counting(one.answer, count)) for one in captures.exchanges("d2_two_agents")]
    ids = request_ids(listed)
    await append_all(source.ship, [await recorded(one, ids[one.n], source.ship) for one in listed])
    await source.follow()
    assert await pool.fetch("SELECT * FROM projection_failures") == []
    store = store_of(pool)
    for measure in REQUEST_MEASURES:
        assert (await store.requests(RequestFilter(), sort=Sort(measure))).items or measure == "time_to_first_byte_ms"
    for other in CONVERSATION_MEASURES:
        assert (await store.conversations(ConversationFilter(), sort=Sort(other))).items
    for by in BYS:
        answer = await store.usage(UsageQuery(since=SINCE, until=UNTIL, group_by=(by,)))
        assert answer.total.requests == len(listed)
    await store.cache_insights(CacheFilter())
    await store.windows(None, UNTIL)


def counting(answer: bytes, count: int) -> bytes:
    """With every count of tokens as large."""
    return re.sub(rb'("(?:input|output|cache_\w+|ephemeral_\w+)_tokens": ?)\d+', rb"\g<1>%d" % count, answer)
