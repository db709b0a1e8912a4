"""How is the demo run from its first line to its last? The stand-in, all of Nexus, and the play in one go."""

import asyncio
import secrets
import signal
import time
from collections.abc import Mapping
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ops import plan
from ops.addresses import address_of
from ops.clock import utc_now
from ops.console import Console
from ops.database import end_database_left_behind
from ops.demo import demo_home, stack, texts
from ops.demo.answers import Script
from ops.demo.ids import Ids
from ops.demo.pace import FAST, HUMAN, Pace
from ops.demo.played import Played, line
from ops.demo.player import Outcome, Play, play
from ops.demo.programme import MINUTES, STORIES
from ops.demo.stand_in import StandIn, serving
from ops.home import Home
from ops.home_lock import held, me
from ops.reports import Ready
from ops.settings import Settings, load
from ops.startup_text import Addresses

BROKEN_EXIT = 1
_SEED_BYTES = 4


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on the command line."""

    fast: bool = False
    ends: bool = False
    """Stop everything after the play."""
    fresh: bool = False
    home: Path | None = None
    """None: ``demo`` in the user's home of Nexus."""
    seed: str | None = None
    """None: a new one."""
    json_ready: bool = False


def run(options: Options) -> int:
    """Run the demo until it ends or is stopped; the exit code. Raises NexusError if it cannot begin."""
    users = load(Path.cwd())
    home = demo_home.settle((options.home or users.home / "demo").expanduser().absolute())
    settings = stack.demo_settings(users, home.root)
    gateway = address_of(settings.gateway_host[0], settings.gateway_port)
    dashboard = address_of(settings.dashboard_host[0], settings.dashboard_port)
    with held(home, me("demo", gateway, dashboard)), chdir(home.root):  # a .env of the user's stays out of it
        if options.fresh:
            end_database_left_behind(settings, home)
            demo_home.empty(home)
        seed = options.seed or secrets.token_hex(_SEED_BYTES)
        demo_home.claim(home, seed)
        with demo_home.played_file(home).open("ab") as played:
            code = asyncio.run(Show(options, home, seed, played).run(settings))
        end_database_left_behind(settings, home)
    return code


class Show:
    """One demo that runs."""

    def __init__(self, options: Options, home: Home, seed: str, played: BinaryIO) -> None:
        self._options = options
        self._home = home
        self._seed = seed
        self._played = played
        self._pace: Pace = FAST if options.fast else HUMAN
        self._script = Script()
        self._console = Console(time.monotonic)
        self._gateway = ""
        self._ready = asyncio.Event()
        self._outcome = Outcome()

    async def run(self, settings: Settings) -> int:
        stand_in = StandIn(self._script, self._pace, Ids(f"{self._seed}/upstream"), utc_now)
        async with serving(stand_in) as upstream, asyncio.TaskGroup() as tasks:
            settings = settings.model_copy(update={"upstream_url": upstream})
            supervisor = stack.supervisor(settings, self._home, self._announce, self._console)
            playing = tasks.create_task(self._play())
            code = await supervisor.run()
            playing.cancel()
        return code or (BROKEN_EXIT if self._outcome.failed else 0)

    def _announce(self, said: Mapping[str, Ready]) -> None:
        dashboard = said[plan.DASHBOARD]
        addresses = Addresses(said[plan.GATEWAY].address, dashboard.address, dashboard.login)
        root = str(self._home.root)
        if self._options.json_ready:
            text = texts.ready_json(addresses, root, self._seed)
        else:
            text = texts.ready_text(addresses, root, len(STORIES), 0 if self._options.fast else MINUTES)
        print(text, flush=True)  # noqa: T201 - what the command is asked for; the rest goes to standard error
        self._gateway = addresses.gateway
        self._ready.set()

    async def _play(self) -> None:
        await self._ready.wait()
        began = time.monotonic()
        how = Play(
            script=self._script,
            pace=self._pace,
            seed=self._seed,
            today=utc_now().date(),
            say=lambda text: self._console.say(texts.progress(time.monotonic() - began, text)),
            note=self._keep,
        )
        self._outcome = await play(self._gateway, STORIES, how)
        ends = self._options.ends
        self._console.say(texts.ended_text(len(self._outcome.played), self._outcome.failed, goes_on=not ends))
        if ends:
            signal.raise_signal(signal.SIGTERM)  # the supervisor's own way of being asked to stop

    def _keep(self, played: Played) -> None:
        self._played.write(line(played))
        self._played.flush()
