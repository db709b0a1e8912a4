"""Who asks, and how often? Many clients at once, each one question after the other, until told to stop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from ops.checking.recordings import ClientSaw, RecordingWriter
from ops.torture.asking import body_of, leaves_after
from ops.torture.client import Client, Place

_AFTER_FAILURE_S = 0.05


@dataclass
class Load:
    """The clients and what they saw."""

    place: Place
    writer: RecordingWriter
    seed: int
    pause_s: float = 0.05
    """Between two questions of a client."""
    leaves: bool = False
    """Clients go away in the middle of answers."""
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    seen: list[ClientSaw] = field(default_factory=list)
    byte_count: int = 0

    async def client(self, number: int) -> None:
        client, question = Client(self.place), 0
        try:
            while not self.stop.is_set():
                question += 1
                body = body_of(self.seed, number, question)
                saw, answer = await client.ask(body, leaves_after(body) if self.leaves else None)
                self.seen.append(saw)
                self.writer.client(saw, answer)
                self.byte_count += len(answer)
                await self._rest(_AFTER_FAILURE_S if saw.failed else self.pause_s)
        finally:
            client.close()

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.stop.wait()
        except TimeoutError:
            return


@asynccontextmanager
async def loading(load: Load, clients: int) -> AsyncIterator[Load]:
    """Clients ask during the ``with``; at its end each still gets its answer."""
    async with asyncio.TaskGroup() as tasks:
        for number in range(clients):
            tasks.create_task(load.client(number))
        try:
            yield load
        finally:
            load.stop.set()
