"""How is the real product run to be tortured? As ``nexus up``, or as its parts, each started again at once.

``nexus up`` rests a part that dies too often. Where a hundred deaths are wanted, ``pieces`` runs the same processes
and has no patience to lose.
"""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from domain.errors import NexusError
from gateway.listening import listen
from ops import run_state
from ops.home import Home, prepare
from ops.plan import PROJECTOR, SHIPPER, command_line, gateway_names, is_gateway, supervised
from ops.processes import Launch, PartProcess, start
from ops.reports import Ready, Report
from ops.serve_database import migrated
from ops.settings import inherited
from ops.supervision_types import Urgency
from ops.torture.client import Place

READY_S = 90.0
STOP_S = 60.0
_LINES = 1 << 20
_LOOK_S = 0.02
_HOST = "127.0.0.1"
_BREATH_S = 0.1
"""Before a part that ended is started again: one that cannot start must not eat the machine."""


class DidNotRunError(NexusError):
    """The product did not get ready or did not stop."""


class Product(Protocol):
    """What is running."""

    @property
    def place(self) -> Place: ...
    @property
    def home(self) -> Home: ...
    def pid(self, part: str) -> int | None:
        """Of the part's process; None: it has none just now."""
        ...

    def is_well(self) -> bool:
        """All parts are ready."""
        ...

    async def stop(self) -> int:
        """In good order; 0: it was."""
        ...


def environment(home: Path, upstream: str, database_url: str, more: Mapping[str, str]) -> dict[str, str]:
    """Nothing of the user's own settings reaches the product."""
    return {
        "PATH": inherited({}).get("PATH", ""),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "NEXUS_HOME": str(home),
        "NEXUS_GATEWAY_HOST": _HOST,
        "NEXUS_GATEWAY_PORT": "0",
        "NEXUS_DASHBOARD_HOST": _HOST,
        "NEXUS_DASHBOARD_PORT": "0",
        "NEXUS_UPSTREAM_URL": upstream,
        "DATABASE_URL": database_url,
        **more,
    }


def signalled(product: Product, part: str, number: signal.Signals) -> int | None:
    """Send it to the part; the pid that got it."""
    pid = product.pid(part)
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
            return pid
    return None


async def until_well(product: Product, deadline_s: float = READY_S) -> None:
    """Raises DidNotRunError."""
    end = time.monotonic() + deadline_s
    while not product.is_well():
        if time.monotonic() > end:
            raise DidNotRunError(f"Not all parts got ready within {deadline_s:g} s; see {product.home.logs}.")
        await asyncio.sleep(_LOOK_S)


# ------------------------------------------------------------------------------------------------------------ nexus up


@dataclass
class Up:
    """``nexus up`` as a child process."""

    process: asyncio.subprocess.Process
    home: Home
    place: Place

    def pid(self, part: str) -> int | None:
        state = run_state.read(self.home)
        return state.parts[part].pid if state and part in state.parts else None

    def is_well(self) -> bool:
        state = run_state.read(self.home)
        return state is not None and all(part.phase in {"ready", "done"} for part in state.parts.values())

    async def stop(self) -> int:
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGINT)
        try:
            async with asyncio.timeout(STOP_S):
                return await self.process.wait()
        except TimeoutError:
            raise DidNotRunError(f"`nexus up` did not stop within {STOP_S:g} s; see {self.home.logs}.") from None


@asynccontextmanager
async def up(root: Path, env: Mapping[str, str]) -> AsyncIterator[Up]:
    """Ready when this yields; at the end of the ``with`` nothing is left of it. Raises DidNotRunError."""
    home, log = prepare(root), root / "up.log"
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *command_line("up", "--json-ready"), env=dict(env), cwd=root, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=errors, limit=_LINES, start_new_session=True,
        )  # fmt: skip
    try:
        yield Up(process, home, await _said(process, log))
    finally:
        await _gone(process)


async def _said(process: asyncio.subprocess.Process, log: Path) -> Place:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(READY_S):
            line = await process.stdout.readline()
    except TimeoutError:
        line = b""
    if not line:
        said = await asyncio.to_thread(log.read_text, errors="replace")
        raise DidNotRunError(f"`nexus up` did not get ready: {said.strip()[-300:]}")
    return Place(_HOST, int(str(json.loads(line)["gateway"]).rpartition(":")[2]))


async def _gone(process: asyncio.subprocess.Process) -> None:
    """Its parts live on its life line: they end when it does."""
    if process.returncode is None:
        process.terminate()
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                await process.wait()
    if process.returncode is None:
        process.kill()
        await process.wait()


# -------------------------------------------------------------------------------------------------------------- pieces


@dataclass
class Pieces:
    """The parts without ``nexus up``; whoever ends is started again until ``stop``."""

    home: Home
    place: Place
    environment: Mapping[str, str]
    descriptors: tuple[int, ...]
    names: tuple[str, ...]
    running: dict[str, PartProcess] = field(default_factory=dict)
    ready: set[str] = field(default_factory=set)
    stopping: bool = False
    codes: dict[str, int] = field(default_factory=dict)

    def pid(self, part: str) -> int | None:
        process = self.running.get(part)
        return process.pid if process else None

    def is_well(self) -> bool:
        return self.ready >= set(self.names)

    async def keep(self, name: str) -> None:
        """Run the part again and again."""
        while not self.stopping:
            process = self.running[name] = start(self._launch(name))

            def note(report: Report) -> None:
                if isinstance(report, Ready):
                    self.ready.add(name)

            self.codes[name] = await process.watch(note)
            self.running.pop(name)
            self.ready.discard(name)
            await asyncio.sleep(_BREATH_S)

    def _launch(self, name: str) -> Launch:
        descriptors = self.descriptors if is_gateway(name) else ()
        log_file = self.home.logs / f"{name}.log"
        return Launch(supervised(name, descriptors), self.environment, log_file, descriptors=descriptors)

    async def stop(self) -> int:
        self.stopping = True
        gateways = [name for name in self.names if is_gateway(name)]
        for wave in (gateways, [name for name in self.names if name not in gateways]):
            await self._stop(wave)
        return max((abs(self.codes.get(name, 0)) for name in self.names), default=0)

    async def _stop(self, names: list[str]) -> None:
        for urgency in (Urgency.DRAIN, Urgency.KILL):
            for name in names:
                if name in self.running:
                    self.running[name].tell(urgency)
            end = time.monotonic() + STOP_S / 2
            while any(name in self.running for name in names):
                if time.monotonic() > end:
                    break
                await asyncio.sleep(_LOOK_S)


@asynccontextmanager
async def pieces(root: Path, env: Mapping[str, str], workers: int = 1) -> AsyncIterator[Pieces]:
    """Ready when this yields; at the end of the ``with`` nothing is left of it. Raises DidNotRunError."""
    home = prepare(root)
    await migrated(env["DATABASE_URL"])
    async with AsyncExitStack() as stack:
        sockets = listen((_HOST,), 0)
        for sock in sockets:
            stack.callback(sock.close)
        names = (*gateway_names(workers), SHIPPER, PROJECTOR)
        place = Place(_HOST, sockets[0].getsockname()[1])
        product = Pieces(home, place, env, tuple(sock.fileno() for sock in sockets), names)
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        stack.push_async_callback(product.stop)
        for name in names:
            tasks.create_task(product.keep(name))
        await until_well(product)
        yield product
