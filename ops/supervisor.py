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
from ops.run_state import PartNow, Roll, RunState, remove, write
from ops.startup_text import death_line, last_words, roll_failed_line
from ops.supervision import advance, begin, next_due
from ops.supervision_types import (
    BecameReady,
    Began,
    Command,
    Ended,
    Finish,
    Input,
    Part,
    PartState,
    RollAsked,
    Start,
    StopAsked,
    Tell,
    TellDeath,
    TellHopeless,
    TellReady,
    TellRolled,
    TellRollFailed,
    TimePassed,
)

_HOUSEKEEPING_S = 10.0
"""How often the logs' sizes are looked at."""
_MAX_INPUTS = 1000

LaunchOf = Callable[[str, Mapping[str, Ready]], Launch]
"""(part, what the parts that are ready said) → how to start it."""
OnReady = Callable[[Mapping[str, Ready]], None]
_Process = tuple[str, int]
"""(part, generation)."""
_Watch = Callable[[_Process], None]


class Supervisor:
    """Runs the parts of a plan until it is asked to stop."""

    def __init__(
        self,
        home: Home,
        plan: Sequence[Part],
        launch_of: LaunchOf,
        on_ready: OnReady,
        console: Console,
        on_stop: Callable[[], None] = lambda: None,
    ) -> None:
        """``on_stop``: called as soon as everything is to stop, before the parts are told."""
        self._home = home
        self._launch_of = launch_of
        self._on_ready = on_ready
        self._on_stop = on_stop
        self._console = console
        self._state = begin(plan)
        self._inputs: asyncio.Queue[Input] = asyncio.Queue(_MAX_INPUTS)
        self._processes: dict[_Process, PartProcess] = {}
        self._said: dict[str, Ready] = {}
        self._log_starts: dict[_Process, int] = {}
        self._failures: dict[int, str] = {}
        """Why which roll did not come to its end."""
        self._published: RunState | None = None
        self._began = time.monotonic()

    async def run(self) -> int:
        """The exit code."""
        self._listen_to_signals()
        async with asyncio.TaskGroup() as tasks:
            watchers: list[asyncio.Task[None]] = []
            try:
                return await self._steer(lambda process: watchers.append(tasks.create_task(self._watch(process))))
            finally:
                remove(self._home)
                for watcher in watchers:
                    watcher.cancel()  # only of parts that not even SIGKILL ended

    async def _steer(self, watch: _Watch) -> int:
        happened: Input = Began()
        while True:
            served = not self._state.asked
            self._state, commands = advance(self._state, happened, time.monotonic())
            if served and self._state.asked:
                self._on_stop()
            for command in commands:
                if isinstance(command, Finish):
                    return command.code
                self._carry_out(command, watch)
            self._publish(self._run_state())
            happened = await self._next_input()

    def _carry_out(self, command: Command, watch: _Watch) -> None:
        match command:
            case Start(part, generation):
                self._start((part, generation), watch)
            case Tell(part, urgency, generation) if (part, generation) in self._processes:
                self._processes[part, generation].tell(urgency)
            case TellDeath() | TellHopeless() | TellRolled() | TellRollFailed():
                self._say(command)
            case TellReady():
                self._publish(self._run_state())  # who reads the announcement may ask for the rest at once
                self._on_ready(self._said)

    def _say(self, command: TellDeath | TellHopeless | TellRolled | TellRollFailed) -> None:
        match command:
            case TellDeath(part, code, generation=generation):
                self._console.say(death_line(command, self._last_words(part, generation, code)))
            case TellHopeless(part):
                generation = self._state.parts[part].generation
                self._console.say(f"nexus: {self._last_words(part, generation)}.")
            case TellRolled():
                self._console.say("The gateway was replaced.")
            case TellRollFailed(part, code, generation):
                self._failures[generation] = roll_failed_line(command, self._last_words(part, generation, code))
                self._console.say(self._failures[generation])

    def _start(self, process: _Process, watch: _Watch) -> None:
        part, generation = process
        self._log_starts[process] = size_of(self._log_of(part))
        try:
            self._processes[process] = start(self._launch_of(part, self._said))
        except OSError as error:
            self._console.say(f"{part} cannot be started: {error}.")
            self._inputs.put_nowait(Ended(part, NOT_STARTED_EXIT, generation))
            return
        watch(process)

    async def _watch(self, process: _Process) -> None:
        part, generation = process
        code = await self._processes[process].watch(lambda report: self._hear(process, report))
        del self._processes[process]
        await self._inputs.put(Ended(part, code, generation))

    def _hear(self, process: _Process, report: Report) -> None:
        part, generation = process
        match report:
            case Notice(text):
                self._console.notice(part, text, str(self._log_of(part)))
            case Ready():
                self._said[part] = report
                self._console.say(f"{part} is ready ({time.monotonic() - self._began:.1f} s)")
                with suppress(asyncio.QueueFull):
                    self._inputs.put_nowait(BecameReady(part, generation))

    async def _next_input(self) -> Input:
        due = next_due(self._state)
        wait_s = _HOUSEKEEPING_S if due is None else min(_HOUSEKEEPING_S, max(0.0, due - time.monotonic()))
        try:
            async with asyncio.timeout(wait_s):
                return await self._inputs.get()
        except TimeoutError:
            for part in self._state.parts:
                bound(self._log_of(part))
            return TimePassed()

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
                loop.add_signal_handler(number, self._ask_to_stop)
        loop.add_signal_handler(signal.SIGUSR1, self._ask_to_roll)

    def _ask_to_stop(self) -> None:
        first = not self._state.asked
        self._console.say("Stopping; once more to stop at once." if first else "Stopping at once.")
        with suppress(asyncio.QueueFull):
            self._inputs.put_nowait(StopAsked())

    def _ask_to_roll(self) -> None:
        """``nexus restart``: it looks into the state file for how it goes."""
        with suppress(asyncio.QueueFull):
            self._inputs.put_nowait(RollAsked())

    def _last_words(self, part: str, generation: int, code: int = 1) -> str:
        """What the process that ended wrote last, and not the one before it. Who is killed has none."""
        if code <= 0:
            return ""
        return last_words(last_line(self._log_of(part), self._log_starts.get((part, generation), 0)))

    def _log_of(self, part: str) -> Path:
        return self._home.logs / f"{part}.log"

    def _publish(self, now: RunState) -> None:
        if now != self._published:
            write(self._home, now)
            self._published = now

    def _run_state(self) -> RunState:
        def address(part: str) -> str:
            return self._said[part].address if part in self._said else ""

        def pid(part: str, it: PartState | None) -> int | None:
            running = it is not None and it.runs and self._processes.get((part, it.generation))
            return running.pid if running else None

        def now(part: str) -> PartNow:
            it, beside = self._state.parts[part], self._state.beside.get(part)
            return PartNow(str(it.phase), pid(part, it), address(part), len(it.deaths), pid(part, beside))

        return RunState(
            pid=os.getpid(),
            gateway=address("gateway"),
            dashboard=address("dashboard"),
            database_url=self._said["postgres"].database_url if "postgres" in self._said else "",
            parts={part.name: now(part.name) for part in self._state.plan},
            roll=self._roll(),
        )

    def _roll(self) -> Roll:
        number, done = self._state.generation, self._state.rolled
        failed = self._failures.get(number, "Nexus is stopping." if self._state.asked and number != done else "")
        return Roll(number, done, self._state.roll or (), failed)
