"""Projectors as processes, for tests: started, stopped, killed, looked at."""

import asyncio
import itertools
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil

from tests.stack import environment
from tests.trapped_projector import Order
from tests.waiting import until


@dataclass
class Projectors:
    """One process that forks projectors."""

    server: asyncio.subprocess.Process
    order: Order
    folder: Path
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    async def start(self, **changes: object) -> int:
        """A projector in a home of its own; its pid."""
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        home = self.folder / f"projector-{next(self.numbers)}"
        home.mkdir(parents=True)
        order = replace(self.order, home=str(home), **changes)  # type: ignore[arg-type]
        self.server.stdin.write(f"{order.line()}\n".encode())
        async with asyncio.timeout(30):
            return int(await self.server.stdout.readline())


@asynccontextmanager
async def projectors(database_url: str, folder: Path, **given: object) -> AsyncIterator[Projectors]:
    """All of them are gone afterwards."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.trapped_projector", env=environment(folder),
        cwd=Path(__file__).parents[1], stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    order = replace(Order(database_url, ""), **given)  # type: ignore[arg-type]
    try:
        yield Projectors(process, order, folder)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        async with asyncio.timeout(30):
            await process.wait()


async def dead(pid: int) -> None:
    """Until it is."""
    await until(lambda: not psutil.pid_exists(pid), f"the end of {pid}")


async def stopped(pid: int) -> None:
    """Until it is."""
    await until(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED, f"the stop of {pid}")


def send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
