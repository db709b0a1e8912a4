"""Lists of exchanges say the same as a plain loop over the rows, and use the index that is meant for them."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.ids import Position
from ops.db.pool import Pool
from projections.read_models import builds, request_queries
from projections.read_models.request_queries import RequestFilter, changed, counts, newest, one
from projections.read_models.rows import as_json
from projections.registry import projection
from schemas.read_api import RequestItem
from tests.stored_rows import (
    ACCOUNTS,
    CLASSES,
    MODELS,
    OUTCOMES,
    PROJECTS,
    SESSIONS,
    START,
    STATUSES,
    Stored,
    histories,
    link_row,
    make_live,
    request_row,
    stored,
)

on_one_database = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
SECONDS = st.none() | st.integers(-1, 11).map(lambda second: START + timedelta(seconds=second))


@pytest.fixture
async def read_models(pool: Pool) -> Pool:
    await make_live(pool)
    return pool


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "conversation": st.integers(1, 26).map(lambda number: UUID(int=number)),
    "session": st.sampled_from([*SESSIONS, "other"]),
    "request_class": st.sampled_from(CLASSES),
    "model": st.sampled_from(MODELS),
    "status": st.sampled_from([*STATUSES, 404]),
    "outcome": st.sampled_from(OUTCOMES),
    "account": st.sampled_from([*ACCOUNTS[:2], "tenant"]),
    "project": st.sampled_from(PROJECTS),
    "since": SECONDS,
    "until": SECONDS,
}


@st.composite
def filters(draw: st.DrawFn) -> RequestFilter:
    """At most two at a time, or hardly anything would fit."""
    names = draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=2, unique=True))
    return RequestFilter(**{name: draw(VALUES[name]) for name in names})


def matches(stored: Stored, wanted: RequestFilter, exchanges: Sequence[Stored]) -> bool:
    """The plain rule."""
    row, link = stored.row, stored.link
    of_member = {each.row.request_id: each.link.conversation_id for each in exchanges if each.link}
    conversation = of_member.get(wanted.conversation) if wanted.conversation else None
    return (
        (
            wanted.conversation is None
            or (conversation is not None and link is not None and link.conversation_id == conversation)
        )
        and (wanted.request_class is None or (link is not None and link.request_class == wanted.request_class))
        and wanted.session in {None, row.session_id}
        and wanted.model in {None, row.model}
        and wanted.status in {None, row.status}
        and wanted.outcome in {None, row.outcome}
        and wanted.account in {None, row.account or row.scope}
        and wanted.project in {None, row.project}
        and (wanted.since is None or row.received_at >= wanted.since)
        and (wanted.until is None or row.received_at < wanted.until)
    )


def ids(items: Sequence[RequestItem]) -> list[int]:
    return [item.request_id.int for item in items]


@on_one_database
@given(histories(), filters(), st.integers(1, 30), st.data())
async def test_a_page_holds_the_newest_that_match_and_are_older_than_the_place(
    read_models: Pool, exchanges: list[Stored], wanted: RequestFilter, limit: int, data: st.DataObject
) -> None:
    places = [each.place for each in exchanges]
    before = data.draw(st.none() | st.sampled_from(places) if places else st.none())
    matching = [each for each in exchanges if matches(each, wanted, exchanges)]
    older = [each for each in matching if before is None or each.place < before]
    expected = [each.row.request_id.int for each in sorted(older, key=lambda each: each.place, reverse=True)]
    async with stored(read_models, exchanges) as connection:
        assert ids(await newest(connection, wanted, before, limit)) == expected[:limit]


@on_one_database
@given(histories(), filters(), st.integers(1, 30), st.integers(0, 25), st.integers(0, 25))
async def test_what_changed_comes_by_position_between_the_two_given(
    read_models: Pool, exchanges: list[Stored], wanted: RequestFilter, limit: int, after: int, upto: int
) -> None:
    matching = [each for each in exchanges if matches(each, wanted, exchanges)]
    expected = sorted(each.row.position for each in matching if after < each.row.position <= upto)
    async with stored(read_models, exchanges) as connection:
        items = await changed(connection, wanted, Position(after), Position(upto), limit)
    assert [item.position for item in items] == expected[:limit]


@pytest.mark.parametrize("wanted", [RequestFilter(), RequestFilter(request_class="main")])
async def test_rows_of_one_moment_are_told_apart_by_their_ids(read_models: Pool, wanted: RequestFilter) -> None:
    rows = [request_row(number) for number in range(1, 8)]
    async with stored(read_models, [Stored(row, link_row(row)) for row in rows]) as connection:
        first = await newest(connection, wanted, None, 3)
        second = await newest(connection, wanted, (START, first[-1].request_id), 3)
        third = await newest(connection, wanted, (START, second[-1].request_id), 3)
    assert [ids(page) for page in (first, second, third)] == [[7, 6, 5], [4, 3, 2], [1]]


@on_one_database
@given(histories())
async def test_attempts_count_the_first_try_and_its_retries(read_models: Pool, exchanges: list[Stored]) -> None:
    def turn_of(each: Stored) -> UUID:
        link = each.link
        retry = link is not None and link.edge == "retries" and link.parent_request_id is not None
        return link.parent_request_id if retry else each.row.request_id  # type: ignore[union-attr,return-value]  # just asked

    turns = [turn_of(each) for each in exchanges]
    async with stored(read_models, exchanges) as connection:
        items = {item.request_id: item.attempts for item in await newest(connection, RequestFilter(), None, 100)}
    assert items == {each.row.request_id: turns.count(turn) for each, turn in zip(exchanges, turns, strict=True)}


async def test_an_item_has_what_the_rows_say(read_models: Pool) -> None:
    row = request_row(
        7,
        received_at=START,
        completed_at=START + timedelta(seconds=2),
        method="POST",
        path="/v1/messages?beta=true",
        account="acme",
        key_id="k1",
        project="nexus",
        session_id="s1",
        agent_id="a1",
        model="opus",
        stop_reason="end_turn",
        error_type="overloaded_error",
        error_message="Overloaded",
        detail="cut",
        parsable=False,
        missing_bytes=3,
        input_tokens=1,
        output_tokens=2,
        cache_read_tokens=3,
        cache_write_5m_tokens=4,
        cache_write_1h_tokens=5,
        time_to_first_byte_us=1500,
        duration_us=2_000_001,
        upstream_request_id="req_1",
    )
    link = link_row(
        row,
        request_class="subagent",
        edge="spawned",
        parent_request_id=UUID(int=3),
        confidence=0.7,
        tool_use_id="toolu_1",
    )
    async with stored(read_models, [Stored(row, link)]) as connection:
        item = await one(connection, row.request_id)
    assert item is not None
    assert json.loads(item.model_dump_json()) == {
        "request_id": str(row.request_id),
        "position": 7,
        "received_at": "2026-11-22T09:30:00Z",
        "completed_at": "2026-11-22T09:30:02Z",
        "method": "POST",
        "path": "/v1/messages?beta=true",
        "client_domain": "localhost",
        "account": "acme",
        "key": "k1",
        "project": "nexus",
        "session_id": "s1",
        "agent_id": "a1",
        "class": "subagent",
        "edge": "spawned",
        "confidence": 0.7,
        "evidence": [{"kind": "no earlier exchange", "detail": "x"}],
        "parent_request_id": str(UUID(int=3)),
        "conversation_id": str(row.request_id),
        "branch_id": str(row.request_id),
        "tool_use_id": "toolu_1",
        "model": "opus",
        "status": 200,
        "outcome": "completed",
        "attempts": 1,
        "input_tokens": 1,
        "output_tokens": 2,
        "cache_read_tokens": 3,
        "cache_write_5m_tokens": 4,
        "cache_write_1h_tokens": 5,
        "cost_usd": None,
        "time_to_first_byte_ms": 1.5,
        "duration_ms": 2000.001,
        "upstream_request_id": "req_1",
        "stop_reason": "end_turn",
        "error_type": "overloaded_error",
        "error_message": "Overloaded",
        "detail": "cut",
        "parsable": False,
        "missing_bytes": 3,
        "unrecorded": False,
    }


async def test_class_and_edge_are_null_until_linked(read_models: Pool) -> None:
    row = request_row(7)
    async with stored(read_models, [Stored(row, None)]) as connection:
        item = await one(connection, row.request_id)
    assert item is not None
    said = item.model_dump()
    assert {said[name] for name in ("class", "edge", "confidence", "conversation_id", "branch_id")} == {None}
    assert (item.evidence, item.attempts) == ([], 1)


async def test_nobody_is_found_under_an_unknown_id(read_models: Pool) -> None:
    async with stored(read_models, [Stored(request_row(7), None)]) as connection:
        assert await one(connection, UUID(int=8)) is None


@on_one_database
@given(histories(), st.integers(1, 30))
async def test_counts_go_up_to_the_limit(read_models: Pool, exchanges: list[Stored], limit: int) -> None:
    async with stored(read_models, exchanges) as connection:
        said = await counts(connection, limit)
    opened = [each for each in exchanges if each.row.outcome == "open"]
    talks = {each.link.conversation_id for each in exchanges if each.link} - {None}
    assert (said.requests, said.conversations, said.open_requests) == (
        min(limit, len(exchanges)),
        min(limit, len(talks)),
        min(limit, len(opened)),
    )


async def test_everything_counts_nothing_before_the_first_build(pool: Pool) -> None:
    async with pool.acquire() as connection:
        said = await counts(connection, 10)
        assert (said.requests, said.conversations, said.open_requests) == (0, 0, 0)
        assert await newest(connection, RequestFilter(), None, 10) == []
        assert await one(connection, UUID(int=1)) is None


def index_names(plan: dict[str, Any]) -> set[str]:
    own = {plan["Index Name"]} if "Index Name" in plan else set()
    return own.union(*(index_names(below) for below in plan.get("Plans", [])))


def node_types(plan: dict[str, Any]) -> set[str]:
    return {plan["Node Type"]}.union(*(node_types(below) for below in plan.get("Plans", [])))


LISTS: list[tuple[str, dict[int, object], str]] = [
    ("SELECT_BY_TIME", {}, "requests_by_time"),
    ("SELECT_BY_TIME", {10: START, 11: UUID(int=5)}, "requests_by_time"),
    ("SELECT_BY_TIME", {2: "s1"}, "requests_by_session"),
    ("SELECT_BY_TIME", {4: 599}, "requests_by_status"),
    ("SELECT_BY_TIME", {5: "shutdown"}, "requests_by_outcome"),
    ("SELECT_BY_TIME", {6: "somebody"}, "requests_by_payer"),
    ("SELECT_BY_TIME", {7: "something"}, "requests_by_project"),
    ("SELECT_BY_LINK", {10: UUID(int=5)}, "links_by_conversation"),
    ("SELECT_BY_LINK", {11: "compaction"}, "links_by_class"),
    ("SELECT_BY_POSITION", {12: 10, 13: 40_000}, "requests_by_position"),
]
MANY = 5_000
MANY_REQUESTS = """
INSERT INTO requests
SELECT (jsonb_populate_record(NULL::requests, $1::jsonb || jsonb_build_object(
    'request_id', lpad(to_hex(n), 32, '0'), 'position', n, 'received_at', now() + n * interval '1 second',
    'session_id', 's' || n))).*
