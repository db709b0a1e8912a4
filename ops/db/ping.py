"""Does the database answer? Asked again and again, also while nothing is written."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from domain.errors import StoreUnavailableError
from ops.db.borrowing import borrowed
from ops.db.pool import Pool

PERIOD_S = 1.0
DEADLINE_S = 3.0
_PING = "SELECT 1"


async def answers(pool: Pool, deadline_s: float = DEADLINE_S) -> bool:
    """False: it is away, refuses, or is too slow."""
    try:
        async with borrowed(pool, deadline_s) as connection:
            return bool(await connection.fetchval(_PING) == 1)
    except StoreUnavailableError:
        return False


@asynccontextmanager
async def watched(pool: Pool, tell: Callable[[bool], None], period_s: float = PERIOD_S) -> AsyncIterator[None]:
    """Tell whether it answers, every ``period_s`` while inside."""

    async def watch() -> None:
        while True:
            tell(await answers(pool))
            await asyncio.sleep(period_s)

    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(watch())
        yield
        watching.cancel()
