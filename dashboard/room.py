"""Is there room for one more page? What the dashboard's processes hold in memory, against what they may hold.

Theory of operation. A page is held by the Panel worker for as long as somebody has it open, a recording by the front
while it is sent. When nearly all of the room is taken, new pages and whole recordings have to wait, and what is open
goes on. If the worker grows all the same, or holds what pages left behind though none is open, it is started anew: open
pages load again by themselves. Where the system does not say what a process holds (Linux does), there is always room.
"""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import structlog
from aiohttp.web import Request, StreamResponse

from dashboard.refusals import RefusedError
from dashboard.server import Handle

NEARLY = 0.8
"""Of the room; what is left is for the pages that are open."""
LOOK_S = 1.0
REST_S = 30.0
"""A worker that was started anew is left alone for so long: its readers all come back at once."""
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_LOG = structlog.get_logger("nexus.dashboard")


class Worker(Protocol):
    """Who holds the pages."""

    @property
    def pid(self) -> int | None:
        """None: it does not run, or somebody else runs it."""
        ...

    def renew(self) -> None:
        """End it; it is started again."""
        ...


class Room:
    """Looks what is held, and says whether more may come."""

    def __init__(
        self,
        most_bytes: int,
        worker: Worker,
        clock: Callable[[], float],
        *,
        open_pages: Callable[[], int],
        held_by: Callable[[int], int] | None = None,
    ) -> None:
        """``held_by``: resident bytes of a process."""
        self._most_bytes, self._worker, self._clock = most_bytes, worker, clock
        self._open_pages, self._held_by = open_pages, held_by or resident_bytes
        self._held = 0
        self._renewed_at = clock() - REST_S
        self._said = False

    @property
    def is_there(self) -> bool:
        return self._held < NEARLY * self._most_bytes

    def before(self, handle: Handle) -> Handle:
        """``handle``, where there is room for what it answers."""

        async def handle_if_there_is_room(request: Request) -> StreamResponse:
            if not self.is_there:
                message = "The dashboard holds all that it may hold in memory; close some pages, or try again."
                raise RefusedError(503, message, {"Retry-After": "5"})
            return await handle(request)

        return handle_if_there_is_room

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(LOOK_S)

    def look(self) -> None:
        front, pid = self._held_by(os.getpid()), self._worker.pid
        of_worker = self._held_by(pid) if pid is not None else 0
        self._held = front + of_worker
        if not self.is_there and not self._said:
            _LOG.warning("the dashboard has no room for more pages", bytes=self._held, count=self._open_pages())
        self._said = not self.is_there
        if of_worker > front and self._is_renewal_due():
            self._renewed_at = self._clock()
            _LOG.warning("the Panel worker is started anew, it holds too much", bytes=of_worker)
            self._worker.renew()

    def _is_renewal_due(self) -> bool:
        is_too_much = self._held >= self._most_bytes or (not self.is_there and not self._open_pages())
        return is_too_much and self._clock() - self._renewed_at >= REST_S


def resident_bytes(pid: int) -> int:
    """0: it has ended, or the system does not say."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
    except (OSError, IndexError, ValueError):
        return 0
