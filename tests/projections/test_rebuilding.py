"""A projection built anew is the same as the live one, and switching shows it at once."""

import asyncio
from dataclasses import replace

import pytest

from domain.ids import Position
from ops.db.pool import Pool
from projections.projector import Projection
from projections.read_models import builds
from projections.rebuilding import live_digest, rebuild, rebuilt_digest
from projections.registry import PROJECTIONS, projection
from tests import captures
from tests.projected import Store
from tests.recorded import append_all, recorded, request_ids

REQUESTS = projection("requests")
SCHEMAS = "SELECT schema, state FROM projections ORDER BY name, build"


async def with_capture(pool: Pool, name: str = "d2_two_agents", *, follow: bool = True) -> Store:
    store = Store.over(pool)
    listed = captures.exchanges(name)
    ids = request_ids(listed)
    await append_all(store.ship, [await recorded(one, ids[one.n], store.ship) for one in listed])
    if follow:
        await store.follow(batch_events=5)
    return store


@pytest.mark.parametrize("projected", PROJECTIONS, ids=lambda one: one.name)
@pytest.mark.parametrize("batch_events", [1, 7, 500])
async def test_live_and_rebuilt_tables_are_the_same(pool: Pool, projected: Projection, batch_events: int) -> None:
    store = await with_capture(pool)
    live = await live_digest(projected, store.sources)
    assert live is not None
    assert all(digest.rows for digest in live.tables.values() if projected.name == "requests")
    assert await rebuilt_digest(projected, store.sources, live.position, batch_events) == live.tables
    assert [row["state"] for row in await store.rows(SCHEMAS)] == ["live", "live"], "the scratch build is gone"


async def test_a_live_row_that_was_changed_is_noticed(pool: Pool) -> None:
    store = await with_capture(pool)
    changed = "UPDATE p_requests_1.requests SET status = 201 WHERE request_id = $1"
    await pool.execute(changed, await pool.fetchval("SELECT request_id FROM p_requests_1.requests LIMIT 1"))
    live = await live_digest(REQUESTS, store.sources)
    assert live is not None
    assert await rebuilt_digest(REQUESTS, store.sources, live.position, 100) != live.tables


async def test_events_after_the_live_checkpoint_do_not_count(pool: Pool) -> None:
    store = await with_capture(pool, "b_multiturn")
    live = await live_digest(REQUESTS, store.sources)
    assert live is not None
    await with_capture(pool, "a_oneshot", follow=False)
    assert await live_digest(REQUESTS, store.sources) == live
    assert await rebuilt_digest(REQUESTS, store.sources, live.position, 100) == live.tables


async def test_a_rebuild_switches_and_keeps_the_old_build(pool: Pool) -> None:
    store = await with_capture(pool)
    await pool.execute("DELETE FROM p_requests_1.requests")
    reached: list[tuple[Position, Position]] = []
    build = await rebuild(REQUESTS, store.sources, progress=lambda at, aim: reached.append((at, aim)))
    assert build is not None
    assert build.number == 2
    assert reached[-1][0] == reached[-1][1] > 0
    assert await pool.fetchval("SELECT count(*) FROM read.requests") == 6
    rows = await store.rows("SELECT schema, state FROM projections WHERE name = 'requests' ORDER BY build")
    assert [(row["schema"], row["state"]) for row in rows] == [("p_requests_1", "retired"), ("p_requests_2", "live")]


async def test_a_rebuild_that_is_stopped_leaves_nothing(pool: Pool) -> None:
    store = await with_capture(pool)
    before = await store.rows(SCHEMAS)
    stop = asyncio.Event()
    stop.set()
    assert await rebuild(REQUESTS, store.sources, stop=stop) is None
    assert await store.rows(SCHEMAS) == before
    assert await pool.fetchval("SELECT to_regnamespace('p_requests_2') IS NULL")


async def test_a_digest_that_fails_leaves_no_build(pool: Pool) -> None:
    store = await with_capture(pool)
    broken = replace(REQUESTS, tables=("requests", "missing"))
    with pytest.raises(Exception, match="missing"):
        await rebuilt_digest(broken, store.sources, Position(10), 100)
    assert len(await store.rows(SCHEMAS)) == 2


async def test_without_a_live_build_there_is_no_digest(pool: Pool) -> None:
    assert await live_digest(REQUESTS, Store.over(pool).sources) is None


async def test_an_old_build_follows_on_after_a_switch_back(pool: Pool) -> None:
    store = await with_capture(pool, "b_multiturn")
    assert await rebuild(REQUESTS, store.sources) is not None
    async with store.sources.transactions() as tx:
        await builds.switch(tx, REQUESTS, builds.Build("requests", 1, 1))
    await with_capture(pool, "a_oneshot")
    assert await pool.fetchval("SELECT count(*) FROM read.requests") == 4
