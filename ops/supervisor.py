"""How does ``nexus up`` keep its parts alive? The shell of ``ops/supervision.py``: processes, signals, time.

If this process dies, however it dies, the life lines of its parts end with it and they stop by themselves.
"""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ops.console import Console
from ops.home import Home
from ops.log_files import bound, last_line, size_of
from ops.processes import NOT_STARTED_EXIT, Launch, PartProcess, start
from ops.reports import Notice, Ready, Report
from ops.run_state import PartNow, RunState, remove, write
from ops.startup_text import death_line, last_words
from ops.supervision import advance, begin, next_due
from ops.supervision_types import (
    BecameReady,
    Began,
    Command,
    Ended,
    Finish,
    Input,
    Part,
    Start,
    StopAsked,
    Tell,
    TellDeath,
    TellHopeless,
    TellReady,
    TimePassed,
)

_HOUSEKEEPING_S = 10.0
"""How often the logs' sizes are looked at."""
_MAX_INPUTS = 1000

LaunchOf = Callable[[str, Mapping[str, Ready]], Launch]
"""(part, what the parts that are ready said) → how to start it."""
OnReady = Callable[[Mapping[str, Ready]], None]


class Supervisor:
    """Runs the parts of a plan until it is asked to stop."""

    def __init__(
        self, home: Home, plan: Sequence[Part], launch_of: LaunchOf, on_ready: OnReady, console: Console
    ) -> None:
        self._home = home
        self._launch_of = launch_of
        self._on_ready = on_ready
        self._console = console
        self._state = begin(plan)
        self._inputs: asyncio.Queue[Input] = asyncio.Queue(_MAX_INPUTS)
        self._processes: dict[str, PartProcess] = {}
        self._said: dict[str, Ready] = {}
        self._log_starts: dict[str, int] = {}
        self._published: RunState | None = None
        self._began = time.monotonic()

    async def run(self) -> int:
        """The exit code."""
        self._listen_to_signals()
        async with asyncio.TaskGroup() as tasks:
            watchers: list[asyncio.Task[None]] = []
            try:
                return await self._steer(lambda part: watchers.append(tasks.create_task(self._watch(part))))
            finally:
                remove(self._home)
                for watcher in watchers:
                    watcher.cancel()  # only of parts that not even SIGKILL ended

    async def _steer(self, watch: Callable[[str], None]) -> int:
        happened: Input = Began()
        while True:
            self._state, commands = advance(self._state, happened, time.monotonic())
            for command in commands:
                if isinstance(command, Finish):
                    return command.code
                self._carry_out(command, watch)
            self._publish(self._run_state())
            happened = await self._next_input()

    def _carry_out(self, command: Command, watch: Callable[[str], None]) -> None:
        match command:
            case Start(part):
                self._start(part, watch)
            case Tell(part, urgency) if part in self._processes:
                self._processes[part].tell(urgency)
            case TellDeath(part):
                words = self._last_words(part) if command.code > 0 else ""  # who is killed has none
                self._console.say(death_line(command, words))
            case TellHopeless(part):
                self._console.say(f"nexus: {self._last_words(part)}.")
            case TellReady():
                self._publish(self._run_state())  # who reads the announcement may ask for the rest at once
                self._on_ready(self._said)

    def _start(self, part: str, watch: Callable[[str], None]) -> None:
        self._log_starts[part] = size_of(self._log_of(part))
        try:
            self._processes[part] = start(self._launch_of(part, self._said))
        except OSError as error:
            self._console.say(f"{part} cannot be started: {error}.")
            self._inputs.put_nowait(Ended(part, NOT_STARTED_EXIT))
            return
        watch(part)

    async def _watch(self, part: str) -> None:
        code = await self._processes[part].watch(lambda report: self._hear(part, report))
        await self._inputs.put(Ended(part, code))

    def _hear(self, part: str, report: Report) -> None:
        match report:
            case Notice(text):
                self._console.notice(part, text, str(self._log_of(part)))
            case Ready():
                self._said[part] = report
                self._console.say(f"{part} is ready ({time.monotonic() - self._began:.1f} s)")
                with suppress(asyncio.QueueFull):
                    self._inputs.put_nowait(BecameReady(part))

    async def _next_input(self) -> Input:
        due = next_due(self._state)
        wait_s = _HOUSEKEEPING_S if due is None else min(_HOUSEKEEPING_S, max(0.0, due - time.monotonic()))
        try:
            async with asyncio.timeout(wait_s):
                return await self._inputs.get()
        except TimeoutError:
            for part in self._processes:
                bound(self._log_of(part))
            return TimePassed()

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
                loop.add_signal_handler(number, self._ask_to_stop)

    def _ask_to_stop(self) -> None:
        first = not self._state.asked
        self._console.say("Stopping; once more to stop at once." if first else "Stopping at once.")
        with suppress(asyncio.QueueFull):
            self._inputs.put_nowait(StopAsked())

    def _last_words(self, part: str) -> str:
        """What the process that ended wrote last, and not the one before it."""
        return last_words(last_line(self._log_of(part), self._log_starts[part]))

    def _log_of(self, part: str) -> Path:
        return self._home.logs / f"{part}.log"

    def _publish(self, now: RunState) -> None:
        if now != self._published:
            write(self._home, now)
            self._published = now

    def _run_state(self) -> RunState:
        def address(part: str) -> str:
            return self._said[part].address if part in self._said else ""

        def now(part: str) -> PartNow:
            it = self._state.parts[part]
            pid = self._processes[part].pid if it.runs and part in self._processes else None
            return PartNow(str(it.phase), pid, address(part), len(it.deaths))

        return RunState(
            pid=os.getpid(),
            gateway=address("gateway"),
            dashboard=address("dashboard"),
            database_url=self._said["postgres"].database_url if "postgres" in self._said else "",
            parts={part.name: now(part.name) for part in self._state.plan},
        )
