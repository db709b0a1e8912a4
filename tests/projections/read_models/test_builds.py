"""One live build at a time, made once, switched whole; identifiers are checked."""

import asyncio

import pytest

from domain.ids import Position
from ops.db.pool import Pool
from projections.read_models import builds
from projections.read_models.builds import Build, LostCheckpointError, named
from projections.registry import projection
from tests.projected import Store

REQUESTS = projection("requests")
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


@pytest.mark.parametrize("name", ["", "A", "1a", "a b", 'a"; DROP SCHEMA public', "a" * 62, "a\n"])
def test_what_is_no_plain_identifier_never_gets_into_sql(name: str) -> None:
    with pytest.raises(ValueError, match="identifier"):
        named("CREATE SCHEMA {schema}", schema=name)
    assert named("CREATE SCHEMA {schema}", schema="p_a_1") == "CREATE SCHEMA p_a_1"
