"""The runner follows live, waits out an outage, and goes over to a new build."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID

from domain.errors import StoreUnavailableError
from domain.ids import Position
from ops.db.pool import Pool
from projections.follower import Sources
from projections.projector import Projection, Write
from projections.read_models.builds import Build
from projections.read_models.connection import Connection
from projections.rebuilding import build_beside, rebuild
from projections.registry import PROJECTIONS, projection
from projections.runner import Runner, RunnerConfig
from projections.switching import switch_to
from tests.projected import Store
from tests.shipping import TestJournal, exchange
from tests.waiting import until, until_true

REQUESTS = replace(projection("requests"), version=1)
QUICK = RunnerConfig(backoff_s=0.01, max_backoff_s=0.02, idle_s=0.05)
DEADLINE_S = 15.0


@asynccontextmanager
async def running(sources: Sources, projections: tuple[Projection, ...] = PROJECTIONS) -> AsyncIterator[Runner]:
    stop, runner = asyncio.Event(), Runner(projections, sources, QUICK)
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as tasks:
        tasks.create_task(runner.run(stop))
        yield runner
        stop.set()


async def until_counted(pool: Pool, count: int, table: str = "read.requests") -> None:
    queries = {"read.requests": "SELECT count(*) FROM read.requests", "read.links": "SELECT count(*) FROM read.links"}

    async def counted() -> bool:
        if await pool.fetchval("SELECT to_regclass($1)", table) is None:
            return False
        return int(await pool.fetchval(queries[table])) >= count

    await until_true(counted, f"{count} rows in {table}")


async def test_every_projection_follows_live(pool: Pool) -> None:
    store = Store.over(pool)
    journal = await TestJournal.opened(store.ship)
    async with running(store.sources) as runner:
        for number in range(1, 4):
            await journal.ship(store.ship, exchange(3))
            await until_counted(pool, number)
            await until_counted(pool, number, "read.links")
        newest = await store.sources.log.newest()
        await until(lambda: all(state.position >= newest for state in runner.state.followers.values()))
        assert set(runner.state.followers) == {one.name for one in PROJECTIONS}
        assert all(state.lag == 0 for state in runner.state.followers.values())


async def test_an_outage_is_waited_out(pool: Pool) -> None:
    store, failures = Store.over(pool), 5

    @asynccontextmanager
    async def flaky() -> AsyncIterator[Connection]:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise StoreUnavailableError("away")
        async with store.sources.transactions() as tx:
            yield tx

    journal = await TestJournal.opened(store.ship)
    await journal.ship(store.ship, exchange(3))
    async with running(replace(store.sources, transactions=flaky), (REQUESTS,)):
        await until_counted(pool, 1)
    assert failures < 0


async def test_a_switch_to_another_build_is_followed(pool: Pool) -> None:
    store = Store.over(pool)
    journal = await TestJournal.opened(store.ship)
    await journal.ship(store.ship, exchange(3))
    async with running(store.sources, (REQUESTS,)):
        await until_counted(pool, 1)
        build = await rebuild(REQUESTS, store.sources)
        assert build is not None
        await journal.ship(store.ship, exchange(3))
        await until_counted(pool, 2)
    assert await pool.fetchval("SELECT count(*) FROM p_requests_2.requests") == 2


async def test_newer_code_builds_beside_and_switches(pool: Pool) -> None:
    store = Store.over(pool)
    journal = await TestJournal.opened(store.ship)
    await journal.ship(store.ship, exchange(3))
    async with running(store.sources, (REQUESTS,)):
        await until_counted(pool, 1)
    newer = replace(REQUESTS, version=2)
    async with running(store.sources, (newer,)):
        await until_true(lambda: pool.fetchval("SELECT version = 2 FROM projections WHERE state = 'live'"))
        await journal.ship(store.ship, exchange(3))
        await until_counted(pool, 2)
    states = await store.rows("SELECT version, state FROM projections ORDER BY build")
    assert [(row["version"], row["state"]) for row in states] == [(1, "retired"), (2, "live")]


async def live_version(pool: Pool) -> int | None:
    return int(await pool.fetchval("SELECT version FROM projections WHERE state = 'live'") or 0)


async def settled(runner: Runner, store: Store, position: int) -> None:
    """The runner has looked at what there is, and stands at ``position``."""
    newest = await store.sources.log.newest()

    def seen() -> bool:
        state = runner.state.followers.get("requests")
        return state is not None and (state.position, state.newest) == (position, newest)

    await until(seen)


async def test_a_rollback_to_an_older_version_stays_until_somebody_switches(pool: Pool) -> None:
    store, newer = Store.over(pool), replace(REQUESTS, version=2)
    journal = await TestJournal.opened(store.ship)
    await journal.ship(store.ship, exchange(3))
    await store.follow_one(REQUESTS)
    position = await store.sources.log.newest()
    async with running(store.sources, (newer,)):
        await until_true(lambda: pool.fetchval("SELECT version = 2 FROM projections WHERE state = 'live'"))
    async with running(store.sources, (newer,)) as runner:
        await switch_to(newer, Build("requests", 1, 1), store.sources, pin=True)
        await journal.ship(store.ship, exchange(3))
        await settled(runner, store, position)
        assert runner.state.followers["requests"].lag > 0
        assert (await live_version(pool), await pool.fetchval("SELECT count(*) FROM read.requests")) == (1, 1)
        await switch_to(newer, Build("requests", 2, 2), store.sources)
        await journal.ship(store.ship, exchange(3))
        await until_counted(pool, 3)
    assert await pool.fetchval("SELECT count(*) FROM projections") == 2, "nothing was built again"


async def test_a_pin_holds_over_a_restart_and_ends_with_a_third_version(pool: Pool) -> None:
    store = Store.over(pool)
    journal = await TestJournal.opened(store.ship)
    await journal.ship(store.ship, exchange(3))
    await store.follow_one(REQUESTS)
    position = await store.sources.log.newest()
    await switch_to(replace(REQUESTS, version=2), Build("requests", 1, 1), store.sources, pin=True)
    async with running(store.sources, (replace(REQUESTS, version=2),)) as runner:
        await settled(runner, store, position)
    assert await live_version(pool) == 1
    async with running(store.sources, (REQUESTS,)):
        await journal.ship(store.ship, exchange(3))
        await until_counted(pool, 2)
    assert await live_version(pool) == 1, "the code that made it goes on with it"
    async with running(store.sources, (replace(REQUESTS, version=3),)):
        await until_true(lambda: pool.fetchval("SELECT version = 3 FROM projections WHERE state = 'live'"))


async def test_older_code_does_not_undo_a_newer_build(pool: Pool) -> None:
    store, newer = Store.over(pool), replace(REQUESTS, version=2)
    journal = await TestJournal.opened(store.ship)
    await journal.ship(store.ship, exchange(3))
    await store.follow_one(newer)
    async with running(store.sources, (REQUESTS,)) as runner:
        await settled(runner, store, await store.sources.log.newest())
    assert await live_version(pool) == 2
    assert await pool.fetchval("SELECT count(*) FROM projections") == 1


async def test_newer_code_goes_on_with_a_build_that_is_there(pool: Pool) -> None:
    store, newer = Store.over(pool), replace(REQUESTS, version=2)
    journal = await TestJournal.opened(store.ship)
    await journal.ship(store.ship, exchange(3))
    await store.follow_one(REQUESTS)
    await build_beside(newer, store.sources)
    async with running(store.sources, (newer,)):
        await until_true(lambda: pool.fetchval("SELECT version = 2 FROM projections WHERE state = 'live'"))
        await journal.ship(store.ship, exchange(3))
        await until_counted(pool, 2)
    assert await pool.fetchval("SELECT count(*) FROM projections") == 2


async def test_stop_ends_it_at_once_also_during_an_outage(pool: Pool) -> None:
    @asynccontextmanager
    async def away() -> AsyncIterator[Connection]:
        async with store.sources.transactions() as tx:
            if not stop.is_set():
                raise StoreUnavailableError("away")
            yield tx

    store = Store.over(pool)
    slow = RunnerConfig(backoff_s=60.0)
    stop, runner = asyncio.Event(), Runner((REQUESTS,), replace(store.sources, transactions=away), slow)
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as tasks:
        ran = tasks.create_task(runner.run(stop))
        await asyncio.sleep(0)
        stop.set()
        await ran


def used(runner: Runner) -> int:
    return sum(runner.state.tokens.counts.values())


async def test_tokens_are_counted_live_and_not_again_by_a_rebuild(pool: Pool) -> None:
    store = Store.over(pool)
    await store.append("c_tools")
    async with running(store.sources, (REQUESTS,)) as runner:
        newest = await store.sources.log.newest()
        await until(lambda: REQUESTS.name in runner.state.followers)
        await until(lambda: runner.state.followers[REQUESTS.name].position >= newest)
        [row] = await store.rows(
            "SELECT sum(input_tokens)::int, sum(output_tokens)::int AS output, sum(cache_read_tokens)::int AS read "
            "FROM read.requests"
        )
        counts = dict(runner.state.tokens.counts)
        assert (counts["input"], counts["output"], counts["cache_read"]) == tuple(row.values())
        before = used(runner)
        assert before > 0
        assert await rebuild(REQUESTS, store.sources) is not None
        journal = await TestJournal.opened(store.ship)
        await journal.ship(store.ship, exchange(3))
        newest = await store.sources.log.newest()
        await until(lambda: runner.state.followers[REQUESTS.name].position >= newest)
        assert used(runner) == before
    async with running(store.sources, (REQUESTS,)) as restarted:
        await until(lambda: REQUESTS.name in restarted.state.followers)
        await until(lambda: restarted.state.followers[REQUESTS.name].position >= newest)
        assert used(restarted) == 0


async def test_rows_that_wait_for_a_newer_build_are_known_to_be_behind(pool: Pool) -> None:
    store, newer = Store.over(pool), replace(REQUESTS, version=2)
    journal = await TestJournal.opened(store.ship)
    await journal.ship(store.ship, exchange(3))
    await store.follow_one(REQUESTS)
    await journal.ship(store.ship, exchange(3))
    hold, seen = asyncio.Event(), list[int]()

    class Slow:
        """Gets nowhere until it may."""

        async def project(self, request_ids: Sequence[UUID], upto: Position) -> Write:
            seen.append(runner.state.followers[REQUESTS.name].lag)
            await hold.wait()
            return await newer.make(store.sources.reader).project(request_ids, upto)

    async with running(store.sources, (replace(newer, make=lambda _: Slow()),)) as runner:
        await until(lambda: seen)
        assert seen[0] > 0
        hold.set()
