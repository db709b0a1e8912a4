"""When is what was written on the disk? One flush in flight, on a thread of its own; whoever waits shares it.

A waiter is released by the first flush that began after its bytes were written. Nobody waiting, a flush still follows
every write within a short time. The disk never holds up the event loop, and a waiter never waits past its deadline.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from time import monotonic
from typing import NamedTuple

Flush = Callable[[], None]
"""Runs on the thread; raises OSError."""

BACKGROUND_S = 0.02
_GATHERING_TURNS = 5
"""While many wait, flushes do not follow each other at once: the fewer there are, the less each request pays for its
share, and those whom the last one released soon wait again."""
_TIMER_S = 0.001
"""A timer may be early by this."""
_MAX_PAUSE_S = 5.0
"""Between flushes of a disk that fails."""


class _Waiter(NamedTuple):
    target: int
    """Writes that must be safe."""
    give_up_at: float
    answer: asyncio.Future[bool]

    def tell(self, *, safe: bool) -> None:
        if not self.answer.done():
            self.answer.set_result(safe)


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
        self._deadline: asyncio.TimerHandle | None = None
        self._deadline_at = 0.0
        self._waiters: deque[_Waiter] = deque()
        self._jobs: SimpleQueue[tuple[int, Flush] | None] = SimpleQueue()
        self._thread = Thread(target=self._work, name="journal-flush", daemon=True)
        self._thread.start()

    def wrote(self, count: int = 1) -> None:
        """So many more writes."""
        self.written += count
        if self._timer is None and not self._in_flight and not self._begun:
            self._timer = self._loop.call_later(self._pause_s, self._flush)

    async def wait(self, deadline_s: float) -> bool:
        """Is everything that was written so far safe, at the latest after ``deadline_s``?"""
        if self.safe >= self.written:
            return True
        answer: asyncio.Future[bool] = self._loop.create_future()
        give_up_at = monotonic() + deadline_s  # the loop's own clock stands still within a turn
        self._waiters.append(_Waiter(self.written, give_up_at, answer))
        self._look_at(give_up_at)
        if not self._in_flight and not self._begun:
            self._begin_after(1)  # whoever comes in this turn of the loop shares the flush
        return await answer

    async def close(self, deadline_s: float) -> bool:
        """A last flush, then the thread ends. False: the disk still holds it up."""
        await self.wait(deadline_s)
        for timer in (self._timer, self._deadline):
            if timer is not None:
                timer.cancel()
        self._jobs.put(None)
        return not self._in_flight

    def _begin_after(self, turns: int) -> None:
        """``turns``: of the loop, at least one."""
        self._begun = True
        self._loop.call_soon(self._begin, turns - 1)

    def _begin(self, turns: int) -> None:
        if turns:
            self._begin_after(turns)
            return
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
        while self._waiters and self._waiters[0].target <= target:
            self._waiters.popleft().tell(safe=safe)
        self._pause_s = self._background_s if safe else min(self._pause_s * 2, _MAX_PAUSE_S)
        if self._waiters:
            self._begin_after(_GATHERING_TURNS)
        elif self.safe < self.written:
            self._timer = self._loop.call_later(self._pause_s, self._flush)

    def _look_at(self, when: float) -> None:
        """One timer serves all who wait: it mostly finds that they have been served."""
        if self._deadline is not None:
            if self._deadline_at <= when:
                return
            self._deadline.cancel()
        self._deadline_at = when
        self._deadline = self._loop.call_later(max(0.0, when - monotonic()), self._give_up)

    def _give_up(self) -> None:
        self._deadline = None
        now = monotonic() + _TIMER_S
        for waiter in self._waiters:
            if waiter.give_up_at <= now:
                waiter.tell(safe=False)
        waiting = [waiter.give_up_at for waiter in self._waiters if not waiter.answer.done()]
        if waiting:
            self._look_at(min(waiting))
