"""Which connection does the next request take? The one that rested last, if it has not rested for too long."""

import asyncio

from gateway.upstream_connection import UpstreamConnection

KEEPALIVE_S = 60.0


class Pool:
    """All connections to one upstream, busy and at rest."""

    def __init__(self, keep_s: float = KEEPALIVE_S) -> None:
        """``keep_s``: how long a connection may rest."""
        self._loop, self._keep_s = asyncio.get_running_loop(), keep_s
        self._all: set[UpstreamConnection] = set()
        self._resting: dict[UpstreamConnection, float] = {}
        """Since when, in that order."""
        self._sweep: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._all)

    def add(self, connection: UpstreamConnection) -> None:
        """A new one, busy."""
        self._all.add(connection)

    def rest(self, connection: UpstreamConnection) -> None:
        """It may be used again."""
        self._resting[connection] = self._loop.time()
        if self._sweep is None:
            self._sweep = self._loop.call_later(self._keep_s, self._drop_old)

    def take(self) -> UpstreamConnection | None:
        """None: there is none that can be trusted."""
        while self._resting:
            connection, since = self._resting.popitem()
            if connection.is_open and self._loop.time() - since < self._keep_s:
                return connection
            connection.abort()
        return None

    def forget(self, connection: UpstreamConnection) -> None:
        """It is lost."""
        self._all.discard(connection)
        self._resting.pop(connection, None)

    def close(self) -> None:
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in tuple(self._all):
            connection.abort()

    def _drop_old(self) -> None:
        self._sweep = None
        while self._resting:
            connection, since = next(iter(self._resting.items()))
            left = since + self._keep_s - self._loop.time()
            if left > 0:
                self._sweep = self._loop.call_later(left, self._drop_old)
                return
            del self._resting[connection]
            connection.abort()
