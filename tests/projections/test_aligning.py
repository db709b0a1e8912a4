"""Two builds are compared at one position, whoever is ahead, and whoever cannot be followed."""

import asyncio
from dataclasses import replace

import pytest

from ops.db.pool import Pool
from projections.aligning import Aligned, UnequalPositionsError, aligned
from projections.catching_up import state_of
from projections.projector import Projection
from projections.read_models import builds, digests
from projections.read_models.builds import Build
from projections.rebuilding import build_beside
from projections.registry import projection
from tests.projected import Store
from tests.shipping import TestJournal, exchange

REQUESTS = replace(projection("requests"), version=1)
NEWER = replace(REQUESTS, version=2)
LIVE, OTHER = Build("requests", 1, 1), Build("requests", 1, 2)


async def at(store: Store, build: Build) -> int:
    return (await state_of(build, store.sources)).position


async def live_and_candidate(pool: Pool, of: Projection, *, ahead: str | None) -> Store:
    """Both at the same position, or one of them some exchanges ahead."""
    store = Store.over(pool)
    await store.append("b_multiturn")
    await store.follow_one(REQUESTS)
    if ahead != "candidate":
        await build_beside(of, store.sources)
    if ahead:
        await store.append("a_oneshot")
    if ahead == "candidate":
        await build_beside(of, store.sources)
    elif ahead == "live":
        await store.follow_one(REQUESTS)
    return store


async def is_equal(pair: Aligned) -> bool:
    before = await digests.of_tables(pair.tx, pair.before, ("requests",))
    return before == await digests.of_tables(pair.tx, pair.after, ("requests",))


async def no_scratch_is_left(store: Store) -> bool:
    async with store.sources.transactions() as tx:
        return len(await builds.states(tx)) == 2


@pytest.mark.parametrize("ahead", [None, "live", "candidate"])
async def test_builds_of_this_version_both_go_to_the_further_position(pool: Pool, ahead: str | None) -> None:
    store = await live_and_candidate(pool, REQUESTS, ahead=ahead)
    newest = await store.sources.log.newest()
    async with aligned(REQUESTS, store.sources, LIVE, OTHER) as pair:
        assert (pair.before, pair.after, pair.position) == (LIVE, OTHER, newest)
        assert await is_equal(pair)
    assert await at(store, LIVE) == await at(store, OTHER) == newest


async def test_a_candidate_beyond_a_live_build_of_an_older_version_is_made_anew_up_to_there(pool: Pool) -> None:
    store = await live_and_candidate(pool, NEWER, ahead="candidate")
    candidate, position = Build("requests", 2, 2), await at(store, LIVE)
    async with aligned(NEWER, store.sources, LIVE, candidate) as pair:
        assert (pair.before, pair.position) == (LIVE, position)
        assert pair.after not in (LIVE, candidate)
        assert await is_equal(pair)
    assert await at(store, LIVE) == position < await at(store, candidate)
    assert await no_scratch_is_left(store)


async def test_a_candidate_behind_follows_a_live_build_of_an_older_version(pool: Pool) -> None:
    store = await live_and_candidate(pool, NEWER, ahead="live")
    async with aligned(NEWER, store.sources, LIVE, Build("requests", 2, 2)) as pair:
        assert (pair.after.number, pair.position) == (2, await at(store, LIVE))
        assert await is_equal(pair)


@pytest.mark.parametrize("ahead", [None, "live", "candidate"])
async def test_a_candidate_that_cannot_be_followed_is_compared_where_it_stands(pool: Pool, ahead: str | None) -> None:
    """As after a switch: what is live is of this version, and the retired build of the one before."""
    store = await live_and_candidate(pool, NEWER, ahead=ahead)
    old = Build("requests", 2, 2)
    position = await at(store, old)
    async with aligned(REQUESTS, store.sources, LIVE, old) as pair:
        assert (pair.after, pair.position) == (old, position)
        assert (pair.before == LIVE) == (ahead is None)
        assert await is_equal(pair)
    assert await no_scratch_is_left(store)


async def test_builds_that_nobody_can_bring_together_are_not_compared(pool: Pool) -> None:
    store = await live_and_candidate(pool, REQUESTS, ahead="live")
    with pytest.raises(UnequalPositionsError, match="nexus projections build"):
        async with aligned(NEWER, store.sources, LIVE, OTHER):
            pytest.fail("they are not at the same position")


async def test_what_comes_meanwhile_is_not_seen_and_not_held_up(pool: Pool) -> None:
    store = await live_and_candidate(pool, REQUESTS, ahead=None)
    async with aligned(REQUESTS, store.sources, LIVE, OTHER) as pair, asyncio.timeout(10):
        await store.append("a_oneshot")
        await store.follow_one(REQUESTS)
        assert await at(store, LIVE) > pair.position
        assert await is_equal(pair)


async def test_a_live_build_that_moves_all_the_time_is_caught(pool: Pool) -> None:
    store, stop = await live_and_candidate(pool, REQUESTS, ahead="live"), asyncio.Event()
    journal = await TestJournal.opened(store.ship)

    async def keep_moving() -> None:
        while not stop.is_set():
            await journal.ship(store.ship, exchange(3))
            await store.follow_one(REQUESTS)

    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(keep_moving())
        for _ in range(5):
            async with aligned(REQUESTS, store.sources, LIVE, OTHER) as pair:
                assert await is_equal(pair)
        stop.set()
