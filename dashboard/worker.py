"""How is the Panel worker kept running? A child process; when it dies it is started again, ever more slowly.

Its standard input is its life line: we hold the other end, and when we are gone, however we went, it ends. What it
prints goes where our own errors go.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import structlog

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0
HEALTHY_S = 30.0
"""Who ran so long before he died is started again at once."""
STOP_S = 2.0
_LOG = structlog.get_logger("nexus.dashboard")


class PanelWorker:
    """One Panel worker and its socket."""

    def __init__(self, command: Sequence[str], socket: Path) -> None:
        """``command`` empty: somebody else runs it."""
        self._command, self._socket = tuple(command), socket
        self._process: asyncio.subprocess.Process | None = None
        self._anew = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """None: it does not run, or somebody else runs it."""
        return self._process.pid if self._process is not None else None

    def renew(self) -> None:
        """End it; it is started again."""
        self._anew.set()

    async def is_up(self) -> bool:
        """Does anybody listen on the socket?"""
        try:
            _, writer = await asyncio.open_unix_connection(str(self._socket))
        except OSError:
            return False
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        return True

    async def keep_running(self) -> None:
        """Until cancelled; then it is stopped."""
        pause = FIRST_PAUSE_S
        loop = asyncio.get_running_loop()
        while self._command:
            began = loop.time()
            code = await self._run_once()
            pause = FIRST_PAUSE_S if loop.time() - began >= HEALTHY_S else min(pause * 2, LONGEST_PAUSE_S)
            _LOG.warning("the Panel worker ended", exit_code=code, started_again_in_s=pause)
            await asyncio.sleep(pause)

    async def _run_once(self) -> int | str:
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL
            )
        except OSError as error:
            return error.strerror or "not started"
        self._process = process
        self._anew.clear()
        try:
            async with asyncio.TaskGroup() as tasks:
                ended, anew = tasks.create_task(process.wait()), tasks.create_task(self._anew.wait())
                await asyncio.wait({ended, anew}, return_when=asyncio.FIRST_COMPLETED)
                ended.cancel()
                anew.cancel()
            return "started anew" if process.returncode is None else process.returncode
        finally:
            self._process = None
            await _stop(process)


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Ask, and then make it."""
    if process.stdin is not None:
        process.stdin.close()
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_S)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
