"""A database for synchronous property tests: one event loop and one pool for all examples."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

import pytest

from ops.db.pool import Pool, close_pool, open_pool


@dataclass(frozen=True)
class PoolRunner:
    """Runs coroutines over one pool."""

    loop: asyncio.Runner
    pool: Pool

    def run(self, work: Callable[[Pool], Awaitable[None]]) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(60):
                await work(self.pool)

        self.loop.run(bounded())


@pytest.fixture
def runner_pool(migrated_database: str) -> Iterator[PoolRunner]:
    with asyncio.Runner() as loop:
        pool = loop.run(open_pool(migrated_database, application_name="nexus-test"))
        yield PoolRunner(loop, pool)
        loop.run(close_pool(pool))
