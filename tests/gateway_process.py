"""A gateway worker in a process of its own: what it costs, what it says, and what becomes of it when it is killed."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.running_gateway import Recorded, recorded_in
from tests.wire_client import WireClient, wire_client

WORKER = """
import asyncio, json, resource, sys
from pathlib import Path
from gateway.app import serve
from gateway.config import GatewayConfig
from ops.allocator import give_back_large_blocks
from ops.collector import collect_rarely
from tests.managed import no_access
import uvloop
told, sys.stdout = sys.stdout, sys.stderr  # what it logs belongs to the log
root, upstream, files, settings = sys.argv[1:]
low, hard = int(files) or 256, int(files) or resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (low, hard))
config = GatewayConfig(
    journal_root=Path(root), fingerprint_key=b"k", upstream_url=upstream, **{"port": 0, **json.loads(settings)}
)
def ready(addresses):
    collect_rarely()
    give_back_large_blocks()
    print(addresses[0][1], file=told, flush=True)
uvloop.run(serve(config, no_access(), stop=asyncio.Event(), abort=asyncio.Event(), ready=ready))
"""


@dataclass
class GatewayProcess:
    """The worker seen from outside."""

    pid: int
    port: int
    root: Path
    """Of its journal."""
    log: Path
    """All that it has said."""

    def memory(self) -> int:
        """Resident bytes."""
        return int(psutil.Process(self.pid).memory_info().rss)

    def files(self) -> int:
        return psutil.Process(self.pid).num_fds()

    def said(self) -> str:
        return self.log.read_text()

    def recorded(self) -> list[Recorded]:
        return list(recorded_in(self.root).values())

    async def metrics(self) -> dict[str, float]:
        """Samples of this worker by name, labels and all but ``part``."""
        async with wire_client(self.port) as client:
            page = (await client.request("GET", b"/metrics")).body.decode()
        page = re.sub(r'\{part="gateway"\}|part="gateway",|,part="gateway"', "", page)
        samples = (line.rpartition(" ") for line in page.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in samples}

    async def rests(self) -> None:
        """Wait until no request is in flight but the one that asks."""

        async def open_streams() -> float:
            return (await self.metrics())["nexus_open_streams"]

        async with asyncio.timeout(20):
            while await open_streams() > 1:
                pass

    @asynccontextmanager
    async def client(self) -> AsyncIterator[WireClient]:
        async with wire_client(self.port) as client:
            yield client


@asynccontextmanager
async def gateway_process(
    root: Path,
    upstream_url: str,
    *,
    files: int = 0,
    variables: Mapping[str, str] | None = None,
    **settings: Any,
) -> AsyncIterator[GatewayProcess]:
    """Killed at the end. It begins with a low soft limit of open files, as a shell would give it.

    ``files``: the hard limit; 0: ours. ``variables``: its environment; None: ours.
    """
    log = root / "log"
    with log.open("wb") as said:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", WORKER, str(root), upstream_url, str(files), json.dumps(settings),
            stdout=asyncio.subprocess.PIPE, stderr=said, env=variables,
        )  # fmt: skip
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            line = await process.stdout.readline()
        assert line, log.read_text()
        yield GatewayProcess(process.pid, int(line), root, log)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
