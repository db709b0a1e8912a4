"""How is the process of a part started, watched and ended?

A part gets a session of its own, so that a Ctrl-C in the terminal reaches the supervisor only, and whatever the part
itself starts can be ended with it. Its standard input is its life line (``ops/lifetime.py``), its standard output
carries reports (``ops/reports.py``), its standard error goes to its log file.

asyncio's own subprocesses are not used: they are over only when their pipes are closed too, and what a part has
started may hold those open for ever.
"""

import asyncio
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ops.log_files import open_log
from ops.reports import Report, decode
from ops.supervision_types import Urgency

NOT_STARTED_EXIT = 71
"""Exit code that stands for a process that could not be started at all."""
_SIGNALS = {
    Urgency.RETIRE: (signal.SIGUSR1,),
    Urgency.DRAIN: (signal.SIGTERM,),
    Urgency.ABORT: (signal.SIGTERM, signal.SIGINT),  # two kinds: two of one kind may melt into one
}
_MAX_PRINTED = 64 * 1024
_LAST_WORDS_S = 0.5
"""How long we listen for reports after a process is gone: something it started may hold the pipe open."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What to run for a part."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    log_file: Path
    sweeps: bool = True
    """When it has ended, end what it started too."""
    descriptors: Sequence[int] = ()
    """Open files of ours that it gets under the same numbers."""


class PartProcess:
    """A running part."""

    def __init__(self, launch: Launch, process: subprocess.Popen[bytes]) -> None:
        self._launch = launch
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    def tell(self, urgency: Urgency) -> None:
        """Make it stop. Does nothing if it is gone already."""
        if self._process.returncode is not None:
            return
        if urgency >= Urgency.KILL:
            self._kill_session()
            return
        for number in _SIGNALS[urgency]:
            self._process.send_signal(number)

    async def watch(self, on_report: Callable[[Report], None]) -> int:
        """Hand on its reports until it has ended; its exit code, negative for a signal."""
        async with asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(self._listen(on_report))
            code = await self._end()
            await asyncio.wait({listening}, timeout=_LAST_WORDS_S)
            listening.cancel()
        if self._process.stdin:
            self._process.stdin.close()
        if self._launch.sweeps:
            self._kill_session()
        return code

    async def _listen(self, on_report: Callable[[Report], None]) -> None:
        reader = asyncio.StreamReader(_MAX_PRINTED)
        loop = asyncio.get_running_loop()
        pipe, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), self._process.stdout)
        try:
            while not reader.at_eof():
                with suppress(ValueError):  # somebody printed an endless line before the pipe was taken over
                    report = decode(await reader.readline())
                    if report is not None:
                        on_report(report)
        finally:
            pipe.close()

    async def _end(self) -> int:
        """Wait in a thread of its own: the few of the loop's pool may all be at work elsewhere."""
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()

        def wait() -> None:
            self._process.wait()
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(ended.set)

        threading.Thread(target=wait, name=f"wait for {self.pid}", daemon=True).start()
        await ended.wait()
        return self._process.returncode

    def _kill_session(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


def start(launch: Launch) -> PartProcess:
    """Start the process. Raises OSError if the system has none to give."""
    with open_log(launch.log_file) as log:
        process = subprocess.Popen(  # noqa: S603 - no shell, and the words are our own
            list(launch.argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=dict(launch.environment),
            bufsize=0,
            start_new_session=True,
            pass_fds=launch.descriptors,
        )
    return PartProcess(launch, process)
