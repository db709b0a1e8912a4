"""A TCP proxy before PostgreSQL that can fall silent: what a frozen server or a cut cable looks like."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from ops.db.dsn import parse_dsn

PIECE_BYTES = 65536


@dataclass
class Proxy:
    """Passes bytes both ways until it is frozen; new connections are accepted even then, and nobody answers."""

    socket_path: str
    asking: asyncio.Event = field(default_factory=asyncio.Event)
    answering: asyncio.Event = field(default_factory=asyncio.Event)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    dsn: str = ""

    def freeze(self) -> None:
        self.asking.clear()
        self.answering.clear()

    def freeze_answers(self) -> None:
        """The server goes on getting questions; its answers are held back."""
        self.answering.clear()

    def thaw(self) -> None:
        self.asking.set()
        self.answering.set()

    def cut(self) -> None:
        """Reset every connection."""
        for writer in self.writers:
            writer.transport.abort()
        self.writers.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        self.writers.append(writer)
        await self.asking.wait()
        try:
            server_reader, server_writer = await asyncio.open_unix_connection(self.socket_path)
        except OSError:
            writer.transport.abort()
            return
        self.writers.append(server_writer)
        await asyncio.gather(
            self._pass(reader, server_writer, self.asking), self._pass(server_reader, writer, self.answering)
        )

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flowing: asyncio.Event) -> None:
        try:
            while piece := await reader.read(PIECE_BYTES):
                await flowing.wait()
                writer.write(piece)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()


@asynccontextmanager
async def proxied(dsn: str) -> AsyncIterator[Proxy]:
    """A proxy before the server of ``dsn``; ``.dsn`` is the way through it."""
    target = parse_dsn(dsn)
    proxy = Proxy(f"{target.host}/.s.PGSQL.{target.port}")
    proxy.thaw()
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    proxy.dsn = f"postgresql://{target.user}@127.0.0.1:{port}/{target.dbname}?sslmode=disable"
    try:
        yield proxy
    finally:
        server.close()
        proxy.thaw()
        proxy.cut()
        await asyncio.gather(*proxy.tasks, return_exceptions=True)
