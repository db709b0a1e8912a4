"""The whole product, started as a user starts it, in a home of its own, with an upstream of ours."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from aiohttp import ClientSession, ClientTimeout

from tests.requirements import given
from tests.waiting import until_true

DEADLINE_S = 60.0
NEXUS = (sys.executable, "-P", "-m", "ops.cli")
_LINES = 2**20


def environment(home: Path, **more: str) -> dict[str, str]:
    """Nothing of this machine but the PATH."""
    return {"PATH": given("PATH"), "HOME": str(home), "NEXUS_HOME": str(home / "nexus"), "LANG": "C.UTF-8", **more}


@dataclass
class Stack:
    """A running ``nexus up``."""

    process: asyncio.subprocess.Process
    home: Path
    gateway: str
    dashboard: str
    login: str
    environment: Mapping[str, str]
    before: int = 0
    """So many requests are of somebody else, who was here before."""

    @property
    def gateway_port(self) -> int:
        return int(self.gateway.rpartition(":")[2])

    @property
    def key(self) -> str:
        """The key of the read API, generated into the home."""
        return (self.home / "keys" / "dashboard.key").read_text().strip()

    @property
    def database_url(self) -> str:
        """Of its embedded database."""
        return str(json.loads((self.home / "run" / "state.json").read_text())["database_url"])

    def part(self, name: str) -> int:
        """The pid of one of its processes."""
        state = json.loads((self.home / "run" / "state.json").read_text())
        return int(state["parts"][name]["pid"])

    def state(self, name: str) -> str:
        """What one of its parts is doing."""
        state = json.loads((self.home / "run" / "state.json").read_text())
        return str(state["parts"][name]["phase"])

    async def api(self, path: str, **query: str) -> Any:
        """JSON of the read API."""
        status, body = await self.fetch(path, **query)
        assert status == 200, body
        return json.loads(body)

    async def fetch(self, path: str, **query: str) -> tuple[int, bytes]:
        async with (
            _session() as session,
            session.get(self.dashboard + path, params=query, headers={"X-Nexus-Key": self.key}) as response,
        ):
            return response.status, await response.read()

    async def requests(self, count: int) -> list[dict[str, Any]]:
        """The newest requests, oldest first, as soon as there are ``count`` and all are ended, linked and counted."""
        await until_true(lambda: self._are_there(self.before + count), f"{count} requests", DEADLINE_S)
        ends = (await self.api("/api/health"))["store"]["newest"]
        await until_true(lambda: self._is_projected(ends), "the projections", DEADLINE_S)
        return list(reversed((await self.api("/api/requests", limit="500"))["items"]))[self.before :]

    async def _are_there(self, count: int) -> bool:
        items = (await self.api("/api/requests", limit="500"))["items"]
        return len(items) >= count and all(one["edge"] and one["outcome"] != "open" for one in items)

    async def _is_projected(self, position: int) -> bool:
        return bool((await self.api("/api/health"))["store"].get("projected", 0) >= position)

    async def command(self, *words: str, code: int = 0) -> str:
        """Run ``nexus …`` on the same home; its standard output."""
        out, err, found = await run_nexus(self.environment, *words)
        assert found == code, err
        return out

    async def stop(self) -> int:
        return await _stopped(self.process)


async def _stopped(process: asyncio.subprocess.Process) -> int:
    if process.returncode is None:
        process.send_signal(signal.SIGINT)
    async with asyncio.timeout(DEADLINE_S):
        return await process.wait()


async def run_nexus(env: Mapping[str, str], *words: str) -> tuple[str, str, int]:
    """(standard output, standard error, exit code) of one command."""
    process = await asyncio.create_subprocess_exec(
        *NEXUS, *words, env=dict(env), stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(DEADLINE_S):
        out, err = await process.communicate()
    assert process.returncode is not None
    return out.decode(), err.decode(), process.returncode


def hear_interrupts() -> None:
    """Whoever is started in the background of a script ignores Ctrl-C, and so would all that it starts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@asynccontextmanager
async def stack(home: Path, upstream: str, **settings: str) -> AsyncIterator[Stack]:
    """``nexus up`` until the end of the ``with``; then Ctrl-C, and it must end cleanly."""
    env = environment(home, NEXUS_UPSTREAM_URL=upstream, NEXUS_GATEWAY_PORT="0", NEXUS_DASHBOARD_PORT="0", **settings)
    async with ended(await start(env)) as running:
        yield running


@asynccontextmanager
async def ended(running: Stack) -> AsyncIterator[Stack]:
    """At the end of the ``with``: Ctrl-C, and it must end cleanly."""
    try:
        yield running
        assert await running.stop() == 0
    finally:
        if running.process.returncode is None:
            running.process.kill()
            await running.process.wait()


async def start(env: Mapping[str, str], *command: str) -> Stack:
    """Run ``nexus up``, or another command that starts everything; returns when it is ready.

    If it does not become ready, or nobody waits for that any more, it is stopped."""
    hear_interrupts()
    log = Path(env["HOME"]) / "up.log"
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *NEXUS, *(command or ("up",)), "--json-ready", env=dict(env), stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=errors, limit=_LINES, start_new_session=True,
        )  # fmt: skip
    assert process.stdout is not None
    line = b""
    try:
        async with asyncio.timeout(DEADLINE_S):
            line = await process.stdout.readline()
    finally:
        if not line:
            await _stopped(process)
    assert line, log.read_text()
    said = json.loads(line)
    return Stack(process, Path(said["home"]), said["gateway"], said["dashboard"], said["login"], env)


def request_id_of(headers: Mapping[str, str] | tuple[tuple[str, str], ...]) -> UUID:
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return UUID(next(value for name, value in pairs if name.lower() == "x-nexus-request-id"))


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _session() -> ClientSession:
    return ClientSession(timeout=ClientTimeout(total=DEADLINE_S))
