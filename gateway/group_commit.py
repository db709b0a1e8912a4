"""When is what was written on the disk? One flush in flight, on a thread of its own; whoever waits shares it.

A waiter is released by the first flush that began after its bytes were written. Nobody waiting, a flush still follows
every write within a short time. The disk never holds up the event loop, and a waiter never waits past its deadline.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread

Flush = Callable[[], None]
"""Runs on the thread; raises OSError."""

BACKGROUND_S = 0.02
_MAX_PAUSE_S = 5.0
"""Between flushes of a disk that fails."""


class GroupCommit:
    """Counts writes and knows how many of them are safe."""

    def __init__(
        self,
        prepare: Callable[[], Flush],
        settled: Callable[[int, OSError | None], bool],
        background_s: float = BACKGROUND_S,
    ) -> None:
        """``prepare``: what to flush now, asked on the loop. ``settled(target, error)``: a flush of the first
        ``target`` writes has ended; returns whether they are safe, and so whether their waiters are told so."""
        self._loop = asyncio.get_running_loop()
        self._prepare, self._settled, self._background_s = prepare, settled, background_s
        self._pause_s = background_s
        self.written = 0
        self.safe = 0
        self._in_flight = self._begun = False
        self._timer: asyncio.TimerHandle | None = None
        self._waiters: deque[tuple[int, asyncio.Future[bool]]] = deque()
        self._jobs: SimpleQueue[tuple[int, Flush] | None] = SimpleQueue()
        self._thread = Thread(target=self._work, name="journal-flush", daemon=True)
        self._thread.start()

    def wrote(self, count: int = 1) -> None:
        """So many more writes."""
        self.written += count
        if self._timer is None and not self._in_flight:
            self._timer = self._loop.call_later(self._pause_s, self._flush)

    async def wait(self, deadline_s: float) -> bool:
        """Is everything that was written so far safe, at the latest after ``deadline_s``?"""
        if self.safe >= self.written:
            return True
        answer: asyncio.Future[bool] = self._loop.create_future()
        self._waiters.append((self.written, answer))
        if not self._in_flight and not self._begun:
            self._begun = True
            self._loop.call_soon(self._begin)  # whoever comes in this turn of the loop shares the flush
        deadline = self._loop.call_later(deadline_s, _give_up, answer)
        try:
            return await answer
        finally:
            deadline.cancel()

    async def close(self, deadline_s: float) -> bool:
        """A last flush, then the thread ends. False: the disk still holds it up."""
        await self.wait(deadline_s)
        if self._timer is not None:
            self._timer.cancel()
        self._jobs.put(None)
        return not self._in_flight

    def _begin(self) -> None:
        self._begun = False
        if not self._in_flight:
            self._flush()

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._in_flight = True
        self._jobs.put((self.written, self._prepare()))

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            target, flush = job
            error = None
            try:
                flush()
            except OSError as failed:
                error = failed
            try:
                self._loop.call_soon_threadsafe(self._landed, target, error)
            except RuntimeError:  # the loop is closed: nobody waits any more
                return

    def _landed(self, target: int, error: OSError | None) -> None:
        self._in_flight = False
        safe = self._settled(target, error)
        if safe:
            self.safe = max(self.safe, target)
        while self._waiters and self._waiters[0][0] <= target:
            waiter = self._waiters.popleft()[1]
            if not waiter.done():
                waiter.set_result(safe)
        self._pause_s = self._background_s if safe else min(self._pause_s * 2, _MAX_PAUSE_S)
        if self._waiters:
            self._flush()
        elif self.safe < self.written:
            self._timer = self._loop.call_later(self._pause_s, self._flush)


def _give_up(waiter: asyncio.Future[bool]) -> None:
    if not waiter.done():
        waiter.set_result(False)
