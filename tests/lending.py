"""One connection for whoever asks: so all see what its transaction has written."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from projections.read_models.connection import Connection, Connections


def always(connection: Connection) -> Connections:
    """The same one for every call; those that come meanwhile wait."""
    free = asyncio.Lock()

    @asynccontextmanager
    async def lend() -> AsyncIterator[Connection]:
        async with free:
            yield connection

    return lend
