"""The one door, over a real store: pages without gaps or repeats, live changes once each, any member's conversation."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.data import ConversationFilter, DataStore, RequestFilter
from dashboard.errors import InvalidQueryError
from dashboard.searching import SearchQuery
from dashboard.told import Sayings
from dashboard.trees import tokens_of
from domain.errors import StoreUnavailableError
from domain.ids import Position
from domain.search_query import InvalidSearchError
from ops.db.borrowing import borrowed
from ops.db.event_log import PostgresEventLog
from ops.db.payloads import PostgresPayloads
from ops.db.pool import Pool
from projections.read_models import builds
from projections.read_models.connection import Connection, Connections
from projections.registry import projection
from schemas.read_api import RequestItem
from tests import captures
from tests.lending import always
from tests.projected import Store
from tests.recorded import append_all, recorded, request_ids
from tests.shipping import TestJournal, received, streamed
from tests.stored_rows import START, Stored, conversations, histories, make_live, reach, request_row, stored, write

on_one_database = settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def store_over(pool: Pool, connections: Connections | None = None) -> DataStore:
    return DataStore(connections or partial(borrowed, pool, 5.0), PostgresEventLog(pool), PostgresPayloads(pool))


@pytest.fixture
async def live(pool: Pool) -> Pool:
    await make_live(pool)
    return pool


async def all_pages(store: DataStore, wanted: RequestFilter, limit: int) -> list[RequestItem]:
    items: list[RequestItem] = []
    cursor: str | None = None
    while True:
        page = await store.requests(wanted, cursor=cursor, limit=limit)
        items += page.items
        assert page.items or cursor is None  # a cursor leads to something
        if page.next_cursor is None:
            return items
        assert len(page.items) == limit
        cursor = page.next_cursor


@on_one_database
@given(histories(), st.integers(1, 7))
async def test_paging_gives_every_row_exactly_once(live: Pool, exchanges: list[Stored], limit: int) -> None:
    async with stored(live, exchanges) as connection:
        items = await all_pages(store_over(live, always(connection)), RequestFilter(), limit)
    expected = sorted((each.place for each in exchanges), reverse=True)
    assert [(item.received_at, item.request_id) for item in items] == expected


@on_one_database
@given(histories(), st.integers(1, 5), st.data())
async def test_what_comes_while_somebody_pages_disturbs_nothing(
    live: Pool, exchanges: list[Stored], limit: int, data: st.DataObject
) -> None:
    """Whatever was there at the beginning comes once, wherever the newcomers stand."""
    late = data.draw(st.sets(st.sampled_from(range(len(exchanges))))) if exchanges else set()
    early = [each for place, each in enumerate(exchanges) if place not in late]
    async with stored(live, early) as connection:
        store = store_over(live, always(connection))
        page = await store.requests(RequestFilter(), limit=limit)
        seen = list(page.items)
        await write(connection, exchanges)
        while page.next_cursor is not None:
            page = await store.requests(RequestFilter(), cursor=page.next_cursor, limit=limit)
            seen += page.items
    ids = [item.request_id for item in seen]
    assert len(ids) == len(set(ids))
    assert {each.row.request_id for each in early} <= set(ids)


@on_one_database
@given(histories(), st.integers(1, 4))
async def test_conversations_are_paged_exactly_once_too(live: Pool, exchanges: list[Stored], limit: int) -> None:
    found: list[UUID] = []
    async with stored(live, exchanges) as connection:
        store = store_over(live, always(connection))
        cursor: str | None = None
        while True:
            page = await store.conversations(ConversationFilter(), cursor=cursor, limit=limit)
            found += [item.conversation_id for item in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
    assert sorted(found) == sorted(conversations(exchanges))


@on_one_database
@given(histories(), st.integers(1, 6), st.integers(0, 25))
async def test_following_gives_every_change_once_in_the_order_of_their_positions(
    live: Pool, exchanges: list[Stored], limit: int, start: int
) -> None:
    async with stored(live, exchanges) as connection:
        store = store_over(live, always(connection))
        newest = await store.position()
        after, seen = Position(start), list[int]()
        while True:
            page = await store.requests(RequestFilter(), after=after, limit=limit)
            assert page.next_cursor is not None
            seen += [item.position for item in page.items]
            if not page.items:
                break
            after = Position(int(page.next_cursor))
    assert newest == len(exchanges)
    assert seen == list(range(start + 1, len(exchanges) + 1))
    assert int(page.next_cursor) == max(start, newest)


async def test_windows_come_through_this_door_too(live: Pool) -> None:
    async with stored(live, []) as connection:
        found = await store_over(live, always(connection)).windows(None, START)
    assert (found.as_of, found.accounts) == (START, [])


async def test_costs_are_those_of_the_list(pool: Pool) -> None:
    store = Store.over(pool)
    ids = await store.append("c_tools")
    await store.follow()
    listed = {item.request_id: item.cost_usd for item in (await store_over(pool).requests(RequestFilter())).items}
    costs = await store_over(pool).costs([*ids.values(), UUID(int=7)])
    assert {one: costs[one].cost for one in listed} == listed
    assert UUID(int=7) not in costs
    assert await store_over(pool).costs([]) == {}


async def test_a_search_pages_through_what_was_said(pool: Pool) -> None:
    store = Store.over(pool)
    await store.append("c_tools")
    await store.follow()
    asked = SearchQuery("the OR a OR file*", limit=2)
    whole = await store_over(pool).search(replace(asked, limit=500))
    found, cursor = list[str](), None
    while True:
        page = await store_over(pool).search(replace(asked, cursor=cursor))
        found += [hit.entry for hit in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == [hit.entry for hit in whole.items]
    assert len(found) == whole.total > 2
    assert all(any(piece.found for piece in hit.snippet) for hit in whole.items)
    for unfit in (replace(asked, words="-a"), replace(asked, limit=0), replace(asked, cursor="x")):
        with pytest.raises((InvalidQueryError, InvalidSearchError)):
            await store_over(pool).search(unfit)


async def test_following_waits_for_the_slower_projection(live: Pool) -> None:
    exchanges = [Stored(request_row(n, position=n), None) for n in range(1, 6)]
    async with stored(live, exchanges) as connection:
        store = store_over(live, always(connection))
        await reach(connection, "conversations", 3)
        page = await store.requests(RequestFilter(), after=Position(1))
        assert ([item.position for item in page.items], page.next_cursor) == ([2, 3], "3")
        await reach(connection, "conversations", 5)
        page = await store.requests(RequestFilter(), after=Position(3))
        assert ([item.position for item in page.items], page.next_cursor) == ([4, 5], "5")


async def test_following_with_a_filter_goes_on_behind_what_it_left_out(live: Pool) -> None:
    exchanges = [Stored(request_row(n, position=n, model="opus" if n == 2 else "haiku"), None) for n in range(1, 6)]
    async with stored(live, exchanges) as connection:
        page = await store_over(live, always(connection)).requests(RequestFilter(model="opus"), after=Position(0))
    assert ([item.position for item in page.items], page.next_cursor) == ([2], "5")


BOTH = {"after": Position(1), "cursor": "x"}


@pytest.mark.parametrize("how", [{"limit": 0}, {"limit": 501}, {"limit": -1}, {"cursor": "x"}, BOTH])
async def test_a_place_that_cannot_be_is_refused(pool: Pool, how: dict[str, Any]) -> None:
    with pytest.raises(InvalidQueryError):
        await store_over(pool).requests(RequestFilter(), **how)


async def test_a_fresh_store_is_empty(pool: Pool) -> None:
    store = store_over(pool)
    assert (await store.requests(RequestFilter())).items == []
    assert (await store.requests(RequestFilter(), after=Position(5))).next_cursor == "5"
    assert (await store.conversations(ConversationFilter())).items == []
    assert await store.position() == await store.newest_position() == 0
    assert (await store.summary()).requests == 0
    nobody = UUID(int=1)
    assert await store.request(nobody) is None
    assert await store.conversation(nobody) is None
    assert await store.tree(nobody) is None
    assert await store.details(nobody) is None
    assert await store.events(nobody) == []


async def fed(pool: Pool, name: str) -> tuple[Store, dict[int, UUID]]:
    """A capture, stored and projected."""
    behind = Store.over(pool)
    listed = captures.exchanges(name)
    ids = request_ids(listed)
    await append_all(behind.ship, [await recorded(one, ids[one.n], behind.ship) for one in listed])
    await behind.follow()
    return behind, ids


async def test_a_real_session_with_sub_agents_comes_out_as_it_was(pool: Pool) -> None:
    name = "d2_two_agents"
    _, ids = await fed(pool, name)
    store = store_over(pool)
    items = {item.request_id: item for item in (await store.requests(RequestFilter(), limit=500)).items}
    assert items.keys() == set(ids.values())
    for want in captures.expected(name):
        item = items[ids[want.n]]
        assert item.request_class in want.request_class
        assert item.edge in want.edge
        assert item.parent_request_id in {None if parent is None else ids[parent] for parent in want.parent}
    listing = await store.conversations(ConversationFilter())
    (conversation,) = listing.items
    members = [item for item in items.values() if item.conversation_id == conversation.conversation_id]
    assert (conversation.requests, conversation.subtasks, conversation.branches) == (len(members), 2, 1)
    assert conversation.title
    for item in items.values():
        found = await store.conversation(item.request_id)
        assert (found.conversation_id if found else None) == item.conversation_id
    tree = await store.tree(members[0].request_id)
    assert tree is not None
    assert tree.conversation == conversation
    assert {node.request_id for node in tree.nodes} == {item.request_id for item in members}
    names = [branch.name for branch in tree.branches]
    assert names[0] == "main"
    assert [branch.subtask for branch in tree.branches] == [False, True, True]
    assert all(name not in {"main", "sub-task"} for name in names[1:])
    assert sum(branch.requests for branch in tree.branches) == len(tree.nodes)
    assert tree.branches[0].tokens_with_descendants == tokens_of(tree.nodes)
    for branch in tree.branches:
        assert await store.branch_name(conversation.conversation_id, branch.branch_id) == branch.name
        called = (branch.task_prompt, branch.tool_use_id, branch.parent_request_id)
        assert all(called) == branch.subtask
    assert await store.branch_name(conversation.conversation_id, UUID(int=1)) is None


@pytest.mark.parametrize("name", ["f2_compact_tui", "v2.0.76_mix"])
async def test_a_real_compaction_knows_what_it_summarised(pool: Pool, name: str) -> None:
    _, ids = await fed(pool, name)
    (want,) = [want for want in captures.expected(name) if want.edge == ("compacts",)]
    tree = await store_over(pool).tree(ids[want.n])
    assert tree is not None
    (one,) = [one for one in tree.compactions if one.request_id == ids[want.n]]
    assert one.to_request_id in {ids[parent] for parent in want.parent if parent is not None}
    assert one.from_request_id in {node.request_id for node in tree.nodes}
    assert one.messages >= one.requests > 0
    resumed = {node.request_id for node in tree.nodes if node.edge == "resumes"}
    assert set(one.resumed_by) == resumed != set()


async def test_bodies_answers_and_details_of_a_real_session(pool: Pool) -> None:
    name = "c_tools"
    _, ids = await fed(pool, name)
    store = store_over(pool)
    for one in captures.exchanges(name):
        request_id = ids[one.n]
        body, answer = await store.request_body(request_id), await store.response_bytes(request_id)
        assert body is not None
        assert answer is not None
        assert (body.data, answer.data) == (one.body, one.answer)
        details = await store.details(request_id)
        assert details is not None
        assert details.item == await store.request(request_id)
        assert details.sent.body.data == one.body
        assert details.answer.body.data == one.answer
        assert details.outcome == (details.item.outcome if details.item else None)
        topics = [event.topic for event in await store.events(request_id)]
        assert (topics[0], topics[-1]) == ("request-received", "response-completed")


async def test_an_open_exchange_shows_what_is_there(pool: Pool) -> None:
    behind = Store.over(pool)
    journal = await TestJournal.opened(behind.ship)
    first = received(UUID(int=(0x0192F5A0 << 96) + (0x7000 << 64) + (0x8 << 60) + 1))
    event, run = streamed(first.originator_id, 2, 0, b"half an ans")
    await journal.ship(behind.ship, [first, event], runs=[run])
    store = store_over(pool)
    answer = await store.response_bytes(first.originator_id)
    assert answer is not None
    assert (answer.data, answer.outcome) == (b"half an ans", "open")
    details = await store.details(first.originator_id)
    assert details is not None
    assert (details.item, details.outcome) == (None, "open")  # the projections have not seen it yet
    assert await store.newest_position() == 2
    await behind.follow()
    item = await store.request(first.originator_id)
    assert item is not None
    assert (item.outcome, item.edge, item.request_class) == ("open", "none", "auxiliary")


async def test_erased_payload_is_said_to_be_so_and_the_rest_stays(pool: Pool) -> None:
    _, ids = await fed(pool, "a_oneshot")
    await pool.execute("TRUNCATE parts, chunks")
    store = store_over(pool)
    request_id = next(iter(ids.values()))
    details = await store.details(request_id)
    assert details is not None
    assert (details.sent.body.kept, details.answer.body.kept) == ("erased", "erased")
    assert details.item is not None


async def test_a_switch_of_builds_is_seen_at_once(pool: Pool) -> None:
    behind, ids = await fed(pool, "a_oneshot")
    store = store_over(pool)
    before = (await store.requests(RequestFilter())).items
    async with behind.sources.transactions() as tx:
        build = await builds.create(tx, projection("requests"))
        await builds.switch(tx, projection("requests"), build)
    assert (await store.requests(RequestFilter())).items == []
    await behind.follow()
    assert (await store.requests(RequestFilter())).items == before
    assert len(before) == len(ids)


async def test_many_ask_at_once(pool: Pool) -> None:
    _, ids = await fed(pool, "b_multiturn")
    store = store_over(pool)
    listings: Sequence[Any] = await asyncio.gather(*(store.requests(RequestFilter()) for _ in range(30)))
    assert {len(listing.items) for listing in listings} == {len(ids)}


class Away(AbstractAsyncContextManager[Connection]):
    """Lends nothing."""

    async def __aenter__(self) -> Connection:
        raise StoreUnavailableError("PostgreSQL gave no connection.")

    async def __aexit__(self, *_: object) -> None:
        return None


async def test_a_database_that_is_away_is_said_so(pool: Pool) -> None:
    with pytest.raises(StoreUnavailableError):
        await store_over(pool, Away).requests(RequestFilter())


async def test_prices_are_asked_for_while_no_connection_is_held(live: Pool) -> None:
    """Asking takes a connection too: who held one meanwhile would wait for the others who do the same."""
    held = 0

    @asynccontextmanager
    async def lend() -> AsyncIterator[Connection]:
        nonlocal held
        async with borrowed(live, 5.0) as connection:
            held += 1
            yield connection
            held -= 1

    async def told() -> Sayings:
        assert held == 0
        asked.append(1)
        return Sayings()

    asked, someone = list[int](), UUID(int=1)
    store = DataStore(lend, PostgresEventLog(live), PostgresPayloads(live), told)
    await store.requests(RequestFilter())
    await store.requests(RequestFilter(), after=Position(0))
    await store.request(someone)
    await store.conversations(ConversationFilter())
    await store.conversation(someone)
    await store.tree(someone)
    await store.cache_verdict(someone)
    await store.status_line("s", START)
    assert len(asked) == 8
