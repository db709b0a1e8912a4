"""How far is what was sent on its way into the store and the read models? Asked by one small query."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import asyncpg

from tests.bench.load import LoadError

DEADLINE_S = 180.0
LOOK_S = 0.01
LIVE_LOOK_S = 0.003
LOOK = """
SELECT coalesce(max(notification_id), $1),
    count(*) FILTER (WHERE topic IN ('response-completed', 'response-aborted')),
    (SELECT coalesce(min(t.notification_id), 0) FROM projections p
     JOIN nexus_tracking t ON t.application_name = p.name || ':' || p.build WHERE p.state = 'live')
FROM nexus_events WHERE notification_id > $1
"""
NEWEST = "SELECT coalesce(max(notification_id), 0) FROM nexus_events"
STORED = """
SELECT (SELECT coalesce(sum(octet_length(data) + octet_length(key) + 32), 0) FROM parts),
    (SELECT coalesce(sum(octet_length(state)), 0) FROM nexus_events WHERE topic = 'request-received')
"""


@dataclass
class StoreWatch:
    """Follows the event store and the live projections from outside."""

    connection: "asyncpg.Connection[asyncpg.Record]"
    seen: int = 0
    """Newest position seen."""
    ended: int = 0
    """Exchanges seen to end."""
    projected: int = 0
    """Position that every live projection has reached."""
    arrivals: list[tuple[int, float]] = field(default_factory=list)
    """Positions not projected yet, each with the moment at which it was first seen."""
    lags_ms: list[float] = field(default_factory=list)
    """From an event's commit to its rows, while ``live``."""
    clock: Callable[[], float] = time.monotonic

    @classmethod
    async def opened(cls, database_url: str) -> "StoreWatch":
        watch = cls(await asyncpg.connect(database_url))
        watch.seen = await watch.connection.fetchval(NEWEST)
        return watch

    async def look(self) -> None:
        row = await self.connection.fetchrow(LOOK, self.seen)
        assert row is not None
        now = self.clock()
        newest, ended, self.projected = row
        self.ended += ended
        if newest > self.seen:
            self.arrivals.append((newest, now))
        self.seen = newest
        while self.arrivals and self.arrivals[0][0] <= self.projected:
            self.lags_ms.append((now - self.arrivals.pop(0)[1]) * 1000)

    async def until_ended(self, count: int) -> None:
        """Until so many exchanges in all have ended in the store, and the projections have taken every event."""
        end = self.clock() + DEADLINE_S
        while self.ended < count or self.projected < self.seen:
            if self.clock() > end:
                state = f"{self.ended} of {count} exchanges have ended, {self.seen - self.projected} events wait"
                raise LoadError(f"The lag was not 0 within {DEADLINE_S:.0f} s: {state}.")
            await asyncio.sleep(LOOK_S)
            await self.look()

    async def live(self, stop: asyncio.Event) -> list[float]:
        """Watch closely until ``stop``; the lags of what was committed meanwhile."""
        self.lags_ms.clear()
        while not stop.is_set():
            await self.look()
            await asyncio.sleep(LIVE_LOOK_S)
        return list(self.lags_ms)

    async def request_bytes(self) -> int:
        """Bytes of request payload, references included, and of the events that point at it."""
        row = await self.connection.fetchrow(STORED)
        assert row is not None
        return int(row[0]) + int(row[1])
