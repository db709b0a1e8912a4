"""The Panel worker runs, is started again when it dies, and never outlives us."""

import asyncio
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from dashboard import worker as module
from dashboard.worker import PanelWorker
from tests.waiting import until

LISTENS = """
import os, socket, sys
with open(sys.argv[1] + ".pids", "a") as diary:
    diary.write(f"{os.getpid()}\\n")
if os.path.exists(sys.argv[1]):
    os.unlink(sys.argv[1])
sock = socket.socket(socket.AF_UNIX)
sock.bind(sys.argv[1])
sock.listen()
"""
UNTIL_ITS_LINE_ENDS = LISTENS + "sys.stdin.read()\n"
IGNORES_SIGNALS = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + LISTENS
ENDS_BY_ITS_LINE = (
    IGNORES_SIGNALS
    + """
sys.stdin.read()
open(sys.argv[1] + ".said", "w").write("my line has ended")
"""
)
DIES = LISTENS + "sys.exit(3)\n"
DEAF = IGNORES_SIGNALS + "import time\ntime.sleep(600)\n"


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="nx") as path:
        yield Path(path)


@asynccontextmanager
async def running(script: str, path: Path) -> AsyncIterator[PanelWorker]:
    worker = PanelWorker((sys.executable, "-c", script, str(path)), path)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(worker.keep_running())
        yield worker
        task.cancel()


def pids(path: Path) -> list[int]:
    diary = Path(f"{path}.pids")
    return [int(line) for line in diary.read_text().splitlines()] if diary.exists() else []


def last_words(path: Path) -> str:
    return Path(f"{path}.said").read_text()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def until_up(worker: PanelWorker, path: Path) -> None:
    await until(lambda: is_listening(path))
    assert await worker.is_up()


def is_listening(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as sock:
        return sock.connect_ex(str(path)) == 0


async def test_it_is_up_when_somebody_listens_and_ends_with_us(folder: Path) -> None:
    path = folder / "s"
    async with running(UNTIL_ITS_LINE_ENDS, path) as worker:
        await until_up(worker, path)
        (pid,) = pids(path)
    assert not is_alive(pid)
    assert not await worker.is_up()


async def test_when_it_is_killed_another_one_comes(folder: Path) -> None:
    path = folder / "s"
    async with running(UNTIL_ITS_LINE_ENDS, path) as worker:
        await until_up(worker, path)
        os.kill(pids(path)[0], signal.SIGKILL)
        await until(lambda: len(pids(path)) == 2)
        await until_up(worker, path)
    assert [is_alive(pid) for pid in pids(path)] == [False, False]


@pytest.mark.parametrize("script", [UNTIL_ITS_LINE_ENDS, DEAF], ids=["obedient", "deaf"])
async def test_it_can_be_started_anew(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    monkeypatch.setattr(module, "STOP_S", 0.2)
    path = folder / "s"
    async with running(script, path) as worker:
        assert worker.pid is None
        worker.renew()  # nothing runs that could be
        await until_up(worker, path)
        assert [worker.pid] == pids(path)
        worker.renew()
        await until(lambda: len(pids(path)) == 2)
        await until(lambda: worker.pid == pids(path)[1])
        assert not is_alive(pids(path)[0])
    assert worker.pid is None


async def test_who_always_dies_is_started_ever_more_slowly(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    enough = asyncio.Event()

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) >= 7:
            enough.set()
            await asyncio.Event().wait()

    monkeypatch.setattr("dashboard.worker.asyncio.sleep", sleep)
    async with running(DIES, folder / "s"):
        await asyncio.wait_for(enough.wait(), 60)
    assert pauses == sorted(pauses)
    assert pauses[-1] == pauses[-2] == module.LONGEST_PAUSE_S
    assert pauses[1] == 2 * pauses[0]


async def test_who_ran_long_enough_is_started_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEALTHY_S", 0.0)
    pauses: list[float] = []
    enough = asyncio.Event()

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) >= 3:
            enough.set()
            await asyncio.Event().wait()

    monkeypatch.setattr("dashboard.worker.asyncio.sleep", sleep)
    async with running(DIES, folder / "s"):
        await asyncio.wait_for(enough.wait(), 60)
    assert pauses == [module.FIRST_PAUSE_S] * 3


async def test_the_end_of_its_life_line_is_enough(folder: Path) -> None:
    path = folder / "s"
    async with running(ENDS_BY_ITS_LINE, path) as worker:
        await until_up(worker, path)
    assert last_words(path) == "my line has ended"


async def test_who_does_not_listen_to_us_is_killed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STOP_S", 0.2)
    path = folder / "s"
    async with running(DEAF, path) as worker:
        await until_up(worker, path)
    assert [is_alive(pid) for pid in pids(path)] == [False]


async def test_a_command_that_cannot_be_run_is_tried_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = asyncio.Event()

    async def sleep(_: float) -> None:
        tried.set()
        await asyncio.Event().wait()

    monkeypatch.setattr("dashboard.worker.asyncio.sleep", sleep)
    worker = PanelWorker((str(folder / "no-such-program"),), folder / "s")
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(worker.keep_running())
        await asyncio.wait_for(tried.wait(), 20)
        task.cancel()


async def test_without_a_command_somebody_else_runs_it(folder: Path) -> None:
    path = folder / "s"
    worker = PanelWorker((), path)
    await asyncio.wait_for(worker.keep_running(), 5)
    assert not await worker.is_up()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        assert await worker.is_up()
    assert not await worker.is_up()
