"""A projection built anew is the same as the live one, and switching shows it at once."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from domain.ids import Position
from ops.db.pool import Pool
from projections import rebuilding, switching
from projections.catching_up import catch_up
from projections.projector import Projection, Write
from projections.projectors.requests import RequestsProjector
from projections.read_models import builds
from projections.read_models.builds import Build, BuildState
from projections.rebuilding import build_beside, is_left_alone, live_digest, rebuild, rebuilt_digest, renew
from projections.registry import PROJECTIONS, projection
from projections.switching import switch_to
from tests import captures
from tests.projected import Store
from tests.recorded import append_all, recorded, request_ids
from tests.shipping import TestJournal, exchange

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


@pytest.mark.bar(23)
@pytest.mark.parametrize("projected", PROJECTIONS, ids=lambda one: one.name)
@pytest.mark.parametrize("batch_events", [1, 7, 500])
async def test_live_and_rebuilt_tables_are_the_same(pool: Pool, projected: Projection, batch_events: int) -> None:
    store = await with_capture(pool)
    live = await live_digest(projected, store.sources)
    assert live is not None
    assert all(digest.rows for digest in live.tables.values() if projected.name == "requests")
    assert await rebuilt_digest(projected, store.sources, live.position, batch_events) == live.tables
    assert [row["state"] for row in await store.rows(SCHEMAS)] == ["live"] * len(PROJECTIONS), (
        "the scratch build is gone"
    )


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


@pytest.mark.bar(24)
async def test_what_the_live_build_took_in_meanwhile_is_not_taken_from_readers(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.over(pool)
    journal = await TestJournal.opened(store.ship)
    await store.follow_one(REQUESTS)

    async def overtaken(*arguments: Any, **named: Any) -> bool:
        done = await catch_up(*arguments, **named)
        await journal.ship(store.ship, exchange(3))
        await store.follow_one(REQUESTS)
        return done

    monkeypatch.setattr(rebuilding, "catch_up", overtaken)
    monkeypatch.setattr(switching, "catch_up", overtaken)
    await rebuild(REQUESTS, store.sources)
    assert await pool.fetchval("SELECT count(*) FROM read.requests") == 1
    await switch_to(REQUESTS, Build("requests", REQUESTS.version, 1), store.sources)
    assert await pool.fetchval("SELECT count(*) FROM read.requests") == 2


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
    assert len(await store.rows(SCHEMAS)) == len(PROJECTIONS)


async def test_without_a_live_build_there_is_no_digest(pool: Pool) -> None:
    assert await live_digest(REQUESTS, Store.over(pool).sources) is None


async def test_an_old_build_follows_on_after_a_switch_back(pool: Pool) -> None:
    store = await with_capture(pool, "b_multiturn")
    assert await rebuild(REQUESTS, store.sources) is not None
    async with store.sources.transactions() as tx:
        await builds.switch(tx, REQUESTS, Build("requests", REQUESTS.version, 1))
    await with_capture(pool, "a_oneshot")
    assert await pool.fetchval("SELECT count(*) FROM read.requests") == 4


async def test_a_build_beside_shows_readers_nothing(pool: Pool) -> None:
    store = await with_capture(pool)
    await pool.execute("DELETE FROM p_requests_1.requests")
    build = await build_beside(REQUESTS, store.sources)
    assert await pool.fetchval("SELECT count(*) FROM read.requests") == 0
    assert await pool.fetchval("SELECT count(*) FROM p_requests_2.requests") == 6
    assert [(one.build, one.state) for one in await states(store)] == [
        (Build("requests", REQUESTS.version, 1), "live"),
        (build, "building"),
    ]


async def test_of_the_retired_builds_a_rebuild_keeps_the_last_and_leaves_candidates_alone(pool: Pool) -> None:
    store = await with_capture(pool)
    candidate = await build_beside(REQUESTS, store.sources)
    for _ in range(3):
        await rebuild(REQUESTS, store.sources)
    assert [(one.build.number, one.state) for one in await states(store)] == [
        (candidate.number, "building"),
        (4, "retired"),
        (5, "live"),
    ]
    assert await pool.fetchval("SELECT to_regnamespace('p_requests_1') IS NULL")


async def test_code_by_itself_takes_up_a_build_that_is_there(pool: Pool) -> None:
    store, newer = await with_capture(pool), replace(REQUESTS, version=REQUESTS.version + 1)
    built = await build_beside(newer, store.sources)
    await renew(newer, store.sources, asyncio.Event())
    assert [(one.build, one.state) for one in await states(store)] == [
        (Build("requests", REQUESTS.version, 1), "retired"),
        (built, "live"),
    ]


async def test_code_that_is_stopped_leaves_what_it_took_up_and_nothing_of_its_own(pool: Pool) -> None:
    store, newer, stop = await with_capture(pool), replace(REQUESTS, version=REQUESTS.version + 1), asyncio.Event()
    stop.set()
    await renew(newer, store.sources, stop)
    assert len(await states(store)) == 1
    built = await build_beside(newer, store.sources)
    await renew(newer, store.sources, stop)
    assert [(one.build, one.state) for one in await states(store)][1:] == [(built, "building")]


async def test_a_pin_that_is_set_meanwhile_is_respected_but_not_by_who_asks_for_a_rebuild(pool: Pool) -> None:
    store, newer = await with_capture(pool), replace(REQUESTS, version=REQUESTS.version + 1)
    async with store.sources.transactions() as tx:
        await builds.switch(tx, newer, Build("requests", REQUESTS.version, 1), pinned_against=REQUESTS.version + 1)
    await renew(newer, store.sources, asyncio.Event())
    assert [one.state for one in await states(store)] == ["live", "building"]
    assert await rebuild(newer, store.sources) is not None
    assert [(one.state, one.pinned_against) for one in await states(store)] == [
        ("retired", None),
        ("building", None),
        ("live", None),
    ]


@pytest.mark.parametrize(
    ("live_version", "pinned_against", "alone"),
    [(1, None, False), (1, 2, True), (1, 1, False), (1, 3, False), (3, None, True), (3, 2, True)],
)
def test_code_leaves_alone_what_is_pinned_against_it_or_newer(
    live_version: int, pinned_against: int | None, alone: bool
) -> None:
    live = BuildState(Build("requests", live_version, 1), "live", Position(0), pinned_against)
    assert is_left_alone(live, 2) is alone


async def test_scratch_builds_are_marked(pool: Pool) -> None:
    """So that nobody takes them for a candidate, and a list shows what a killed verification left."""
    store, seen = await with_capture(pool), list[str]()

    class Spy(RequestsProjector):
        async def project(self, request_ids: Sequence[UUID], upto: Position) -> Write:
            seen.extend(one.state for one in await states(store))
            return await super().project(request_ids, upto)

    await rebuilt_digest(replace(REQUESTS, make=Spy), store.sources, Position(3), 500)
    assert seen == ["live", "scratch"]


async def test_what_readers_see_is_digested_with_the_tables(pool: Pool) -> None:
    store = await with_capture(pool)
    live = await live_digest(projection("conversations"), store.sources)
    assert live is not None
    assert live.views == {view: live.tables[view] for view in projection("conversations").views}


async def states(store: Store) -> list[BuildState]:
    async with store.sources.transactions() as tx:
        return await builds.states(tx, "requests")
