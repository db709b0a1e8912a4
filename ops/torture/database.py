"""Whose database is tortured? An embedded PostgreSQL of the harness's own, which it stops, freezes and starts again.

The product does not run it, so that it sees what it would see of a server elsewhere.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ops.db.dsn import parse_dsn
from ops.db.embedded import EmbeddedConfig, EmbeddedPostgres, StopMode
from ops.db.embedded_proctable import all_processes
from ops.torture.proxy import FaultProxy, proxying

_DEATH_S = 10.0


@dataclass
class Database:
    """The server and the proxy before it."""

    config: EmbeddedConfig
    server: EmbeddedPostgres
    proxy: FaultProxy

    @property
    def direct(self) -> str:
        """The DSN past the proxy, for the harness itself."""
        return self.server.dsn

    @property
    def url(self) -> str:
        """For the product."""
        target = parse_dsn(self.server.dsn)
        return f"postgresql://{target.user}@127.0.0.1:{self.proxy.port}/{target.dbname}?sslmode=disable"

    async def stop(self, mode: StopMode) -> None:
        await asyncio.to_thread(self.server.stop, mode)

    async def start(self) -> None:
        """Again, if it does not run."""
        self.server = await asyncio.to_thread(EmbeddedPostgres.start, self.config)

    def freeze(self) -> None:
        for pid in self._family():
            _signal(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        for pid in self._family():
            _signal(pid, signal.SIGCONT)

    def kill_backend(self) -> None:
        """One that serves the product. PostgreSQL then starts all of them again."""
        backends = [pid for pid in self._family() if pid != self.server.pid]
        if backends:
            _signal(backends[-1], signal.SIGKILL)

    async def kill_postmaster(self) -> None:
        """Returns when it is gone: a start right behind it would find it alive."""
        _signal(self.server.pid, signal.SIGKILL)
        await asyncio.to_thread(self.server.wait, _DEATH_S)

    def _family(self) -> Iterator[int]:
        yield self.server.pid
        yield from sorted(one.pid for one in all_processes() if one.parent == self.server.pid)


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


@asynccontextmanager
async def database(folder: Path) -> AsyncIterator[Database]:
    """Runs until the end of the ``with``."""
    config = EmbeddedConfig(folder)
    server = await asyncio.to_thread(EmbeddedPostgres.start, config)
    try:
        socket = server.socket_dir / f".s.PGSQL.{server.port}"
        async with proxying(socket) as proxy:
            found = Database(config, server, proxy)
            try:
                yield found
            finally:
                server = found.server
                found.thaw()
    finally:
        await asyncio.to_thread(server.stop, "immediate")
