"""How long does a part live? Until a signal, or until its supervisor is gone.

The first signal asks it to drain, the second to abort. ``SIGUSR1`` tells it that a successor serves already: it is to
drain too, but nobody waits for it. Who is told to abort gets two signals, and may have obeyed the first before the
second comes: so signals are heard by handlers that stay to the end of the process, and a late one changes nothing
(those of asyncio go with its loop, and what comes then kills).

A supervised part's standard input is its *life line*, a pipe that only its supervisor writes to: it ends when the
supervisor dies, even by kill -9. Then the part drains as after a signal, and a thread of its own ends the process for
certain when that takes too long. So no part outlives its supervisor, whatever its event loop does.
"""

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from ops.reports import Notice, Ready, Reporter

LOST_EXIT = 75
"""Exit code of a part that did not end in time after its supervisor was gone."""
_STDIN, _STDOUT, _STDERR = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Lifetime:
    """What a part's coroutine is given."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    """Set: take nothing new, end what is open."""
    retire: asyncio.Event = field(default_factory=asyncio.Event)
    """Set: the same without hurry, a successor serves already."""
    abort: asyncio.Event = field(default_factory=asyncio.Event)
    """Set: end now."""
    reporter: Reporter = field(default_factory=lambda: Reporter(None))

    def ready(self, address: str = "", *, login: str = "", database_url: str = "") -> None:
        """Say that the part serves."""
        self.reporter.send(Ready(address, login, database_url))

    def notice(self, text: str) -> None:
        """Say something that the user should read."""
        self.reporter.send(Notice(text))

    def ask_to_stop(self) -> None:
        """The first time: stop; from the second on: abort."""
        (self.abort if self.stop.is_set() else self.stop).set()


Main = Callable[[Lifetime], Awaitable[None]]


async def live(main: Main, reporter: Reporter, *, supervised: bool, grace_s: float) -> None:
    """Run ``main`` until it returns, with signals and the life line wired to its Lifetime.

    ``grace_s``: how long it may go on without its supervisor.
    """
    lifetime = Lifetime(reporter=reporter)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        _hear(number, lifetime.ask_to_stop, loop)
    _hear(signal.SIGUSR1, lifetime.retire.set, loop)
    if supervised:
        watch_line(_STDIN, lambda: loop.call_soon_threadsafe(lifetime.stop.set), grace_s)
    await main(lifetime)


def _hear(number: signal.Signals, act: Callable[[], None], loop: asyncio.AbstractEventLoop) -> None:
    def heard(*_: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: the process is ending
            loop.call_soon_threadsafe(act)

    signal.signal(number, heard)


def watch_line(descriptor: int, on_lost: Callable[[], object], grace_s: float) -> None:
    """Call ``on_lost`` in a thread of its own when the line ends; end the process ``grace_s`` later."""

    def watch() -> None:
        while os.read(descriptor, 512):
            pass
        try:
            on_lost()
        except RuntimeError:
            os._exit(LOST_EXIT)  # the loop is closed: nobody would ever see the event
        time.sleep(grace_s)
        os._exit(LOST_EXIT)

    threading.Thread(target=watch, name="life line", daemon=True).start()


def take_over_stdout() -> int:
    """Keep the report pipe to ourselves, as the descriptor returned: what anybody else prints goes to the log."""
    sys.stdout.flush()
    pipe = os.dup(_STDOUT)
    os.dup2(_STDERR, _STDOUT)
    return pipe