FROM generate_series(1, $2::int) AS n
"""
MANY_LINKS = """
INSERT INTO links
SELECT (jsonb_populate_record(NULL::links, $1::jsonb || jsonb_build_object(
    'request_id', r.request_id, 'received_at', r.received_at, 'conversation_id', r.request_id))).*
FROM read.requests r
"""


async def test_every_list_reads_along_its_index(read_models: Pool) -> None:
    """Whatever else is filtered: no list looks at every row."""
    row = request_row(1)
    async with stored(read_models, []) as connection:
        await builds.enter(connection, await builds.ensure_live(connection, projection("requests")))
        await connection.execute(MANY_REQUESTS, as_json([row])[1:-1], MANY)
        await builds.enter(connection, await builds.ensure_live(connection, projection("conversations")))
        await connection.execute(MANY_LINKS, as_json([link_row(row)])[1:-1])
        await connection.execute("ANALYZE")
        await connection.execute("SET LOCAL plan_cache_mode = force_custom_plan")
        await connection.execute("SET LOCAL random_page_cost = 1.1")  # a few thousand rows stand for millions
        for query, arguments, index in LISTS:
            last = {"SELECT_BY_TIME": 11}.get(query, 13)
            given_values = [50, *(arguments.get(number) for number in range(2, last + 1))]
            explain = "EXPLAIN (FORMAT JSON) " + getattr(request_queries, query)
            (plan,) = json.loads(await connection.fetchval(explain, *given_values))
            assert index in index_names(plan["Plan"]), query
            assert "Seq Scan" not in node_types(plan["Plan"]), query
