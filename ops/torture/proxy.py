"""What does the product see of its database when the way there is bad? A TCP proxy that delays, swallows or resets.

It listens on a loopback port and passes on to the server's Unix socket.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Literal

from ops.torture.serving import reset, serving

Mode = Literal["pass", "delay", "swallow", "reset"]
_PIECE = 64 * 1024


class FaultProxy:
    """``swallow``: what comes is read and thrown away, nobody answers, the connection stays up.

    A connection that lost bytes cannot go on later: with the end of ``swallow`` it is reset.
    """

    def __init__(self, socket: Path, delay_s: float = 0.2) -> None:
        self._socket, self._delay_s = socket, delay_s
        self._mode: Mode = "pass"
        self._writers: set[asyncio.StreamWriter] = set()
        self._lossy: set[asyncio.StreamWriter] = set()
        self.port = 0

    @property
    def mode(self) -> Mode:
        return self._mode

    def turn(self, mode: Mode) -> None:
        """From now on."""
        self._mode = mode
        doomed = self._writers if mode == "reset" else self._lossy
        for writer in list(doomed):
            reset(writer)
        self._lossy.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of the product."""
        if self._mode == "reset":
            reset(writer)
            return
        try:
            server_reader, server_writer = await asyncio.open_unix_connection(self._socket)
        except OSError:
            writer.transport.abort()
            return
        pair = {writer, server_writer}
        self._writers |= pair
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pump(reader, server_writer, pair))
                tasks.create_task(self._pump(server_reader, writer, pair))
        finally:
            self._writers -= pair
            self._lossy -= pair
            for each in pair:
                each.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pair: set[asyncio.StreamWriter]
    ) -> None:
        with suppress(ConnectionError):
            while piece := await reader.read(_PIECE):
                if self._mode == "delay":
                    await asyncio.sleep(self._delay_s)
                if self._mode == "swallow":
                    self._lossy |= pair
                    continue
                writer.write(piece)
                await writer.drain()
        for each in pair:
            each.transport.abort()


@asynccontextmanager
async def proxying(socket: Path, delay_s: float = 0.2) -> AsyncIterator[FaultProxy]:
    """Serve on a free port until the end of the ``with``."""
    proxy = FaultProxy(socket, delay_s)
    async with serving(proxy.serve) as proxy.port:
        yield proxy
