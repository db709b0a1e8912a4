"""Rebuilds and switches back under load: a reader never sees a row missing or twice, and the rows come out the same."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from ops.db.pool import Pool
from projections.read_models import builds
from projections.rebuilding import live_digest, rebuild, rebuilt_digest
from projections.registry import projection
from projections.runner import Runner, RunnerConfig
from projections.switching import switch_to
from tests.bar import Figure
from tests.migrated import opened
from tests.projected import Store
from tests.requirements import scaled
from tests.shipping import TestJournal, exchange
from tests.waiting import until, until_true

REQUESTS = projection("requests")
SWITCHES = scaled(3, 30)
COUNT = "SELECT count(*), count(DISTINCT request_id) FROM read.requests"
IS_THERE = "SELECT to_regclass('read.requests') IS NOT NULL"
NOTIFY = "NOTIFY nexus_events"
PER_S = 200
"""Events, at most."""


async def again_and_again(work: Callable[[], Awaitable[None]], over: asyncio.Event, pause_s: float) -> None:
    while not over.is_set():
        await work()
        await asyncio.wait([asyncio.ensure_future(over.wait())], timeout=pause_s)


@pytest.mark.bar(24)
async def test_readers_miss_nothing_while_builds_are_made_and_switched_under_load(
    migrated_database: str, pool: Pool, figure: Figure
) -> None:
    seen, appended = list[int](), 0
    async with opened(migrated_database) as others, asyncio.timeout(scaled(120, 600)):
        store, live = Store.over(others), Store.over(pool)
        journal = await TestJournal.opened(store.ship)

        async def append(exchanges: int = 1) -> None:
            nonlocal appended
            appended += exchanges
            await journal.ship(store.ship, [event for _ in range(exchanges) for event in exchange(4)])
            await others.execute(NOTIFY)

        for _ in range(scaled(5, 50)):
            await append(50)

        async def read() -> None:
            row = await others.fetchrow(COUNT)
            assert row is not None
            assert row[0] == row[1], "a row is there twice"
            assert not seen or row[0] >= seen[-1], "a row that was there is missing"
            seen.append(row[0])

        stop, over = asyncio.Event(), asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(Runner((REQUESTS,), live.sources, RunnerConfig(backoff_s=0.01, idle_s=0.05)).run(stop))
            await until_true(lambda: pool.fetchval(IS_THERE))
            tasks.create_task(again_and_again(append, over, 4 / PER_S))
            tasks.create_task(again_and_again(read, over, 0.002))
            for number in range(SWITCHES):
                before = len(seen)
                if number % 3 == 2:  # back to the one before
                    async with store.sources.transactions() as tx:
                        states = await builds.states(tx, REQUESTS.name)
                    retired = [one for one in states if one.state == "retired"]
                    await switch_to(REQUESTS, retired[-1].build, store.sources)
                else:
                    await rebuild(REQUESTS, store.sources)
                await until(lambda: len(seen) > before + 3)  # noqa: B023
            over.set()
            await until_true(lambda: everything(others, appended))
            stop.set()
        digest = await live_digest(REQUESTS, store.sources)
        assert digest is not None
        assert digest.tables == await rebuilt_digest(REQUESTS, store.sources, digest.position, 500)
    figure(f"{SWITCHES} switches under load, {appended * 4} events, {len(seen)} looks: nothing missing, nothing twice")


async def everything(pool: Pool, appended: int) -> bool:
    row = await pool.fetchrow(COUNT)
    return row is not None and row[0] == appended
