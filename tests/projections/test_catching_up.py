"""A build is brought up to a position, whoever else works on it, and never past it."""

import asyncio

import pytest

from domain.ids import Position
from ops.db.pool import Pool
from projections.catching_up import Pace, catch_up, state_of
from projections.projector import Projection
from projections.read_models import builds
from projections.read_models.builds import Build, GoneBuildError
from projections.registry import projection
from tests.projected import Store

REQUESTS = projection("requests")


async def beside(store: Store, of: Projection = REQUESTS) -> Build:
    async with store.sources.transactions() as tx:
        return await builds.create(tx, of)


async def reached(store: Store, build: Build) -> int:
    return (await state_of(build, store.sources)).position


async def test_it_goes_to_the_end_and_says_how_far_it_is(pool: Pool) -> None:
    store, told = Store.over(pool), list[tuple[int, int]]()
    await store.append("b_multiturn")
    build = await beside(store)
    newest = await store.sources.log.newest()
    pace = Pace(batch_events=2, progress=lambda at, aim: told.append((at, aim)))
    assert await catch_up(REQUESTS, build, store.sources, pace=pace)
    assert await reached(store, build) == newest
    assert told[-1] == (newest, newest)
    assert [at for at, _ in told] == sorted(at for at, _ in told)
    assert len(told) > 2


@pytest.mark.parametrize("batch_events", [1, 500])
async def test_it_stops_exactly_at_the_bound(pool: Pool, batch_events: int) -> None:
    store = Store.over(pool)
    await store.append("b_multiturn")
    build = await beside(store)
    for bound in (0, 3, 6):
        assert await catch_up(REQUESTS, build, store.sources, Position(bound), Pace(batch_events))
        assert await reached(store, build) == bound


async def test_two_at_once_share_the_work(pool: Pool) -> None:
    store = Store.over(pool)
    await store.append("d2_two_agents")
    build = await beside(store)

    async def work() -> bool:
        return await catch_up(REQUESTS, build, store.sources, pace=Pace(batch_events=1))

    assert all(await asyncio.gather(work(), work(), work()))
    assert await reached(store, build) == await store.sources.log.newest()
    assert await pool.fetchval("SELECT count(*) FROM p_requests_1.requests") == 6


async def test_it_ends_when_it_is_stopped(pool: Pool) -> None:
    store, stop = Store.over(pool), asyncio.Event()
    await store.append("b_multiturn")
    build = await beside(store)
    pace = Pace(batch_events=1, stop=stop, progress=lambda _at, _aim: stop.set())
    assert not await catch_up(REQUESTS, build, store.sources, pace=pace)
    assert 0 < await reached(store, build) < await store.sources.log.newest()


async def test_a_build_that_is_dropped_is_said(pool: Pool) -> None:
    store = Store.over(pool)
    await store.append("b_multiturn")
    build = await beside(store)
    async with store.sources.transactions() as tx:
        await builds.drop(tx, build)
    with pytest.raises(GoneBuildError, match="projections list"):
        await catch_up(REQUESTS, build, store.sources)
