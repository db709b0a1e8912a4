"""A build is caught up before readers see it; one of another version only on demand, and then it is pinned."""

from dataclasses import replace

import pytest

from domain.errors import SetupError
from domain.ids import Position
from ops.db.pool import Pool
from projections.catching_up import Pace, state_of
from projections.projector import Projection
from projections.read_models import builds
from projections.read_models.builds import Build, UnfitBuildError
from projections.rebuilding import build_beside, scratch
from projections.registry import projection
from projections.switching import choose, drop, switch_to
from tests.projected import Store

REQUESTS = replace(projection("requests"), version=1)
NEWER = replace(REQUESTS, version=2)
COUNT = "SELECT count(*) FROM read.requests"


async def with_builds(pool: Pool, *of: Projection) -> Store:
    """The first is live."""
    store = Store.over(pool)
    await store.append("b_multiturn")
    await store.follow_one(REQUESTS)
    for one in of:
        await build_beside(one, store.sources)
    return store


async def test_without_a_number_the_newest_candidate_is_meant(pool: Pool) -> None:
    store = await with_builds(pool, REQUESTS, REQUESTS)
    assert (await choose(REQUESTS, store.sources, None)).build == Build("requests", 1, 3)
    assert (await choose(REQUESTS, store.sources, 2)).build.number == 2
    assert (await choose(REQUESTS, store.sources, 1)).state == "live"


async def test_scratch_builds_and_retired_ones_are_no_candidates(pool: Pool) -> None:
    store = await with_builds(pool, REQUESTS)
    await switch_to(REQUESTS, Build("requests", 1, 2), store.sources)
    async with scratch(REQUESTS, store.sources, Position(0), Pace()) as build:
        with pytest.raises(UnfitBuildError, match="run `nexus projections build requests` first"):
            await choose(REQUESTS, store.sources, None)
        with pytest.raises(UnfitBuildError, match="comparison"):
            await switch_to(REQUESTS, build, store.sources)


async def test_an_unknown_number_is_refused_with_those_there_are(pool: Pool) -> None:
    store = await with_builds(pool, REQUESTS)
    with pytest.raises(SetupError, match="no build 7 of requests; there is: 1, 2"):
        await choose(REQUESTS, store.sources, 7)


async def test_readers_see_a_build_only_when_it_has_caught_up(pool: Pool) -> None:
    store = await with_builds(pool, REQUESTS)
    await store.append("a_oneshot")
    told = list[int]()
    done = await switch_to(REQUESTS, Build("requests", 1, 2), store.sources, progress=lambda at, _aim: told.append(at))
    newest = await store.sources.log.newest()
    assert (done.position, done.newest, done.pinned, told[-1]) == (newest, newest, False, newest)
    assert done.before == Build("requests", 1, 1)
    assert await pool.fetchval(COUNT) == 4


async def test_back_and_forth_every_time_with_all_rows(pool: Pool) -> None:
    store = await with_builds(pool, REQUESTS)
    for number, capture in ((2, "a_oneshot"), (1, "d1_one_agent"), (2, "d2_two_agents")):
        await store.append(capture)
        await switch_to(REQUESTS, Build("requests", 1, number), store.sources)
        expected = await pool.fetchval("SELECT count(*) FROM nexus_events WHERE topic = 'request-received'")
        assert await pool.fetchval(COUNT) == expected
    assert [one.state for one in await all_states(store)] == ["retired", "live"]


async def test_another_version_needs_the_pin_and_says_where_rows_stop(pool: Pool) -> None:
    store = await with_builds(pool, NEWER)
    await switch_to(NEWER, Build("requests", 2, 2), store.sources)
    at = await store.sources.log.newest()
    await store.append("a_oneshot")
    old = Build("requests", 1, 1)
    with pytest.raises(UnfitBuildError, match=f"stop at position {at} of .*--pin"):
        await switch_to(NEWER, old, store.sources)
    assert (await state_of(old, store.sources)).state == "retired"
    done = await switch_to(NEWER, old, store.sources, pin=True)
    assert (done.pinned, done.position) == (True, at)
    assert done.newest > at
    assert (await state_of(old, store.sources)).pinned_against == 2


async def test_the_pin_is_for_another_version_only(pool: Pool) -> None:
    store = await with_builds(pool, REQUESTS)
    done = await switch_to(REQUESTS, Build("requests", 1, 2), store.sources, pin=True)
    assert not done.pinned
    assert (await state_of(done.build, store.sources)).pinned_against is None


async def test_the_live_build_can_be_pinned_where_it_stands(pool: Pool) -> None:
    """Before newer code runs for the first time: so that it does not switch by itself."""
    store = await with_builds(pool)
    done = await switch_to(NEWER, Build("requests", 1, 1), store.sources, pin=True)
    assert (done.before, done.pinned) == (None, True)
    assert (await state_of(done.build, store.sources)).pinned_against == 2


async def test_columns_that_readers_lose_are_named(pool: Pool) -> None:
    store = await with_builds(pool, REQUESTS)
    await pool.execute("ALTER TABLE p_requests_2.requests DROP COLUMN project")
    assert (await switch_to(REQUESTS, Build("requests", 1, 2), store.sources)).lacking == ("requests.project",)


async def test_a_build_is_dropped_but_never_the_live_one(pool: Pool) -> None:
    store = await with_builds(pool, REQUESTS)
    await drop(await choose(REQUESTS, store.sources, 2), store.sources)
    assert [one.build.number for one in await all_states(store)] == [1]
    assert await pool.fetchval("SELECT to_regnamespace('p_requests_2') IS NULL")
    with pytest.raises(UnfitBuildError, match="live"):
        await drop(await choose(REQUESTS, store.sources, 1), store.sources)
    assert await pool.fetchval(COUNT) > 0


async def all_states(store: Store) -> list[builds.BuildState]:
    async with store.sources.transactions() as tx:
        return await builds.states(tx, "requests")
