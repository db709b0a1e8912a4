"""Conversations add up to what a plain loop over their exchanges gives, and any member finds its conversation."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ops.db.pool import Pool
from projections.read_models.conversation_queries import ConversationFilter, newest, nodes, one, openings, titles
from projections.read_models.request_queries import Place
from schemas.read_api import ConversationItem
from tests.stored_rows import (
    ACCOUNTS,
    PROJECTS,
    SESSIONS,
    START,
    Stored,
    conversations,
    histories,
    link_row,
    make_live,
    request_row,
    stored,
)

on_one_database = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
SECONDS = st.none() | st.integers(-1, 11).map(lambda second: START + timedelta(seconds=second))
INSERT_TASK = """
INSERT INTO tasks (request_id, ordinal, scope, session, tool_use_id, prompt, agent_type, description)
VALUES ($1, $2, 'tenant', '', $3, $1, $4, $5)
"""


@pytest.fixture
async def read_models(pool: Pool) -> Pool:
    await make_live(pool)
    return pool


def filters() -> st.SearchStrategy[ConversationFilter]:
    return st.builds(
        ConversationFilter,
        session=st.sampled_from([*SESSIONS, None, "other"]),
        account=st.sampled_from([*ACCOUNTS, None]),
        project=st.sampled_from([*PROJECTS, None]),
        title=st.sampled_from([None, None, "TALK", "1", "%", "no such"]),
        since=SECONDS,
        until=SECONDS,
    )


def last_at(members: Sequence[Stored]) -> Place:
    """The order of the list."""
    return max(each.row.received_at for each in members), members[0].row.request_id


def matches(members: Sequence[Stored], wanted: ConversationFilter) -> bool:
    root, (at, _) = members[0].row, last_at(members)
    return (
        (wanted.session is None or any(each.row.session_id == wanted.session for each in members))
        and wanted.account in {None, root.account}
        and wanted.project in {None, root.project}
        and (wanted.title is None or wanted.title.lower() in f"talk {root.request_id.int}")
        and (wanted.since is None or at >= wanted.since)
        and (wanted.until is None or at < wanted.until)
    )


def ids(items: Sequence[ConversationItem]) -> list[UUID]:
    return [item.conversation_id for item in items]


@on_one_database
@given(histories(), filters(), st.integers(1, 10), st.data())
async def test_a_page_holds_the_latest_that_match_and_lie_behind_the_place(
    read_models: Pool, exchanges: list[Stored], wanted: ConversationFilter, limit: int, data: st.DataObject
) -> None:
    talks = conversations(exchanges)
    places = {last_at(members): members for members in talks.values()}
    before = data.draw(st.none() | st.sampled_from(sorted(places)) if places else st.none())
    expected = [
        place[1]
        for place in sorted(places, reverse=True)
        if matches(places[place], wanted) and (before is None or place < before)
    ]
    async with stored(read_models, exchanges) as connection:
        assert ids(await newest(connection, wanted, before, limit)) == expected[:limit]


def in_order_of_appearance(members: Sequence[Stored], name: str) -> list[str]:
    """Which values there are, by the first time they were received; then by name."""
    first: dict[str, datetime] = {}
    for each in sorted(members, key=lambda each: each.row.received_at):
        value = getattr(each.row, name)
        if value is not None:
            first.setdefault(value, each.row.received_at)
    return sorted(first, key=lambda value: (first[value], value))


def total(members: Sequence[Stored], *names: str) -> int:
    return sum(getattr(each.row, name) or 0 for each in members for name in names)


def is_failure(each: Stored) -> bool:
    return each.row.outcome not in {"open", "completed"} or (each.row.status or 0) >= 400


@on_one_database
@given(histories())
async def test_a_conversation_adds_up(read_models: Pool, exchanges: list[Stored]) -> None:
    talks = conversations(exchanges)
    async with stored(read_models, exchanges) as connection:
        found = {item.conversation_id: item for item in await newest(connection, ConversationFilter(), None, 100)}
    assert found.keys() == talks.keys()
    for conversation_id, members in talks.items():
        item, root = found[conversation_id], members[0].row
        edges = [each.link.edge for each in members if each.link]
        assert item == ConversationItem(
            conversation_id=conversation_id,
            title=f"Talk {conversation_id.int}",
            client_domain="localhost",
            account=root.account,
            project=root.project,
            session_ids=in_order_of_appearance(members, "session_id"),
            started_at=root.received_at,
            last_at=max(each.row.received_at for each in members),
            open_requests=sum(each.row.outcome == "open" for each in members),
            requests=len(members),
            branches=edges.count("root") + edges.count("branches"),
            subtasks=edges.count("spawned"),
            failures=sum(map(is_failure, members)),
            models=in_order_of_appearance(members, "model"),
            input_tokens=total(members, "input_tokens"),
            output_tokens=total(members, "output_tokens"),
            cache_read_tokens=total(members, "cache_read_tokens"),
            cache_write_tokens=total(members, "cache_write_5m_tokens", "cache_write_1h_tokens"),
        )


@on_one_database
@given(histories())
async def test_any_member_finds_its_conversation_and_nobody_else_does(
    read_models: Pool, exchanges: list[Stored]
) -> None:
    async with stored(read_models, exchanges) as connection:
        for each in [*exchanges, Stored(request_row(99), None)]:
            found = await one(connection, each.row.request_id)
            assert (found.conversation_id if found else None) == (each.link.conversation_id if each.link else None)


@on_one_database
@given(histories())
async def test_titles_are_those_of_the_conversations_that_are_named(read_models: Pool, exchanges: list[Stored]) -> None:
    async with stored(read_models, exchanges) as connection:
        every = {item.conversation_id: item.title for item in await newest(connection, ConversationFilter(), None, 100)}
        named = [*list(every)[1:], UUID(int=99)]
        assert await titles(connection, named) == {one: every[one] for one in named if one in every}


@on_one_database
@given(histories())
async def test_the_nodes_are_the_members_in_the_order_they_were_received(
    read_models: Pool, exchanges: list[Stored]
) -> None:
    async with stored(read_models, exchanges) as connection:
        for conversation_id, members in conversations(exchanges).items():
            found = await nodes(connection, conversation_id)
            expected = sorted(members, key=lambda each: each.place)
            assert [node.request_id for node in found] == [each.row.request_id for each in expected]
            for node, each in zip(found, expected, strict=True):
                assert each.link is not None
                assert (node.edge, node.depth, node.branch_id) == (each.link.edge, each.link.depth, each.link.branch_id)
                assert (node.parent_request_id, node.outcome) == (each.link.parent_request_id, each.row.outcome)
                short, long = each.row.cache_write_5m_tokens, each.row.cache_write_1h_tokens  # known both or neither
                assert node.cache_write_tokens == (None if short is None or long is None else short + long)


async def test_a_node_tells_of_the_sub_task_that_it_begins(read_models: Pool) -> None:
    parent, child, later = (request_row(n, received_at=START + timedelta(seconds=n), agent_id="a1") for n in (1, 2, 3))
    spawned = link_row(
        child,
        edge="spawned",
        parent_request_id=parent.request_id,
        conversation_id=parent.request_id,
        tool_use_id="toolu_1",
        depth=1,
    )
    goes_on = link_row(
        later,
        edge="branches",
        parent_request_id=parent.request_id,
        conversation_id=parent.request_id,
        branch_id=later.request_id,
        tool_use_id="toolu_1",
        depth=1,
    )
    exchanges = [Stored(parent, link_row(parent)), Stored(child, spawned), Stored(later, goes_on)]
    async with stored(read_models, exchanges) as connection:
        await connection.execute(INSERT_TASK, parent.request_id, 0, "toolu_0", "explorer", "Look elsewhere")
        await connection.execute(INSERT_TASK, parent.request_id, 1, "toolu_1", "explorer", "Find the parser")
        await connection.execute(INSERT_TASK, parent.request_id, 2, "toolu_1", "again", "The same id again")
        found = await nodes(connection, parent.request_id)
        opening = await openings(connection, parent.request_id)
    assert [node.tool_use_id for node in found] == [None, "toolu_1", "toolu_1"]
    assert opening == found
    said = [(node.request_id.int, node.agent_type, node.task, node.agent_id) for node in found]
    assert said == [(1, None, None, "a1"), (2, "explorer", "Find the parser", "a1"), (3, None, None, "a1")]


@on_one_database
@given(histories())
async def test_openings_are_the_nodes_that_begin_a_line_of_talk(read_models: Pool, exchanges: list[Stored]) -> None:
    async with stored(read_models, exchanges) as connection:
        for conversation_id in conversations(exchanges):
            found = await nodes(connection, conversation_id)
            expected = [node for node in found if node.edge in {"root", "branches", "forks", "spawned"}]
            assert await openings(connection, conversation_id) == expected


async def test_a_node_tells_its_session(read_models: Pool) -> None:
    row = request_row(1, session_id="s1")
    async with stored(read_models, [Stored(row, link_row(row))]) as connection:
        (node,) = await nodes(connection, row.request_id)
    assert node.session_id == "s1"


async def test_a_task_without_words_has_none(read_models: Pool) -> None:
    parent, child = request_row(1), request_row(2)
    spawned = link_row(
        child, edge="spawned", parent_request_id=parent.request_id, conversation_id=parent.request_id, tool_use_id="t"
    )
    async with stored(read_models, [Stored(parent, link_row(parent)), Stored(child, spawned)]) as connection:
        await connection.execute(INSERT_TASK, parent.request_id, 0, "t", "", "")
        node = (await nodes(connection, parent.request_id))[1]
    assert (node.agent_type, node.task) == (None, None)


async def test_a_link_whose_row_is_still_to_come_counts_as_open_exchange(read_models: Pool) -> None:
    row = request_row(1)
    async with stored(read_models, [Stored(row, link_row(row))]) as connection:
        await connection.execute("DELETE FROM read.requests")
        (node,) = await nodes(connection, row.request_id)
        (item,) = await newest(connection, ConversationFilter(), None, 10)
    assert (node.outcome, node.status, node.input_tokens) == ("open", None, None)
    assert (item.requests, item.input_tokens, item.models) == (1, 0, [])


async def test_there_are_none_before_the_first_build(pool: Pool) -> None:
    async with pool.acquire() as connection:
        assert await newest(connection, ConversationFilter(), None, 10) == []
        assert await one(connection, UUID(int=1)) is None
        assert await nodes(connection, UUID(int=1)) == []
        assert await titles(connection, [UUID(int=1)]) == {}
