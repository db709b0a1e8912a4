"""One live build at a time, made once, switched whole; identifiers are checked."""

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest

from domain.ids import Position
from ops.db.pool import Pool
from projections.read_models import builds, failures
from projections.read_models.builds import (
    Build,
    BuildState,
    GoneBuildError,
    LostCheckpointError,
    UnfitBuildError,
    named,
)
from projections.registry import projection
from tests.projected import Store

REQUESTS = replace(projection("requests"), version=1)
SHOWN = "SELECT definition FROM pg_views WHERE schemaname = 'read' AND viewname = 'requests'"


async def test_starters_at_once_make_one_build(pool: Pool) -> None:
    store = Store.over(pool)

    async def start() -> Build:
        async with store.sources.transactions() as tx:
            return await builds.ensure_live(tx, REQUESTS)

    made = await asyncio.gather(*(start() for _ in range(5)))
    assert set(made) == {Build("requests", REQUESTS.version, 1)}


async def test_a_build_is_made_beside_and_shown_by_a_switch(pool: Pool) -> None:
    store = Store.over(pool)
    async with store.sources.transactions() as tx:
        first = await builds.ensure_live(tx, REQUESTS)
        second = await builds.create(tx, REQUESTS)
        assert await builds.live(tx, "requests") == first
    assert "p_requests_1" in await pool.fetchval(SHOWN)
    async with store.sources.transactions() as tx:
        await builds.switch(tx, REQUESTS, second)
        assert await builds.live(tx, "requests") == second
        states = [(one.build.number, one.state, one.position) for one in await builds.states(tx)]
    assert states == [(1, "retired", 0), (2, "live", 0)]
    assert "p_requests_2" in await pool.fetchval(SHOWN)
    async with store.sources.transactions() as tx:
        await builds.drop(tx, first)
        assert [one.build for one in await builds.states(tx)] == [second]
    assert await pool.fetchval("SELECT to_regnamespace('p_requests_1') IS NULL")


async def test_a_checkpoint_moves_only_from_where_it_stands(pool: Pool) -> None:
    store = Store.over(pool)
    async with store.sources.transactions() as tx:
        build = await builds.ensure_live(tx, REQUESTS)
        await builds.move_checkpoint(tx, build, Position(0), Position(5))
        assert await builds.checkpoint(tx, build) == 5
        with pytest.raises(LostCheckpointError):
            await builds.move_checkpoint(tx, build, Position(0), Position(6))
        assert await builds.checkpoint(tx, Build("requests", 1, 99)) == 0


async def test_entering_a_build_lasts_for_the_transaction(pool: Pool) -> None:
    store = Store.over(pool)
    async with store.sources.transactions() as tx:
        await builds.enter(tx, await builds.ensure_live(tx, REQUESTS))
        assert await tx.fetchval("SELECT count(*) FROM requests") == 0
        connection = tx
        assert await connection.fetchval("SHOW search_path") == "p_requests_1, public"
    assert await pool.fetchval("SHOW search_path") == "public"


async def test_a_switch_says_what_was_live(pool: Pool) -> None:
    store = Store.over(pool)
    async with store.sources.transactions() as tx:
        first, second = await builds.create(tx, REQUESTS), await builds.create(tx, REQUESTS)
        assert await builds.switch(tx, REQUESTS, first) is None
        assert await builds.switch(tx, REQUESTS, second) == first
        assert await builds.switch(tx, REQUESTS, second) is None, "it was live already"


async def test_a_pin_is_kept_with_the_live_build_and_ends_with_the_next_switch(pool: Pool) -> None:
    store = Store.over(pool)
    async with store.sources.transactions() as tx:
        first, second = await builds.ensure_live(tx, REQUESTS), await builds.create(tx, REQUESTS)
        await builds.switch(tx, REQUESTS, first, pinned_against=2)
        assert await builds.live_state(tx, "requests") == BuildState(first, "live", Position(0), 2)
        await builds.switch(tx, REQUESTS, second)
        assert [one.pinned_against for one in await builds.states(tx, "requests")] == [None, None]
        await builds.switch(tx, REQUESTS, first)
        assert [one.pinned_against for one in await builds.states(tx)] == [None, None]
        assert await builds.states(tx, "conversations") == []


async def test_the_live_build_is_never_dropped(pool: Pool) -> None:
    store = Store.over(pool)
    async with store.sources.transactions() as tx:
        live = await builds.ensure_live(tx, REQUESTS)
    with pytest.raises(UnfitBuildError, match="switch to another"):
        async with store.sources.transactions() as tx:
            await builds.drop(tx, live)
    assert await pool.fetchval("SELECT count(*) FROM read.requests") == 0


async def test_a_build_that_is_gone_cannot_be_shown_and_the_live_one_stays(pool: Pool) -> None:
    store = Store.over(pool)
    async with store.sources.transactions() as tx:
        live, other = await builds.ensure_live(tx, REQUESTS), await builds.create(tx, REQUESTS)
        await builds.drop(tx, other)
        await builds.drop(tx, other)
    with pytest.raises(GoneBuildError):
        async with store.sources.transactions() as tx:
            await builds.switch(tx, REQUESTS, other)
    with pytest.raises(GoneBuildError):
        async with store.sources.transactions() as tx:
            await builds.hold(tx, other)
    async with store.sources.transactions() as tx:
        assert await builds.live(tx, "requests") == live


async def test_a_build_without_a_table_that_readers_need_is_not_shown(pool: Pool) -> None:
    store = Store.over(pool)
    async with store.sources.transactions() as tx:
        await builds.ensure_live(tx, REQUESTS)
        other = await builds.create(tx, REQUESTS)
    with pytest.raises(UnfitBuildError, match="no table sessions"):
        async with store.sources.transactions() as tx:
            await builds.switch(tx, replace(REQUESTS, views=("requests", "sessions")), other)
    assert "p_requests_1" in await pool.fetchval(SHOWN)


async def test_nothing_of_a_dropped_build_comes_back_with_its_number(pool: Pool) -> None:
    store = Store.over(pool)
    async with store.sources.transactions() as tx:
        await builds.ensure_live(tx, REQUESTS)
        dropped = await builds.create(tx, REQUESTS)
        await failures.record(tx, dropped, UUID(int=1), Position(3), "bad")
        await builds.drop(tx, dropped)
        assert await builds.create(tx, REQUESTS) == dropped
        assert await failures.count(tx, dropped) == 0


async def test_a_checkpoint_that_is_held_waits_with_its_writer(pool: Pool) -> None:
    store = Store.over(pool)
    async with store.sources.transactions() as tx:
        build = await builds.ensure_live(tx, REQUESTS)

    async def move() -> None:
        async with store.sources.transactions() as tx:
            await builds.move_checkpoint(tx, build, Position(0), Position(5))

    async with asyncio.TaskGroup() as tasks, store.sources.transactions() as holding:
        assert await builds.hold(holding, build) == 0
        moving = tasks.create_task(move())
        while not await pool.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"):
            assert not moving.done()
        assert await builds.checkpoint(holding, build) == 0
    async with store.sources.transactions() as tx:
        assert await builds.checkpoint(tx, build) == 5


@pytest.mark.parametrize("name", ["", "A", "1a", "a b", 'a"; DROP SCHEMA public', "a" * 62, "a\n"])
def test_what_is_no_plain_identifier_never_gets_into_sql(name: str) -> None:
    with pytest.raises(ValueError, match="identifier"):
        named("CREATE SCHEMA {schema}", schema=name)
    assert named("CREATE SCHEMA {schema}", schema="p_a_1") == "CREATE SCHEMA p_a_1"
