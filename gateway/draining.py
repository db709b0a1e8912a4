"""How does a worker end without cutting anybody off? It sees every connection off, behind the request that is on it.

HTTP knows no way to tell an idle client that its connection ends but to close it, and a request that is on its way at
that moment is lost. So idle connections stay a while after the listening sockets are closed: who sends a request in
that time gets its answer, with ``Connection: close``. The while is short where everything stops, and longer where a
successor serves already.
"""

import asyncio
from dataclasses import dataclass

from gateway.in_flight import InFlight
from gateway.server import GatewayServer

STOP_GRACE_S = 0.5
RETIRE_GRACE_S = 5.0
"""Node's HTTP client drops its own idle connections after 4 s."""
LAST_WORDS_S = 2.0
"""After an abort, what is left gets this long to write its last records."""
_LOOK_S = 0.02


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a worker is asked to do."""

    stop: asyncio.Event
    abort: asyncio.Event
    retire: asyncio.Event

    async def wait_for_end(self) -> None:
        """Until it is to stop or to retire."""
        async with asyncio.TaskGroup() as tasks:
            waiting = {tasks.create_task(event.wait()) for event in (self.stop, self.retire)}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for one in waiting:
                one.cancel()


async def drain(server: GatewayServer, in_flight: InFlight, wishes: Wishes, drain_s: float) -> None:
    """Let requests end and connections go, for ``drain_s`` or until the abort; what is left then is aborted."""
    in_flight.drain()
    async with asyncio.TaskGroup() as tasks:
        over = tasks.create_task(_see_off(server, in_flight, wishes))
        impatience = tasks.create_task(wishes.abort.wait())
        await asyncio.wait({over, impatience}, timeout=drain_s, return_when=asyncio.FIRST_COMPLETED)
        if not over.done():
            in_flight.abort()
            await asyncio.wait({over}, timeout=LAST_WORDS_S)
        over.cancel()
        impatience.cancel()


async def _see_off(server: GatewayServer, in_flight: InFlight, wishes: Wishes) -> None:
    while True:
        await asyncio.sleep(_LOOK_S)  # also before the first look: what was accepted last is no connection yet
        server.retire(_grace_s(in_flight, wishes))
        if not server.connections and not len(in_flight):
            return


def _grace_s(in_flight: InFlight, wishes: Wishes) -> float:
    """How long a connection may be idle."""
    if in_flight.is_aborting():
        return 0.0
    return STOP_GRACE_S if wishes.stop.is_set() else RETIRE_GRACE_S
