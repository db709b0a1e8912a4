"""Which requests are being handled right now? So that a stop can wait for them, and an abort can end them."""

import asyncio


class InFlight:
    """The requests of one gateway worker."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[object]] = set()
        self._none = asyncio.Event()
        self._none.set()
        self._draining = self._aborting = False

    def __len__(self) -> int:
        return len(self._tasks)

    def enter(self) -> asyncio.Task[object]:
        """The current task handles a request, until ``leave``."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._none.clear()
        return task

    def leave(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if not self._tasks:
            self._none.set()

    def is_draining(self) -> bool:
        """No new requests are wanted: answers are the last on their connections."""
        return self._draining

    def is_aborting(self) -> bool:
        """What is cancelled now is cancelled by us, not by a client that went away."""
        return self._aborting

    def drain(self) -> None:
        """Let them end."""
        self._draining = True

    async def wait_for_none(self) -> None:
        await self._none.wait()

    def abort(self) -> None:
        """End them all now."""
        self._aborting = True
        for task in self._tasks:
            task.cancel()
