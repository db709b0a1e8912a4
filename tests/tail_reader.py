"""A reader that follows the event store through its deaths: what did it miss, what did it see twice?"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from domain.errors import StoreUnavailableError
from domain.ids import Position
from ops.db.event_log import PostgresEventLog
from ops.db.pool import close_pool, open_pool
from tests.waiting import until

_PAGE = 500
_LOOK_S = 0.02


class TailReader:
    """Reads what is above the last position it saw, again and again."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._begun: Position | None = None
        self._seen: list[Position] = []
        self._empty_looks = 0

    @property
    def count(self) -> int:
        return len(self._seen)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """Reads during the ``with``, and at its end until there is nothing more."""
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(self._follow())
            yield
            looks = self._empty_looks
            await until(lambda: self._empty_looks > looks + 1, "the reader to catch up")
            following.cancel()

    async def _follow(self) -> None:
        while True:
            try:
                await self._read_on()
            except StoreUnavailableError:
                await asyncio.sleep(_LOOK_S)

    async def _read_on(self) -> None:
        pool = await open_pool(self._dsn, application_name="tail", max_size=1)
        try:
            log = PostgresEventLog(pool)
            if self._begun is None:
                self._begun = await log.newest()
            while True:
                after = self._seen[-1] if self._seen else self._begun
                page = [one.position for one in await log.read(after, _PAGE)]
                self._seen += page
                self._empty_looks += not page
                await asyncio.sleep(_LOOK_S)
        finally:
            await close_pool(pool)

    async def compared(self) -> tuple[int, int]:
        """(missed, seen twice), against a reader that begins anew when all is quiet."""
        assert self._begun is not None
        pool = await open_pool(self._dsn, application_name="tail", max_size=1)
        try:
            log, there = PostgresEventLog(pool), list[Position]()
            while page := await log.read(there[-1] if there else self._begun, _PAGE):
                there += [one.position for one in page]
        finally:
            await close_pool(pool)
        return len(set(there) - set(self._seen)), len(self._seen) - len(set(self._seen))
