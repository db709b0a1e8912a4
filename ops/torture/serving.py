"""How does a small server of the harness live, and how does it end with all its connections?"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
_LINES = 1 << 20
_DROP = struct.pack("ii", 1, 0)
"""Linger for no time at all: the kernel answers with a reset."""


def reset(writer: asyncio.StreamWriter) -> None:
    """End the connection so that the other side gets a reset, not an end."""
    sock = writer.get_extra_info("socket")
    if sock is not None and not writer.transport.is_closing():
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DROP)
    writer.transport.abort()


@asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[int]:
    """Serve on a free loopback port, which is given; at the end every connection is torn down."""
    connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections[task] = writer
        try:
            with suppress(asyncio.CancelledError):  # nobody waits for it, and asyncio would print it
                await serve(reader, writer)
        finally:
            connections.pop(task, None)

    server = await asyncio.start_server(one, "127.0.0.1", 0, limit=_LINES)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        left = dict(connections)
        for task, writer in left.items():
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
