"""How are readers told that there is something new, and how do they hear it?

A notification carries nothing and may be lost: readers also look by themselves once a second. It is sent after the
commit, in a transaction of its own (a NOTIFY inside the append would make commits wait for each other), and at most
ten times a second, because each one wakes every reader. A read replica sends none; there, readers only look.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from domain.errors import StoreUnavailableError
from ops.db.borrowing import acquire, borrowed, cut_off, give_back
from ops.db.pool import Borrowed, Pool

CHANNEL = "nexus_events"
"""The library's channel of this table too."""
NOTIFY_INTERVAL_S = 0.1
NOTIFY_DEADLINE_S = 5.0
POLL_S = 1.0
LISTEN_DEADLINE_S = 0.5
LISTEN_AGAIN_S = 5.0
"""Between two tries to listen, and between two looks whether the connection still lives."""

_NOTIFY = f"NOTIFY {CHANNEL}"
_IS_ALIVE = "SELECT 1"


class Notifier:
    """Sends the notifications of one process. ``run`` belongs into a TaskGroup beside whoever appends."""

    def __init__(self, pool: Pool, interval_s: float = NOTIFY_INTERVAL_S) -> None:
        self._pool = pool
        self._interval_s = interval_s
        self._due = asyncio.Event()

    def announce(self) -> None:
        """There are new events. Returns at once; several calls may give one notification."""
        self._due.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._due.wait()
            self._due.clear()
            with suppress(StoreUnavailableError):  # readers look by themselves
                async with borrowed(self._pool, NOTIFY_DEADLINE_S) as connection:
                    await connection.execute(_NOTIFY)
            await asyncio.sleep(self._interval_s)


async def wakeups(pool: Pool, poll_s: float = POLL_S) -> AsyncIterator[None]:
    """Yields at once, after each notification, and at least every ``poll_s``, also while PostgreSQL is away."""
    ear = _Ear(pool)
    loop = asyncio.get_running_loop()
    try:
        while True:
            yield
            ends = loop.time() + poll_s
            await ear.listen(min(LISTEN_DEADLINE_S, poll_s))
            await ear.wait_until(ends)
    finally:
        await ear.close()


class _Ear:
    """One listening connection, found again after it is lost."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._loop = asyncio.get_running_loop()
        self._heard = asyncio.Event()
        self._connection: Borrowed | None = None
        self._look_again_at = 0.0

    async def listen(self, deadline_s: float) -> None:
        """Listen if we do not yet, or look whether we still do."""
        if self._loop.time() < self._look_again_at:
            return
        self._look_again_at = self._loop.time() + LISTEN_AGAIN_S
        with suppress(StoreUnavailableError):
            if self._connection is None:
                await self._connect(deadline_s)
                return
            with cut_off(self._connection, deadline_s):
                await self._connection.execute(_IS_ALIVE)

    async def wait_until(self, ends: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout_at(ends):
                await self._heard.wait()
        self._heard.clear()

    async def close(self) -> None:
        connection = self._connection
        if connection is None:
            return
        connection.remove_termination_listener(self._lose)
        with suppress(StoreUnavailableError), cut_off(connection, LISTEN_DEADLINE_S):
            await connection.remove_listener(CHANNEL, self._hear)
        await give_back(self._pool, connection)

    async def _connect(self, deadline_s: float) -> None:
        connection = await acquire(self._pool, deadline_s)
        try:
            with cut_off(connection, deadline_s):
                await connection.add_listener(CHANNEL, self._hear)
                connection.add_termination_listener(self._lose)
        except BaseException:
            await give_back(self._pool, connection)
            raise
        self._connection = connection

    def _hear(self, *_: object) -> None:
        self._heard.set()

    def _lose(self, *_: object) -> None:
        """The connection is gone: look by ourselves now, then listen again."""
        self._connection = None
        self._look_again_at = 0.0
        self._heard.set()
