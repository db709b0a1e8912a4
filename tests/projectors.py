"""Projectors as processes, for tests: started, stopped, killed, looked at."""

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil
import pytest

from tests.stack import environment
from tests.trapped_projector import Order
from tests.waiting import until

ForkServer = subprocess.Popen[bytes]


@pytest.fixture(scope="session")
def fork_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    """The process that forks them; it has everything loaded."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.trapped_projector"], env=environment(tmp_path_factory.mktemp("projectors")),
        cwd=Path(__file__).parents[1], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
    ) as process:  # fmt: skip
        yield process
        assert process.stdin is not None
        process.stdin.close()


@dataclass
class Projectors:
    """Those of one test."""

    server: ForkServer
    order: Order
    folder: Path
    pids: list[int] = field(default_factory=list)
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def start(self, **changes: object) -> int:
        """A projector in a home of its own; its pid."""
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        home = self.folder / f"projector-{next(self.numbers)}"
        home.mkdir(parents=True)
        order = replace(self.order, home=str(home), **changes)  # type: ignore[arg-type]
        self.server.stdin.write(f"{order.line()}\n".encode())
        self.pids.append(int(self.server.stdout.readline()))
        return self.pids[-1]

    def log(self, pid: int) -> str:
        return (self.folder / f"projector-{self.pids.index(pid)}" / "log").read_text()


@asynccontextmanager
async def projectors(server: ForkServer, database_url: str, folder: Path, **given: object) -> AsyncIterator[Projectors]:
    """All of them are gone afterwards."""
    running = Projectors(server, replace(Order(database_url, ""), **given), folder)  # type: ignore[arg-type]
    try:
        yield running
    finally:
        for pid in running.pids:
            send(pid, signal.SIGKILL)
        for pid in running.pids:
            await dead(pid)


async def dead(pid: int) -> None:
    """Until it is."""
    await until(lambda: not psutil.pid_exists(pid), f"the end of {pid}")


async def stopped(pid: int) -> None:
    """Until it is."""
    await until(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED, f"the stop of {pid}")


def send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
